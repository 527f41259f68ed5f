//! What a cycle costs, in CPU time and in system calls, as the host fills with processes; and how
//! much memory the tool takes.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::strain::Strain;
use super::table::Table;
use super::tool::{Bed, Kind, Service, Tool};
use super::{Extent, median};

/// Sleeping processes on the host.
const HERDS: [u32; 4] = [100, 1_000, 4_000, 20_000];
/// With more than that nobody waits for Monit under strace.
const TRACED: u32 = 4_000;

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let pidfile = bed.at("svc.pid");
    let mut service =
        Ended(Command::new(bed.load()).arg("service").arg(&pidfile).stdin(Stdio::null()).spawn()?);
    let mut memory = [Vec::new(), Vec::new()];
    for count in HERDS {
        room(count)?;
        let mut herd = Strain::start(&bed.at("strain"), None)?;
        herd.ask(&format!("herd {count}"))?;
        let (mut cost, mut calls) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for run in 0..extent.runs {
            for kind in bed.turns(run) {
                eprintln!("cycle with {count} processes, run {}: {kind:?}", run + 1);
                let mut tool = bed.start(kind, &Service::of(&pidfile))?;
                tool.settle()?;
                let before = tool.cpu_seconds()?;
                std::thread::sleep(extent.window);
                let used = tool.cpu_seconds()? - before;
                cost[kind as usize].push(per_cycle(kind, used, extent.window.as_secs_f64()));
                memory[kind as usize].push(tool.rss_bytes()?);
                // Traced programs are slow: once is enough, the number hardly varies.
                if run == 0 && (kind == Kind::Ours || count <= TRACED) {
                    calls[kind as usize].push(calls_per_cycle(bed, &tool, extent.window)?);
                }
            }
        }
        let (us, them) = (Kind::Ours as usize, Kind::Monit as usize);
        let name = format!("CPU time of a cycle, {count} processes");
        table.row(&name, "ms", median(&cost[us]) * 1e3, median(&cost[them]) * 1e3);
        let name = format!("system calls of a cycle, {count} processes");
        table.row(&name, "", median(&calls[us]), median(&calls[them]));
    }
    let mib = |values: &[f64]| median(values) / f64::from(1 << 20);
    table.row("resident memory", "MiB", mib(&memory[0]), mib(&memory[1]));
    service.end();
    Ok(())
}

/// So many processes are made only where the host has twice the room for them.
fn room(count: u32) -> Result<()> {
    let number = |file: &str| -> Result<u64> { Ok(fs::read_to_string(file)?.trim().parse()?) };
    let most = number("/proc/sys/kernel/pid_max")?.min(number("/proc/sys/kernel/threads-max")?);
    let memory = fs::read_to_string("/proc/meminfo")?;
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kb = memory.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0_u64);
    let count = u64::from(count);
    // A process that shares its memory with its parent takes some 60 kB of the kernel's.
    ensure!(most > count + count / 2, "no room for {count} processes: {most} at most");
    ensure!(kb > count * 120, "no memory for {count} processes: {kb} kB available");
    Ok(())
}

/// Both have a cycle of one second. Ours begins each second; Monit sleeps a second after its work,
/// so that its cycle lasts a second and what it costs: `n` cycles in `t` seconds use `n·c` with
/// `n = t / (1 + c)`. On a busy machine its work takes longer than its CPU time: then there were
/// fewer cycles than that, and Monit comes out cheaper than it is.
fn per_cycle(kind: Kind, used: f64, window: f64) -> f64 {
    match kind {
        Kind::Ours => used / window,
        Kind::Monit => used / (window - used),
    }
}

/// Counts by strace. Ours begins a cycle each second. Monit sleeps exactly once a cycle, and a
/// traced cycle of it may take many seconds: its calls are counted from one sleep to a later one.
fn calls_per_cycle(bed: &Bed, tool: &Tool<'_>, window: Duration) -> Result<f64> {
    let file = bed.at("strace");
    let mut strace = Ended(
        Command::new("strace")
            .args(["-f", "-qq", "-s", "0", "-e", "signal=none", "-p", &tool.pid().to_string()])
            .arg("-o")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .context("strace")?,
    );
    std::thread::sleep(window);
    let mut calls = calls(&fs::read_to_string(&file)?);
    for _ in 0..60 {
        if tool.kind == Kind::Ours || sleeps(&calls).len() > 1 {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        calls = self::calls(&fs::read_to_string(&file)?);
    }
    strace.end();
    if tool.kind == Kind::Ours {
        return Ok(calls.len() as f64 / window.as_secs_f64());
    }
    let sleeps = sleeps(&calls);
    let (first, last) = (sleeps.first().context("no cycle")?, sleeps.last().context("no cycle")?);
    ensure!(first < last, "Monit made no whole cycle in a minute under strace");
    Ok((last - first) as f64 / (sleeps.len() - 1) as f64)
}

/// Names of the calls in the order in which they began: `123 openat(…` and not
/// `123 <... openat resumed>`.
fn calls(trace: &str) -> Vec<String> {
    let names = trace.lines().filter_map(|line| line.split_once(' ')?.1.trim().split_once('('));
    names.filter(|(name, _)| !name.starts_with('<')).map(|(name, _)| name.to_owned()).collect()
}

/// Where Monit begins to sleep.
fn sleeps(calls: &[String]) -> Vec<usize> {
    let all = calls.iter().enumerate();
    all.filter(|(_, name)| *name == "clock_nanosleep").map(|(n, _)| n).collect()
}

/// A child of ours that is ended with INT and waited for, also when something fails on the way.
#[derive(Debug)]
pub(super) struct Ended(pub Child);

impl Ended {
    pub(super) fn end(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _gone_already = kill_process(Pid::from_child(&self.0), Signal::INT);
            let _status = self.0.wait();
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}
