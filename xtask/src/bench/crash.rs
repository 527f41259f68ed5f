//! From the death of a service's main process to the first instruction of its start program.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::stamps::boot_ns;
use super::table::Table;
use super::tool::{Bed, Service};
use super::{Extent, median, percentile};

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let mut waits = [Vec::new(), Vec::new()];
    for kind in bed.turns(0) {
        eprintln!("crash to start program: {kind:?}");
        let (pidfile, stamp) = (bed.at("crash.pid"), bed.at("stamp"));
        let line =
            format!("{} start {} {}", bed.load().display(), stamp.display(), pidfile.display());
        let words: Vec<&str> = line.split(' ').collect();
        ensure!(Command::new(words[0]).args(&words[1..]).status()?.success(), "{line}");
        let mut tool = bed.start(kind, &Service { start: Some(&line), ..Service::of(&pidfile) })?;
        let _account = tool.account();
        tool.settle()?;
        for n in 0..extent.kills {
            waits[kind as usize].push(kill(bed, &pidfile, &stamp)?);
            // Not in step with anybody's cycle, and long enough for the start to be over.
            std::thread::sleep(Duration::from_millis(1_500 + (n as u64 * 137) % 1_000));
        }
        drop(tool);
        // The last one: its tool is gone, nobody starts it again.
        kill_process(service(bed, &pidfile)?, Signal::KILL)?;
    }
    let ms = |part: f64| waits.each_ref().map(|all| percentile(all, part) * 1e3);
    let [ours, monit] = waits.each_ref().map(|all| median(all) * 1e3);
    table.row("crash to start program, median", "ms", ours, monit).goal("≤ 5 ms");
    let [ours, monit] = ms(0.95);
    table.row("crash to start program, 95th percentile", "ms", ours, monit);
    Ok(())
}

/// Kills the service and tells after how many seconds its start program began.
pub(super) fn kill(bed: &Bed, pidfile: &Path, stamp: &Path) -> Result<f64> {
    fs::remove_file(stamp).ok();
    let pid = service(bed, pidfile)?;
    let before = boot_ns();
    kill_process(pid, Signal::KILL)?;
    for _ in 0..2_000 {
        std::thread::sleep(Duration::from_millis(5));
        if let Some(began) = fs::read_to_string(stamp).ok().and_then(|t| t.parse::<u64>().ok()) {
            return Ok(began.saturating_sub(before) as f64 / 1e9);
        }
    }
    bail!("not started again within 10 s");
}

/// The process of the pidfile, if it is one of ours: a number in a file is nobody's identity.
pub(super) fn service(bed: &Bed, pidfile: &Path) -> Result<Pid> {
    let number: i32 = fs::read_to_string(pidfile)?.trim().parse()?;
    let program = fs::read_link(format!("/proc/{number}/exe"))?;
    ensure!(program == bed.load(), "process {number} is {}", program.display());
    Pid::from_raw(number).context("pid 0")
}
