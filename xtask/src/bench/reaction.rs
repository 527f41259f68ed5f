//! From the death of a service to its start program on a host that is full: four processes that
//! compute, and an exponential storm of 3,000 that has just begun.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::{Signal, kill_process};

use super::brake::Storm;
use super::cost::Ended;
use super::crash::{kill, service};
use super::table::Table;
use super::tool::{Bed, Kind, Service};
use super::{Extent, median, percentile};

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let mut computing = Vec::new();
    for _ in 0..4 {
        let burn =
            Command::new(bed.load()).args(["burn", "300000"]).stdin(Stdio::null()).spawn()?;
        computing.push(Ended(burn));
    }
    let (mut first, mut normal, mut monit) = (Vec::new(), Vec::new(), Vec::new());
    for kind in bed.turns(0) {
        match kind {
            Kind::Ours => {
                first = deaths(bed, kind, extent, false)?;
                normal = deaths(bed, kind, extent, true)?;
            }
            Kind::Monit => monit = deaths(bed, kind, extent, false)?,
        }
    }
    for burn in &mut computing {
        burn.end();
    }
    let name = "crash to start program on a full host";
    for (how, ours) in [("FIFO", &first), ("normal class", &normal)] {
        table.row(&format!("{name}, {how}, median"), "ms", median(ours), median(&monit));
        let p95 = |waits: &[f64]| percentile(waits, 0.95);
        table.row(&format!("{name}, {how}, 95th percentile"), "ms", p95(ours), p95(&monit));
    }
    Ok(())
}

/// Milliseconds from each death to the start program.
fn deaths(bed: &Bed, kind: Kind, extent: &Extent, normal_class: bool) -> Result<Vec<f64>> {
    let (pidfile, stamp) = (bed.at("full.pid"), bed.at("full.stamp"));
    let line = format!("{} start {} {}", bed.load().display(), stamp.display(), pidfile.display());
    let words: Vec<&str> = line.split(' ').collect();
    ensure!(Command::new(words[0]).args(&words[1..]).status()?.success(), "{line}");
    let mut tool =
        bed.start(kind, &Service { start: Some(&line), normal_class, ..Service::of(&pidfile) })?;
    let _account = tool.account();
    tool.settle()?;
    let mut waits = Vec::new();
    for n in 0..extent.full {
        eprintln!(
            "full host, death {}: {kind:?}{}",
            n + 1,
            if normal_class { ", normal" } else { "" }
        );
        let mut storm = Storm::living(bed, "tree", 20_000, 300)?;
        std::thread::sleep(Duration::from_millis(20));
        storm.begin()?;
        // In the middle of it.
        std::thread::sleep(Duration::from_millis(150));
        waits.push(kill(bed, &pidfile, &stamp)? * 1e3);
        std::thread::sleep(Duration::from_millis(2_000 + (n as u64 * 137) % 1_000));
        ensure!(storm.born()? > 0, "there was no storm");
        storm.main.end();
    }
    drop(tool);
    kill_process(service(bed, &pidfile)?, Signal::KILL)?;
    Ok(waits)
}
