//! CPU of children that live a few milliseconds: what each tool shows of it, against the kernel's
//! own account of the group.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

use super::account::Account;
use super::cost::Ended;
use super::table::Table;
use super::tool::{Bed, Kind, Service};
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
            let mut tool = bed.start(kind, &Service { pidfile: &pidfile, start: None })?;
            tool.settle()?;
            let seconds = |tool: &super::tool::Tool<'_>| -> Result<Option<f64>> {
                Ok(match kind {
                    Kind::Ours => tool.service_json()?["metrics"]["totalcpu_seconds"].as_f64(),
                    Kind::Monit => None,
                })
            };
            let (begin, first, counted) = (now(), truth.seconds()?, seconds(&tool)?);
            let mut samples = Vec::new();
            while now() - begin < extent.window.as_secs_f64() {
                std::thread::sleep(Duration::from_secs(1));
                samples.push(tool.totalcpu()?.context("the service is not seen")?);
            }
            let (last, counted_last) = (truth.seconds()?, seconds(&tool)?);
            let real = (last - first) / (now() - begin) / cpus;
            let mean = samples.iter().sum::<f64>() / samples.len() as f64;
            shown[kind as usize].push(mean / real);
            if let (Some(a), Some(b)) = (counted, counted_last) {
                exact.push((b - a) / (last - first));
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

fn now() -> f64 {
    let t = clock_gettime(ClockId::Boottime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}
