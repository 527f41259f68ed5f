//! `cargo xtask bench`: this daemon and Monit side by side in one run, on the same processes and
//! with rules that say the same.
//!
//! CPU time is counted and not the wall clock (`account`), so that a busy machine changes little;
//! every figure is a median of runs that alternate between the two. The work of our programs in the
//! kernel is done in the processes that they watch: it is not in the daemon's account, and the table
//! says so.

mod account;
mod cost;
mod crash;
mod herd;
mod short_lived;
mod table;
mod tool;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::step::{cargo, step, target};
use crate::test_tools;
use table::Table;
use tool::Bed;

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One short run of everything: to see that it works, not to quote
    #[arg(long)]
    quick: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
    /// Measure Monit alone
    #[arg(long, hide = true)]
    monit_only: bool,
}

/// How much is measured.
struct Extent {
    /// Alternating runs of each tool.
    runs: usize,
    /// How long each is measured after it has settled.
    window: Duration,
    /// Services killed.
    kills: usize,
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the bench loads eBPF programs and makes control groups: run it as root");
    }
    test_tools::install()?;
    let monit = test_tools::monit()?;
    if !args.monit_only {
        step("build", &mut cargo("build --release --quiet --package ebpf-watchdog"))?;
    }
    step("build what is watched", &mut cargo("build --quiet --package xtask --bin watched"))?;
    let ours = (!args.monit_only).then(|| target().join("release/ebpf-watchdog"));
    let bed = Bed::new(ours, monit, &target().join("debug/watched"))?;
    let extent = if args.quick {
        Extent { runs: 1, window: Duration::from_secs(5), kills: 3 }
    } else {
        Extent { runs: 5, window: Duration::from_secs(10), kills: 30 }
    };
    let mut table = Table::default();
    cost::measure(&bed, &extent, &mut table)?;
    crash::measure(&bed, &extent, &mut table)?;
    short_lived::measure(&bed, &extent, &mut table)?;
    if args.json {
        println!("{:#}", table.json());
    } else {
        print!("{table}");
    }
    Ok(())
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value below which the share `part` of the values lies, by linear interpolation.
fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = part * last as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_known_rows() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(percentile(&[1.0, 2.0], 1.0), 2.0);
        assert!(median(&[]).is_nan());
    }
}
