//! Mounted file systems: the tests about their space, inodes, flags and rates.
//!
//! Pure. Not here: what is known of one (`facts`), reading it (`observe::filesystem`).

mod facts;

use std::fmt;

pub use facts::{Counts, Facts, Rates, Space};

use super::{EventNames, Judged, Seen};
use crate::metric::{Direction, Operator, bytes};
use crate::service::{EventWord, Limit};

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filesystem {
    /// A mount point, a device, or the source of a network share, as in the mount table.
    pub source: String,
}

/// A test of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `space > 80%`, `space free < 5 GB`: bytes or a ratio of all there are.
    Space(Side, Operator, Limit),
    /// `inodes > 80%`: a number or a ratio of all there are.
    Inodes(Side, Operator, Limit),
    /// `changed fsflags`: mounted with other options.
    FlagsChanged,
    /// `read > 10 MB/s`, `write > 500 operations/s`: bytes or a number a second.
    Rate(Direction, Operator, Limit),
    /// `service time > 10 ms`: milliseconds that an operation took.
    ServiceTime(Operator, f64),
    /// `does not answer`: it is mounted and tells nothing. Stands in every file system.
    Silent,
}

/// Which part of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is in use.
    Usage,
    /// What is left.
    Free,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Free => "free",
        }
    }
}

/// A number in the unit of its limit.
fn number(value: f64, limit: Limit) -> String {
    match limit {
        Limit::Ratio(_) => format!("{:.1}%", value * 100.0),
        Limit::Bytes(_) => bytes(value),
        Limit::Count(_) => format!("{value:.0}"),
        Limit::Seconds(_) => format!("{:.1} ms", value * 1000.0),
    }
}

/// The bare number of a limit.
fn bare(limit: Limit) -> f64 {
    match limit {
        Limit::Ratio(n) | Limit::Bytes(n) | Limit::Count(n) | Limit::Seconds(n) => n,
    }
}

impl Test {
    pub(super) fn judge(&self, seen: Seen<'_>) -> Judged {
        let super::Facts::Filesystem(now) = &seen.now.facts else { return Judged::unknown() };
        match self {
            Self::Space(side, operator, limit) => {
                let value = now.space.and_then(|space| space.part(*side, *limit));
                level(&format!("space {}", side.word()), value, *operator, *limit, "")
            }
            Self::Inodes(side, operator, limit) => {
                let value = now.inodes.and_then(|inodes| inodes.part(*side, *limit));
                level(&format!("inode {}", side.word()), value, *operator, *limit, "")
            }
            Self::Rate(direction, operator, limit) => {
                let value = now.rates.map(|rates| match (direction, limit) {
                    (Direction::Read, Limit::Bytes(_)) => rates.read_bytes,
                    (Direction::Write, Limit::Bytes(_)) => rates.write_bytes,
                    (Direction::Read, _) => rates.reads,
                    (Direction::Write, _) => rates.writes,
                });
                let per = if matches!(limit, Limit::Bytes(_)) { "/s" } else { " operations/s" };
                level(&format!("{} rate", direction.word()), value, *operator, *limit, per)
            }
            Self::ServiceTime(operator, ms) => {
                let value = now.rates.map(|rates| rates.service_time);
                level("service time", value, *operator, Limit::Seconds(ms / 1000.0), "")
            }
            Self::FlagsChanged => flags_changed(now, seen),
            Self::Silent => Judged {
                truth: now.exists.map(|exists| exists && now.trouble.is_some()),
                failed: format!(
                    "unable to read filesystem '{}' state -- {}",
                    now.source,
                    now.trouble.as_deref().unwrap_or_default()
                ),
                succeeded: format!("filesystem '{}' state can be read", now.source),
                ..Judged::default()
            },
        }
    }

    pub(super) fn event(&self) -> EventNames {
        let (word, failed, succeeded) = match self {
            Self::FlagsChanged => {
                (EventWord::Fsflags, "Filesystem flags changed", "Filesystem flags not changed")
            }
            Self::Silent => (EventWord::Data, "Data access error", "Data access succeeded"),
            Self::Space(..) | Self::Inodes(..) | Self::Rate(..) | Self::ServiceTime(..) => {
                (EventWord::Resource, "Resource limit matched", "Resource limit succeeded")
            }
        };
        EventNames { word, failed, succeeded }
    }
}

fn flags_changed(now: &Facts, seen: Seen<'_>) -> Judged {
    let Some(flags) = &now.flags else { return Judged::unknown() };
    let before = match seen.before.map(|before| &before.facts) {
        Some(super::Facts::Filesystem(before)) => before.flags.as_ref(),
        _ => None,
    };
    let former = before.unwrap_or(flags);
    Judged {
        truth: Some(former != flags),
        value: Some(flags.clone()),
        limit: Some(former.clone()),
        failed: format!("filesystem flags changed from '{former}' to '{flags}'"),
        succeeded: format!("filesystem flags has not changed [current flags '{flags}']"),
    }
}

/// A number against a limit, in Monit's words.
fn level(name: &str, value: Option<f64>, operator: Operator, limit: Limit, per: &str) -> Judged {
    let short = name.trim_end_matches(" rate");
    let Some(value) = value else { return Judged::unknown() };
    let (shown, most) = (number(value, limit) + per, number(bare(limit), limit) + per);
    Judged {
        truth: Some(operator.holds(value, bare(limit))),
        failed: format!("{name} {shown} matches resource limit [{short} {operator} {most}]"),
        succeeded: format!("{name} test succeeded [current {short} = {shown}]"),
        value: Some(shown),
        limit: Some(most),
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = |side: &Side| if *side == Side::Free { " free" } else { "" };
        match self {
            Self::Space(side, operator, limit) => {
                write!(f, "space{} {operator} {limit}", free(side))
            }
            Self::Inodes(side, operator, limit) => {
                write!(f, "inodes{} {operator} {limit}", free(side))
            }
            Self::FlagsChanged => f.write_str("changed fsflags"),
            Self::Rate(direction, operator, limit @ Limit::Bytes(_)) => {
                write!(f, "{} {operator} {limit}/s", direction.word())
            }
            Self::Rate(direction, operator, limit) => {
                write!(f, "{} {operator} {limit} operations/s", direction.word())
            }
            Self::ServiceTime(operator, ms) => {
                write!(f, "service time {operator} {ms} ms")
            }
            Self::Silent => f.write_str("does not answer"),
        }
    }
}

#[cfg(test)]
mod tests;
