//! From the touch of the page that passes a memory limit to the first instruction of the action.

use std::time::Duration;

use anyhow::{Context, Result};

use super::stamps::{Stamps, milliseconds, pause};
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Kind, Service};
use super::{Extent, median, percentile};

/// In MB, as the rules say it.
const LIMIT: u64 = 400;

/// How memory is touched, what of it is judged, the goal.
const CASES: [(&str, &str, &str); 5] = [
    ("small", "rss", "≤ 5 ms"),
    ("huge", "rss", "≤ 20 ms"),
    ("populate", "rss", ""),
    ("small", "pss", ""),
    ("huge", "pss", ""),
];

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let mut waits = [vec![Vec::new(); CASES.len()], vec![Vec::new(); CASES.len()]];
    for kind in bed.turns(0) {
        for memory in ["rss", "pss"] {
            // Monit knows RSS only.
            if kind == Kind::Monit && memory == "pss" {
                continue;
            }
            let (pidfile, stamps) = (bed.at("limit.pid"), Stamps::new(bed.at("limit.stamps")));
            let mut load = Strain::start(&bed.at("strain"), Some(&pidfile))?;
            let exec = format!("{} stamp {}", bed.load().display(), stamps.file().display());
            let mut tool = bed.start(
                kind,
                &Service {
                    memory,
                    ours: &[format!("if: totalmem > {LIMIT} MB, then: {{ exec: {exec} }}")],
                    monit: &[format!("if totalmem > {LIMIT} MB then exec \"{exec}\"")],
                    ..Service::of(&pidfile)
                },
            )?;
            tool.settle()?;
            for (n, (pages, judged, _)) in CASES.iter().enumerate() {
                if *judged != memory {
                    continue;
                }
                eprintln!("limit to action, {pages}, {memory}: {kind:?}");
                for run in 0..extent.crossings {
                    let before = stamps.all().len();
                    let crossed = load.ask(&format!("grow {pages} {memory} {LIMIT}"))?;
                    let acted = stamps.next(before, Duration::from_secs(20));
                    let acted = acted.with_context(|| format!("{kind:?} did not act"))?;
                    waits[kind as usize][n].push(milliseconds(crossed, acted));
                    load.ask("free")?;
                    pause(run);
                }
            }
        }
    }
    for (n, (pages, memory, goal)) in CASES.iter().enumerate() {
        let pages = match *pages {
            "small" => "4 KiB pages",
            "huge" => "huge pages",
            _ => "populated at once",
        };
        let [ours, monit] = waits.each_ref().map(|all| &all[n]);
        let name = format!("limit to action, {pages}, {memory}");
        table.row(&format!("{name}, median"), "ms", median(ours), median(monit)).goal(goal);
        let p95 = |waits: &[f64]| percentile(waits, 0.95);
        table.row(&format!("{name}, 95th percentile"), "ms", p95(ours), p95(monit));
    }
    Ok(())
}
