//! Storms of 3,000 children in two seconds that live 5 ms or 300 ms: whether they are seen, and how
//! long after the fork that passes the limit the action begins.

use std::time::Duration;

use anyhow::Result;

use super::stamps::{Stamps, milliseconds, pause};
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Service};
use super::{Extent, median};

/// Life of a child in milliseconds, our rule, the number of the fork that passes its limit. Monit has
/// no word for forks.
const CASES: [(u64, &str, u64); 3] = [
    (5, "forks > 500 per second", 501),
    (300, "forks > 500 per second", 501),
    (300, "children > 250", 251),
];
/// What Monit can say.
const CHILDREN: &str = "children > 250";

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    for (life, rule, at) in CASES {
        let mut seen = [f64::NAN; 2];
        let mut waits = [Vec::new(), Vec::new()];
        for kind in bed.turns(0) {
            eprintln!("storm, children living {life} ms, {rule}: {kind:?}");
            let (pidfile, stamps) = (bed.at("storm.pid"), Stamps::new(bed.at("storm.stamps")));
            let mut load = Strain::start(&bed.at("strain"), Some(&pidfile))?;
            let exec = format!("{} stamp {}", bed.load().display(), stamps.file().display());
            let mut tool = bed.start(
                kind,
                &Service {
                    ours: &[format!("if: {rule}, then: {{ exec: {exec} }}")],
                    monit: &[format!("if {CHILDREN} then exec \"{exec}\"")],
                    ..Service::of(&pidfile)
                },
            )?;
            tool.settle()?;
            seen[kind as usize] = 0.0;
            for run in 0..extent.storms {
                let before = stamps.all().len();
                let passed = load.ask(&format!("storm 3000 666 {life} {at}"))?;
                if let Some(known) = stamps.next(before, Duration::from_millis(1_500)) {
                    seen[kind as usize] += 1.0;
                    waits[kind as usize].push(milliseconds(passed, known));
                }
                pause(run);
            }
        }
        let name = format!("storm of 3,000 living {life} ms, {rule}");
        let of = format!("{name}: seen, of {}", extent.storms);
        table.row(&of, "", seen[0], seen[1]).goal("all");
        let name = format!("{name}: to action");
        table.row(&name, "ms", median(&waits[0]), median(&waits[1])).goal("≤ 10 ms");
    }
    Ok(())
}
