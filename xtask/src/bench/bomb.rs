//! A user's fork bomb: a minute of strangers with arguments of 128 KiB and a name of their own each, while
//! a service is looked for by its arguments. What the daemon's memory comes to, and how soon another service's
//! death is answered meanwhile.
//!
//! Not here: services that fork (`flood`).

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, kill_process};

use super::crash::{kill, service};
use super::stamps::now;
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Kind, Service};
use super::{Extent, percentile};

/// Each look for it reads the strangers' arguments.
const NOWHERE: &str = "  - process: nowhere\n    match: { args: \"^/no/such/program$\" }\n    \
                       rules: [{ if: does not exist, then: alert }]\n";

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let (pidfile, stamp) = (bed.at("bombed.pid"), bed.at("bombed.stamp"));
    let line = format!("{} start {} {}", bed.load().display(), stamp.display(), pidfile.display());
    let words: Vec<&str> = line.split(' ').collect();
    for kind in bed.turns(0).into_iter().filter(|kind| *kind == Kind::Ours) {
        ensure!(Command::new(words[0]).args(&words[1..]).status()?.success(), "{line}");
        let service_of = Service { start: Some(&line), more: NOWHERE, ..Service::of(&pidfile) };
        let mut tool = bed.start(kind, &service_of)?;
        let _account = tool.account();
        tool.settle()?;
        let (memory, begin) = (tool.rss_bytes()?, now());
        let mut load = Strain::start(&bed.at("strain"), None)?;
        let order = format!("bomb {}", extent.flood);
        let bomb = std::thread::spawn(move || load.ask(&order));
        let (mut waits, mut most) = (Vec::new(), memory);
        while now() - begin < extent.flood as f64 - 3.0 {
            eprintln!("bomb, death {}: {kind:?}", waits.len() + 1);
            waits.push(kill(bed, &pidfile, &stamp)? * 1e3);
            most = most.max(tool.rss_bytes()?);
            std::thread::sleep(Duration::from_millis(1_500 + (waits.len() as u64 * 137) % 1_000));
        }
        let bombed = bomb.join().ok().context("the load panicked")??;
        let rate = bombed as f64 / (now() - begin);
        let grown = (most - memory) / f64::from(1 << 20);
        table.alone("fork bomb of a user: processes a second", "", rate);
        table.alone("fork bomb: memory grown by, at most", "MiB", grown).goal("≤ 5 MiB");
        let worst = percentile(&waits, 1.0);
        table
            .alone("fork bomb: another's death to start program, worst", "ms", worst)
            .goal("≤ 1 s");
        drop(tool);
        kill_process(service(bed, &pidfile)?, Signal::KILL)?;
    }
    Ok(())
}
