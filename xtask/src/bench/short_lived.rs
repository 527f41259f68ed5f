//! CPU of children that live a few milliseconds: what each tool shows of it, against the kernel's
//! own account of the group.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::account::Account;
use super::cost::Ended;
use super::stamps::now;
use super::table::Table;
use super::tool::{Bed, Kind, Service, Tool};
use super::{Extent, median};

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let pidfile = bed.at("burst.pid");
    let truth = Account::new()?;
    let mut burst =
        Ended(Command::new(bed.load()).arg("burst").arg(&pidfile).stdin(Stdio::null()).spawn()?);
    truth.enter(burst.0.id())?;
    let cpus = std::thread::available_parallelism()?.get() as f64;
    let mut shown = [Vec::new(), Vec::new()];
    let mut exact = Vec::new();
    for run in 0..extent.runs {
        for kind in bed.turns(run) {
            eprintln!("short-lived children, run {}: {kind:?}", run + 1);
            let mut tool = bed.start(kind, &Service::of(&pidfile))?;
            tool.settle()?;
            let (counted, first, begin) = (settled_seconds(&tool)?, truth.seconds()?, now());
            let mut samples = Vec::new();
            while now() - begin < extent.window.as_secs_f64() {
                std::thread::sleep(Duration::from_secs(1));
                samples.push(tool.totalcpu()?.context("the service is not seen")?);
            }
            let (counted_last, last, end) = (settled_seconds(&tool)?, truth.seconds()?, now());
            let real = (last - first) / (end - begin) / cpus;
            let mean = samples.iter().sum::<f64>() / samples.len() as f64;
            shown[kind as usize].push(mean / real);
            if let (Some(from), Some(to)) = (counted, counted_last) {
                exact.push((to - from) / (last - first));
            }
        }
    }
    let percent = |values: &[f64]| median(values) * 100.0;
    let [ours, monit] = [percent(&shown[0]), percent(&shown[1])];
    table.row("CPU of short-lived children shown, of the truth", "%", ours, monit);
    table.alone("CPU seconds of the group counted, of the truth", "%", percent(&exact));
    burst.end();
    Ok(())
}

/// CPU seconds of the group as our status has them, at the moment when they have just been counted
/// anew: the kernel's account is read then. None: Monit has no such number.
fn settled_seconds(tool: &Tool<'_>) -> Result<Option<f64>> {
    if tool.kind == Kind::Monit {
        return Ok(None);
    }
    let read =
        || Ok::<_, anyhow::Error>(tool.service_json()?["metrics"]["totalcpu_seconds"].as_f64());
    let before = read()?;
    for _ in 0..300 {
        let seconds = read()?;
        if seconds != before {
            return Ok(seconds);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("our CPU seconds of the group stand still");
}
