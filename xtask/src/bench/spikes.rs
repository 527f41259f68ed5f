//! Spikes of memory over a limit that last 200 ms: how many of them a rule sees.

use std::time::Duration;

use anyhow::Result;

use super::Extent;
use super::stamps::{Stamps, pause};
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Service};

/// In MB.
const LIMIT: u64 = 100;
const LENGTH: Duration = Duration::from_millis(200);

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let mut seen = [f64::NAN; 2];
    for kind in bed.turns(0) {
        eprintln!("spikes of 200 ms: {kind:?}");
        let (pidfile, stamps) = (bed.at("spike.pid"), Stamps::new(bed.at("spike.stamps")));
        let mut load = Strain::start(&bed.at("strain"), Some(&pidfile))?;
        let exec = format!("{} stamp {}", bed.load().display(), stamps.file().display());
        let mut tool = bed.start(
            kind,
            &Service {
                memory: "pss",
                ours: &[format!("if: totalmem > {LIMIT} MB, then: {{ exec: {exec} }}")],
                monit: &[format!("if totalmem > {LIMIT} MB then exec \"{exec}\"")],
                ..Service::of(&pidfile)
            },
        )?;
        tool.settle()?;
        for run in 0..extent.spikes {
            load.ask(&format!("grow small pss {LIMIT}"))?;
            std::thread::sleep(LENGTH);
            load.ask("free")?;
            pause(run);
        }
        seen[kind as usize] = stamps.all().len() as f64;
    }
    let name = format!("spikes of 200 ms seen, of {}", extent.spikes);
    table.row(&name, "", seen[0], seen[1]).goal("all");
    Ok(())
}
