//! A minute of services that do nothing but fork: what the daemon needs for it, whether a record is
//! lost, and how soon another service's death is answered meanwhile.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::crash::{kill, service};
use super::stamps::now;
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Kind, Service};
use super::{Extent, percentile};

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let pidfiles = [bed.at("flood1.pid"), bed.at("flood2.pid")];
    let (pidfile, stamp) = (bed.at("flooded.pid"), bed.at("flooded.stamp"));
    let line = format!("{} start {} {}", bed.load().display(), stamp.display(), pidfile.display());
    let words: Vec<&str> = line.split(' ').collect();
    // Each death in them is a record; none is what the rule asks for.
    let flooding = |name: &str, pidfile: &Path| {
        format!(
            "  - process: {name}\n    pidfile: {}\n    rules:\n      \
             - {{ if: \"member exits with code = 77\", then: alert }}\n",
            pidfile.display()
        )
    };
    let more = flooding("flood1", &pidfiles[0]) + &flooding("flood2", &pidfiles[1]);
    for kind in bed.turns(0).into_iter().filter(|kind| *kind == Kind::Ours) {
        let mut loads = Vec::new();
        for pidfile in &pidfiles {
            loads.push(Strain::start(&bed.at("strain"), Some(pidfile))?);
        }
        ensure!(Command::new(words[0]).args(&words[1..]).status()?.success(), "{line}");
        let service_of = Service { start: Some(&line), more: &more, ..Service::of(&pidfile) };
        let mut tool = bed.start(kind, &service_of)?;
        let _account = tool.account();
        tool.settle()?;
        let memory = tool.rss_bytes()?;
        let before = (tool.cpu_seconds()?, now(), Counts::of(&tool.status()?)?);
        let threads: Vec<_> = loads
            .into_iter()
            .map(|mut load| {
                let line = format!("flood {}", extent.flood);
                std::thread::spawn(move || load.ask(&line).map(|count| (count, load)))
            })
            .collect();
        let mut waits = Vec::new();
        while now() - before.1 < extent.flood as f64 - 3.0 {
            eprintln!("flood, death {}: {kind:?}", waits.len() + 1);
            waits.push(kill(bed, &pidfile, &stamp)? * 1e3);
            std::thread::sleep(Duration::from_millis(1_500 + (waits.len() as u64 * 137) % 1_000));
        }
        let mut forked = 0;
        for thread in threads {
            forked += thread.join().ok().context("a load panicked")??.0;
        }
        let lasted = now() - before.1;
        let share = (tool.cpu_seconds()? - before.0) / lasted;
        let grown = (tool.rss_bytes()? - memory) / f64::from(1 << 20);
        // What is in the ring is on its way.
        std::thread::sleep(Duration::from_secs(2));
        let counts = Counts::of(&tool.status()?)?;
        ensure!(
            counts.produced == counts.received + counts.lost,
            "{} records, {} received and {} lost",
            counts.produced,
            counts.received,
            counts.lost
        );
        let rate = (counts.produced - before.2.produced) / lasted;
        table.alone("flood: processes a second", "", forked as f64 / lasted);
        table.alone("flood: records a second", "", rate);
        table.alone("flood: records lost", "", counts.lost - before.2.lost).goal("0");
        table.alone("flood: of one processor", "%", share * 100.0).goal("≤ 25 %");
        table.alone("flood: memory grown by", "MiB", grown).goal("≤ 5 MiB");
        let worst = percentile(&waits, 0.99);
        table.alone("flood: another's death to start program, 99th", "ms", worst).goal("≤ 100 ms");
        drop(tool);
        kill_process(service(bed, &pidfile)?, Signal::KILL)?;
    }
    Ok(())
}

/// Records of all kinds.
struct Counts {
    produced: f64,
    received: f64,
    lost: f64,
}

impl Counts {
    fn of(status: &Value) -> Result<Self> {
        let kinds = status["sensor"]["records"].as_array().context("no records in the status")?;
        let sum = |name: &str| kinds.iter().filter_map(|kind| kind[name].as_f64()).sum();
        Ok(Self { produced: sum("produced"), received: sum("received"), lost: sum("lost") })
    }
}
