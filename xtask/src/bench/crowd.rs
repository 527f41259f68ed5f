//! One service with as many living processes as the host has numbers for: how long it takes from the
//! start of the daemon until each is known, and what it costs to follow them.

use std::fs;

use anyhow::{Result, ensure};

use super::Extent;
use super::stamps::now;
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Kind, Service};

/// Living processes, where the host allows it.
const CROWD: u64 = 30_000;

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let pidfile = bed.at("crowd.pid");
    let mut herd = Strain::start(&bed.at("strain"), Some(&pidfile))?;
    let count = herd.ask(&format!("herd {}", room()?.min(CROWD)))?;
    let mut figures = [[f64::NAN; 3]; 2];
    for kind in bed.turns(0) {
        eprintln!("a service of {count} processes: {kind:?}");
        let begun = now();
        let mut tool = bed.start(kind, &Service::of(&pidfile))?;
        if kind == Kind::Ours {
            while tool.service_json().map_or(0, |s| s["metrics"]["children"].as_u64().unwrap_or(0))
                < count
            {
                ensure!(now() - begun < 60.0, "not all of {count} processes are known after 60 s");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        let known = now() - begun;
        tool.settle()?;
        let before = (tool.cpu_seconds()?, now());
        std::thread::sleep(extent.window * 2);
        let share = (tool.cpu_seconds()? - before.0) / (now() - before.1);
        let mib = tool.rss_bytes()? / f64::from(1 << 20);
        figures[kind as usize] = [known, share * 100.0, mib];
    }
    let [ours, monit] = figures;
    let name = |what: &str| format!("a service of {count} processes: {what}");
    table.alone(&name("start until all are known"), "s", ours[0]).goal("≤ 2 s");
    table.row(&name("of one processor"), "%", ours[1], monit[1]).goal("≤ 2 %");
    table.row(&name("resident memory"), "MiB", ours[2], monit[2]).goal("≤ 80 MiB");
    Ok(())
}

/// How many more processes the host has numbers and memory for, with a tenth to spare.
fn room() -> Result<u64> {
    let number = |file: &str| -> Result<u64> { Ok(fs::read_to_string(file)?.trim().parse()?) };
    let most = number("/proc/sys/kernel/pid_max")?.min(number("/proc/sys/kernel/threads-max")?);
    let taken = fs::read_to_string("/proc/loadavg")?;
    let taken = taken.split([' ', '/']).nth(4).and_then(|all| all.parse().ok()).unwrap_or(0_u64);
    let memory = fs::read_to_string("/proc/meminfo")?;
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kb = memory.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0_u64);
    Ok((most * 9 / 10).saturating_sub(taken).min(kb / 240))
}
