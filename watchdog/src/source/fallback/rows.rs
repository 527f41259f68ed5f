//! What `/proc` says of the host's processes: the fallback sensor's eyes.
//!
//! Not here: whose they are (`members`).

use std::io;

use procfs::ProcError;
use procfs::process::{Process, Stat};

use crate::event::Sample;
use crate::identity::{NANOSECONDS_PER_TICK, ProcessKey, ServiceId};
use crate::process::KERNEL_THREAD;

/// One process.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) key: ProcessKey,
    pub(super) parent: u32,
    pub(super) session: u32,
    /// All its threads have exited; it only waits to be reaped.
    pub(super) dead: bool,
    /// User and system time of all its threads, in nanoseconds, known to a tick of 10 ms.
    pub(super) cpu_ns: u64,
    pub(super) rss_bytes: u64,
    pub(super) threads: u32,
    pub(super) comm: [u8; 16],
}

/// Every process of the host, threads of the kernel and ourselves left out. Who vanishes meanwhile
/// is left out too.
pub(super) fn read() -> io::Result<Vec<Row>> {
    let page = rustix::param::page_size() as u64;
    let own = std::process::id();
    let all = procfs::process::all_processes().map_err(into_io)?;
    Ok(all
        .filter_map(|process| process.ok()?.stat().ok())
        .filter(|stat| stat.flags & KERNEL_THREAD == 0)
        .map(|stat| row(&stat, page))
        .filter(|row| row.key.pid != own)
        .collect())
}

/// The process that has this pid.
pub(super) fn one(pid: u32) -> Option<Row> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    Some(row(&process.stat().ok()?, rustix::param::page_size() as u64))
}

fn row(stat: &Stat, page: u64) -> Row {
    let mut comm = [0; 16];
    for (to, from) in comm.iter_mut().take(15).zip(stat.comm.bytes()) {
        *to = from;
    }
    let number = |signed: i32| u32::try_from(signed).unwrap_or(0);
    Row {
        key: ProcessKey { pid: number(stat.pid), start: stat.starttime },
        parent: number(stat.ppid),
        session: number(stat.session),
        // A leader that has exited shows Z while its other threads still run.
        dead: matches!(stat.state, 'Z' | 'X' | 'x') && stat.num_threads <= 1,
        cpu_ns: stat.utime.saturating_add(stat.stime).saturating_mul(NANOSECONDS_PER_TICK),
        rss_bytes: stat.rss.saturating_mul(page),
        threads: u32::try_from(stat.num_threads).unwrap_or(0),
        comm,
    }
}

/// A member's sample. What more there is to read is read of members only.
pub(super) fn sample(row: &Row, service: ServiceId, main: bool) -> Sample {
    let process = i32::try_from(row.key.pid).ok().and_then(|pid| Process::new(pid).ok());
    let status = process.as_ref().and_then(|process| process.status().ok());
    let io = process.as_ref().and_then(|process| process.io().ok());
    Sample {
        service,
        process: row.key,
        parent: row.parent,
        main,
        cpu_ns: row.cpu_ns,
        rss_bytes: row.rss_bytes,
        swap_bytes: status.as_ref().and_then(|status| status.vmswap).unwrap_or(0) * 1024,
        read_bytes: io.as_ref().map_or(0, |io| io.read_bytes),
        write_bytes: io.as_ref().map_or(0, |io| io.write_bytes),
        descriptors: None,
        threads: row.threads,
        zombie: row.dead,
        uid: status.map_or(0, |status| status.ruid),
        comm: row.comm,
    }
}

/// The children that the calling thread has forked and nobody has waited for. Empty where the
/// kernel does not tell (CONFIG_PROC_CHILDREN).
pub(super) fn children_of_this_thread() -> Vec<u32> {
    let thread = rustix::thread::gettid().as_raw_nonzero();
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/children"));
    text.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn into_io(error: ProcError) -> io::Error {
    match error {
        ProcError::Io(error, _) => error,
        other => io::Error::other(other.to_string()),
    }
}
