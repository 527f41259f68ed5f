//! Looks at the processes of the host and ranks them: the cold path of a rule that has just failed.
//!
//! What counts up (CPU time, bytes) is looked at twice. Each walk over `/proc` is bounded in time; on a
//! very large host not all are seen, and the answer says so. Not here: who asks, the words.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use procfs::process::{Process, Stat};

use crate::clock::{BootTime, boot_now};
use crate::descriptors;
use crate::identity::{NANOSECONDS_PER_TICK, ProcessKey};
use crate::message::SurveyBy;

/// So many are named.
pub(super) const NAMED: usize = 3;
/// Children younger than this count as begun a moment ago.
pub(super) const YOUNG: Duration = Duration::from_secs(10);
/// Between two looks: CPU time is told in ticks of 10 ms.
const CPU_GAP: Duration = Duration::from_millis(200);
/// Input and output come in bursts.
const DISK_GAP: Duration = Duration::from_millis(500);

/// A process and what it is ranked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worst {
    /// Who.
    pub key: ProcessKey,
    /// The program's name; hostile text.
    pub comm: String,
    /// Its real user, where it still lived when asked.
    pub uid: Option<u32>,
    /// Bytes, ticks of CPU time, children or descriptors.
    pub number: u64,
}

/// What a survey saw.
#[derive(Debug)]
pub(super) struct Seen {
    /// The worst first.
    pub worst: Vec<Worst>,
    /// Time was up before all were looked at.
    pub partly: bool,
    /// Between the two looks; zero where there was one.
    pub elapsed: Duration,
}

/// One walk over all processes.
#[derive(Debug, Default)]
struct Walk {
    rows: Vec<Row>,
    partly: bool,
}

/// One process in a walk.
#[derive(Debug, Clone)]
struct Row {
    key: ProcessKey,
    parent: u32,
    comm: String,
    number: u64,
}

/// The worst processes by this. `None` where `/proc` cannot be read.
pub(super) fn worst(by: SurveyBy, until: BootTime) -> Option<Seen> {
    let began = boot_now();
    let gap = match by {
        SurveyBy::Cpu => CPU_GAP,
        SurveyBy::Read | SurveyBy::Written | SurveyBy::ReadOrWritten => DISK_GAP,
        _ => Duration::ZERO,
    };
    if gap.is_zero() {
        let walk = walk(by, until)?;
        let rows = match by {
            SurveyBy::Children => parents(&walk.rows, tick(began).saturating_sub(ticks(YOUNG))),
            _ => walk.rows,
        };
        return Some(Seen { worst: named(rows), partly: walk.partly, elapsed: gap });
    }
    // Half of what is left for each look, so that the second can see what the first saw.
    let half = began + until.since(began).saturating_sub(gap) / 2;
    let before = walk(by, half)?;
    std::thread::sleep(gap);
    let again = boot_now();
    let after = walk(by, until)?;
    let partly = before.partly || after.partly;
    let rows = grown(&before.rows, after.rows, tick(began));
    Some(Seen { worst: named(rows), partly, elapsed: again.since(began) })
}

fn tick(at: BootTime) -> u64 {
    at.0 / NANOSECONDS_PER_TICK
}

fn ticks(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX) / NANOSECONDS_PER_TICK
}

fn walk(by: SurveyBy, until: BootTime) -> Option<Walk> {
    let mut walk = Walk::default();
    for process in procfs::process::all_processes().ok()? {
        if boot_now() > until {
            walk.partly = true;
            break;
        }
        // What ends meanwhile is left out.
        let Ok(process) = process else { continue };
        let Ok(stat) = process.stat() else { continue };
        let (Ok(pid), Some(number)) = (u32::try_from(stat.pid), number(by, &process, &stat)) else {
            continue;
        };
        walk.rows.push(Row {
            key: ProcessKey { pid, start: stat.starttime },
            parent: u32::try_from(stat.ppid).unwrap_or(0),
            comm: stat.comm,
            number,
        });
    }
    Some(walk)
}

fn number(by: SurveyBy, process: &Process, stat: &Stat) -> Option<u64> {
    let io = || process.io().ok();
    match by {
        SurveyBy::Memory => Some(stat.rss.saturating_mul(procfs::page_size())),
        SurveyBy::Swap => Some(process.status().ok()?.vmswap?.saturating_mul(1024)),
        SurveyBy::Cpu => Some(stat.utime.saturating_add(stat.stime)),
        SurveyBy::Read => Some(io()?.read_bytes),
        SurveyBy::Written => Some(io()?.write_bytes),
        SurveyBy::ReadOrWritten => io().map(|io| io.read_bytes.saturating_add(io.write_bytes)),
        SurveyBy::Children => Some(0),
        SurveyBy::Descriptors => descriptors::count(u32::try_from(stat.pid).ok()?),
    }
}

/// How much each grew. One that the first look did not see counts whole only where it began since.
fn grown(before: &[Row], after: Vec<Row>, began: u64) -> Vec<Row> {
    let before: HashMap<ProcessKey, u64> = before.iter().map(|row| (row.key, row.number)).collect();
    let grown = after.into_iter().filter_map(|row| {
        let from = before.get(&row.key).copied().or((row.key.start >= began).then_some(0))?;
        Some(Row { number: row.number.saturating_sub(from), ..row })
    });
    grown.collect()
}

/// Who has how many children that began at this tick or later.
fn parents(rows: &[Row], since: u64) -> Vec<Row> {
    let mut young: HashMap<u32, u64> = HashMap::new();
    for row in rows.iter().filter(|row| row.key.start >= since) {
        *young.entry(row.parent).or_default() += 1;
    }
    let parents = rows
        .iter()
        .filter_map(|row| Some(Row { number: *young.get(&row.key.pid)?, ..row.clone() }));
    parents.collect()
}

/// The first of them; those with nothing are none.
fn ranked(mut rows: Vec<Row>) -> Vec<Row> {
    rows.retain(|row| row.number > 0);
    rows.sort_unstable_by_key(|row| (Reverse(row.number), row.key));
    rows.truncate(NAMED);
    rows
}

fn named(rows: Vec<Row>) -> Vec<Worst> {
    let named = ranked(rows).into_iter().map(|row| Worst {
        key: row.key,
        uid: user(row.key),
        comm: row.comm,
        number: row.number,
    });
    named.collect()
}

/// The real user of this very process.
fn user(key: ProcessKey) -> Option<u32> {
    let process = Process::new(i32::try_from(key.pid).ok()?).ok()?;
    let same = process.stat().ok()?.starttime == key.start;
    same.then(|| process.status().ok())?.map(|status| status.ruid)
}

#[cfg(test)]
mod tests;
