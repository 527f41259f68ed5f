//! `cargo xtask bench`: this daemon and Monit side by side in one run, on the same processes and
//! with rules that say the same.
//!
//! CPU time is counted and not the wall clock (`account`), so that a busy machine changes little;
//! every figure is a median of runs that alternate between the two. The work of our programs in the
//! kernel is done in the processes that they watch: it is not in the daemon's account, and the table
//! says so.

mod account;
mod bomb;
mod brake;
mod cost;
mod crash;
mod crowd;
mod flood;
mod forecast;
mod limit;
mod reaction;
mod services;
mod short_lived;
mod spikes;
mod stamps;
mod storms;
mod strain;
mod table;
mod tax;
mod tool;

use std::path::PathBuf;
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
    /// Measure only this part; may stand several times
    #[arg(long, value_name = "NAME", value_parser = PARTS.map(|(name, _)| name))]
    only: Vec<String>,
    /// Measure Monit alone
    #[arg(long, hide = true)]
    monit_only: bool,
    /// Measure this program of ours and build none
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// How much is measured.
struct Extent {
    /// Alternating runs of each tool.
    runs: usize,
    /// How long each is measured after it has settled; ours proves its hooks every ten seconds.
    window: Duration,
    /// Services killed.
    kills: usize,
    /// Memory limits crossed, of each kind.
    crossings: usize,
    /// Spikes over a limit.
    spikes: usize,
    /// Fork storms seen, of each kind.
    storms: usize,
    /// Pairs of runs with and without us.
    taxes: usize,
    /// Services killed on a full host.
    full: usize,
    /// Fork storms braked, of each kind.
    brakes: usize,
    /// Seconds of a flood of short-lived processes.
    flood: u64,
}

const FULL: Extent = Extent {
    runs: 3,
    window: Duration::from_secs(10),
    kills: 20,
    crossings: 10,
    spikes: 20,
    storms: 5,
    taxes: 6,
    full: 10,
    brakes: 3,
    flood: 60,
};
const QUICK: Extent = Extent {
    runs: 1,
    window: Duration::from_secs(5),
    kills: 3,
    crossings: 2,
    spikes: 3,
    storms: 1,
    taxes: 1,
    full: 2,
    brakes: 1,
    flood: 10,
};

type Part = fn(&Bed, &Extent, &mut Table) -> Result<()>;

const PARTS: [(&str, Part); 14] = [
    ("cost", cost::measure),
    ("crash", crash::measure),
    ("short-lived", short_lived::measure),
    ("limit", limit::measure),
    ("spikes", spikes::measure),
    ("storms", storms::measure),
    ("tax", tax::measure),
    ("forecast", forecast::measure),
    ("reaction", reaction::measure),
    ("brake", brake::measure),
    ("crowd", crowd::measure),
    ("services", services::measure),
    ("flood", flood::measure),
    ("flood", bomb::measure),
];

/// Programs of the tests that make the loads.
const LOADS: [&str; 3] = ["strain", "storm", "forecast"];

/// Measures and prints.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the bench loads eBPF programs and makes control groups: run it as root");
    }
    test_tools::install()?;
    let monit = test_tools::monit()?;
    if !args.monit_only && args.program.is_none() {
        step("build", &mut cargo("build --release --quiet --package ebpf-watchdog"))?;
    }
    step("build what is watched", &mut cargo("build --quiet --package xtask --bin watched"))?;
    let loads = LOADS.map(|name| format!(" --bin {name}")).concat();
    step("build the loads", &mut cargo(&format!("build --quiet --package watchdog-tests{loads}")))?;
    let built = || target().join("release/ebpf-watchdog");
    let ours = (!args.monit_only).then(|| args.program.clone().unwrap_or_else(built));
    let debug = target().join("debug");
    let bed = Bed::new(ours, monit, &debug.join("watched"), &LOADS.map(|name| debug.join(name)))?;
    let extent = if args.quick { &QUICK } else { &FULL };
    let mut table = Table::default();
    for (name, measure) in PARTS {
        if args.only.is_empty() || args.only.iter().any(|only| only == name) {
            let begin = stamps::now();
            measure(&bed, extent, &mut table)?;
            eprintln!("{name}: {:.0} s", stamps::now() - begin);
        }
    }
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
