//! What our programs in the kernel cost others: CPU time of processes that nobody watches, with the
//! daemon and without, in turns; and the share that the kernel's own account of our programs shows.

use std::fs;

use anyhow::Result;

use super::stamps::Stamps;
use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Kind, Service, Tool};
use super::{Extent, median};

/// Programs run one after the other; MB touched for the first time.
const LOADS: [(&str, &str, &str); 2] =
    [("exec 2000", "fork, exec, exit", "≤ 5 %"), ("touch 1024", "first touch of 1 GB", "≤ 5 %")];

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    if !bed.turns(0).contains(&Kind::Ours) {
        return Ok(());
    }
    let (pidfile, stamps) = (bed.at("taxed.pid"), Stamps::new(bed.at("taxed.stamps")));
    let mut watched = Strain::start(&bed.at("strain"), Some(&pidfile))?;
    let mut other = Strain::start(&bed.at("strain"), None)?;
    let exec = format!("{} stamp {}", bed.load().display(), stamps.file().display());
    // Rules that make every program of ours work.
    let rules = ["totalmem > 8 GB", "forks > 100000 per second", "children > 5000"]
        .map(|rule| format!("if: \"{rule}\", then: {{ exec: {exec} }}"));
    let service = Service { ours: &rules, ..Service::of(&pidfile) };
    // By load: ratios of the other's CPU time, of the watched one's, share by the kernel's account.
    let mut found = vec![[Vec::new(), Vec::new(), Vec::new()]; LOADS.len()];
    for (load, ..) in LOADS {
        // Caches are warm from here on.
        other.ask(load)?;
        watched.ask(load)?;
    }
    for run in 0..extent.taxes {
        eprintln!("tax on others, run {}", run + 1);
        let mut used = [Vec::new(), Vec::new()];
        // Which is first alternates: the machine's speed drifts.
        for with in [run % 2 == 0, run % 2 != 0] {
            let mut tool = None;
            if with {
                tool.insert(bed.start(Kind::Ours, &service)?).settle()?;
            }
            for (load, ..) in LOADS {
                used[usize::from(with)].push([other.ask(load)? as f64, watched.ask(load)? as f64]);
            }
            drop(tool);
        }
        for (n, (without, with)) in used[0].iter().zip(&used[1]).enumerate() {
            found[n][0].push(with[0] / without[0] - 1.0);
            found[n][1].push(with[1] / without[1] - 1.0);
        }
    }
    let mut tool = bed.start(Kind::Ours, &service)?;
    tool.settle()?;
    let counting = Counting::start()?;
    for (n, (load, ..)) in LOADS.iter().enumerate() {
        let before = run_seconds(&tool)?;
        let used = other.ask(load)? as f64 / 1e9;
        found[n][2].push((run_seconds(&tool)? - before) / used);
    }
    drop(counting);
    for ((_, name, goal), [other, watched, account]) in LOADS.iter().zip(&found) {
        let percent = |values: &[f64]| median(values) * 100.0;
        table.alone(&format!("tax on others, {name}"), "%", percent(other)).goal(goal);
        table
            .alone(&format!("tax on others, {name}, by run times"), "%", percent(account))
            .goal(goal);
        table.alone(&format!("tax on the watched, {name}"), "%", percent(watched));
    }
    Ok(())
}

/// Run time of all programs that the daemon holds, in seconds, by the kernel's account.
fn run_seconds(tool: &Tool<'_>) -> Result<f64> {
    let mut programs = std::collections::BTreeMap::new();
    for file in fs::read_dir(format!("/proc/{}/fdinfo", tool.pid()))? {
        // A descriptor may be closed meanwhile.
        let Ok(text) = fs::read_to_string(file?.path()) else { continue };
        let field = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            rest.trim().parse::<u64>().ok()
        };
        if let (Some(id), Some(time)) = (field("prog_id:"), field("run_time_ns:")) {
            programs.insert(id, time);
        }
    }
    Ok(programs.values().sum::<u64>() as f64 / 1e9)
}

/// The kernel keeps run times. What was set before is set again when this is dropped.
struct Counting(String);

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

impl Counting {
    fn start() -> Result<Self> {
        let before = fs::read_to_string(SWITCH)?;
        fs::write(SWITCH, "1")?;
        Ok(Self(before))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if let Err(error) = fs::write(SWITCH, self.0.trim()) {
            eprintln!("{SWITCH}: {error}");
        }
    }
}
