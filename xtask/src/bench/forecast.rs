//! How far the forecast of `reaches` is off: three made-up leaks through the engine's own code, and one
//! real process that leaks at a known rate under the daemon.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Extent;
use super::stamps::Stamps;
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Kind, Service};

/// MB a second and the limit: 32 s, of which the rule's forecast is the second half.
const RATE: u64 = 8;
const LIMIT: u64 = 256;
const AHEAD: f64 = 16.0;

pub(super) fn measure(bed: &Bed, _: &Extent, table: &mut Table) -> Result<()> {
    let said = Command::new(bed.at("forecast")).output()?;
    ensure!(said.status.success(), "forecast: {}", String::from_utf8_lossy(&said.stderr));
    let errors: Value = serde_json::from_slice(&said.stdout)?;
    for leak in ["linear", "stepped", "saw-tooth"] {
        let error = errors[leak].as_f64().unwrap_or(f64::NAN);
        table
            .alone(&format!("forecast at half-way, {leak}: error"), "%", error * 100.0)
            .goal("≤ 15 %");
    }
    if !bed.turns(0).contains(&Kind::Ours) {
        return Ok(());
    }
    eprintln!("forecast of a real leak");
    let (pidfile, stamps) = (bed.at("leak.pid"), Stamps::new(bed.at("leak.stamps")));
    let mut load = Strain::start(&bed.at("strain"), Some(&pidfile))?;
    let exec = format!("{} stamp {}", bed.load().display(), stamps.file().display());
    let rule =
        format!("if: totalmem reaches {LIMIT} MB within {AHEAD} seconds, then: {{ exec: {exec} }}");
    let mut tool = bed.start(Kind::Ours, &Service { ours: &[rule], ..Service::of(&pidfile) })?;
    tool.settle()?;
    let reached = load.ask(&format!("leak {RATE} {LIMIT}"))?;
    let said = stamps.next(0, Duration::from_secs(5)).context("no forecast")?;
    let left = (reached as f64 - said as f64) / 1e9;
    let error = (left - AHEAD).abs() / AHEAD;
    table.alone("forecast of a real leak, 16 s ahead: error", "%", error * 100.0).goal("≤ 15 %");
    Ok(())
}
