//! Who did it, as far as the engine knows: the processes of a service by what they hold or use.
//!
//! Not here: processes of the rest of the host (`crate::survey`).

use super::bytes;
use crate::event::Sample;
use crate::metric::Direction;

/// Who was running when a limit was crossed.
pub(crate) fn crossed(seen: &Sample) -> String {
    format!("the limit was crossed by {} (pid {})", comm(&seen.comm), seen.process.pid)
}

/// What processes are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// CPU time of their life.
    Cpu,
    /// RSS.
    Memory,
    /// Bytes read or written in their life.
    Disk(Direction),
    /// Open descriptors.
    Descriptors,
}

impl By {
    /// Before the first of them.
    pub(crate) fn lead(self) -> &'static str {
        match self {
            Self::Cpu => "most CPU was used by",
            Self::Memory => "most is held by",
            Self::Disk(Direction::Read) => "most was read by",
            Self::Disk(Direction::Write) => "most was written by",
            Self::Descriptors => "most descriptors are open in",
        }
    }

    fn number(self, sample: &Sample) -> u64 {
        match self {
            Self::Cpu => sample.cpu_ns,
            Self::Memory => sample.rss_bytes,
            Self::Disk(Direction::Read) => sample.read_bytes,
            Self::Disk(Direction::Write) => sample.write_bytes,
            Self::Descriptors => sample.descriptors.map_or(0, |(open, _)| open),
        }
    }
}

/// The processes that hold or used most, first among them: what did it.
pub(crate) fn culprits(members: &[Sample], by: By) -> Vec<String> {
    let total: u64 = members.iter().map(|sample| sample.rss_bytes).sum();
    let mut largest: Vec<&Sample> = members.iter().filter(|sample| !sample.zombie).collect();
    if matches!(by, By::Disk(_) | By::Descriptors) {
        largest.retain(|sample| by.number(sample) > 0);
    }
    largest.sort_by_key(|sample| (std::cmp::Reverse(by.number(sample)), sample.process.pid));
    largest
        .iter()
        .take(5)
        .map(|sample| {
            let share = if total == 0 { 0.0 } else { sample.rss_bytes as f64 / total as f64 };
            let number = by.number(sample);
            let own = match by {
                By::Cpu | By::Memory => String::new(),
                By::Disk(Direction::Read) => format!("{} read so far, ", bytes(number as f64)),
                By::Disk(Direction::Write) => format!("{} written so far, ", bytes(number as f64)),
                By::Descriptors => format!("{number} descriptors, "),
            };
            format!(
                "{} (pid {}, uid {}): {own}{} of RSS ({:.0}% of the service), {:.1} s of CPU{}",
                comm(&sample.comm),
                sample.process.pid,
                sample.uid,
                bytes(sample.rss_bytes as f64),
                share * 100.0,
                sample.cpu_ns as f64 / 1e9,
                if sample.main { ", the main process" } else { "" },
            )
        })
        .collect()
}

/// A kernel program name as text. It is hostile: the sinks escape it.
pub(crate) fn comm(raw: &[u8; 16]) -> String {
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    String::from_utf8_lossy(&raw[..end]).into_owned()
}
