//! Mounted file systems: their space, inodes, flags and rates, and the tests about that.
//!
//! Pure. Not here: reading them (`observe::filesystem`).

use std::fmt;

use serde::{Deserialize, Serialize};

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

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// Whether it is mounted; `None`: could not be told.
    pub exists: Option<bool>,
    /// What was looked for, as configured.
    pub source: String,
    /// Why it tells nothing although it is mounted, in one line.
    pub trouble: Option<String>,
    /// Where it is mounted.
    pub place: Option<String>,
    /// What is mounted there.
    pub device: Option<String>,
    /// Type of the file system.
    pub kind: Option<String>,
    /// Its options, as far as they were known last.
    pub flags: Option<String>,
    /// Permission and owner of the path as it is configured, where a rule asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Box<super::file::Facts>>,
    /// Its space in bytes.
    pub space: Option<Space>,
    /// Its inodes; none where it has no such limit.
    pub inodes: Option<Space>,
    /// What was counted so far.
    pub counts: Option<Counts>,
    /// What that was a second, since the observation before. Not kept: what is read back must be what
    /// was written to the last bit, which JSON does not promise of such numbers.
    #[serde(skip_serializing)]
    pub rates: Option<Rates>,
}

/// Space in bytes, or inodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// All there is.
    pub total: u64,
    /// All that is free, root's reserve included.
    pub free: u64,
    /// What is free for everybody.
    pub available: u64,
}

/// What was read and written since the device, or the mount of a network share, is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Which boot it is.
    pub boot: String,
    /// Nanoseconds since that boot.
    pub at: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads completed.
    pub reads: u64,
    /// Writes completed.
    pub writes: u64,
    /// Milliseconds that they took together.
    pub took: u64,
}

/// The same a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Bytes read.
    pub read_bytes: f64,
    /// Bytes written.
    pub write_bytes: f64,
    /// Reads completed.
    pub reads: f64,
    /// Writes completed.
    pub writes: f64,
    /// Seconds that one of them took on the average; 0 where there was none.
    pub service_time: f64,
}

impl Rates {
    /// Between two observations; none where they are of different boots, or something began anew.
    pub fn between(before: &Counts, now: &Counts) -> Option<Self> {
        let elapsed = now.at.checked_sub(before.at).filter(|ns| *ns > 0)? as f64 / 1e9;
        if before.boot != now.boot {
            return None;
        }
        let added = |count: fn(&Counts) -> u64| count(now).checked_sub(count(before));
        let rate = |count| added(count).map(|added| added as f64 / elapsed);
        let operations = added(|c| c.reads)? + added(|c| c.writes)?;
        let took = added(|c| c.took)? as f64 / 1000.0;
        Some(Self {
            read_bytes: rate(|c| c.read_bytes)?,
            write_bytes: rate(|c| c.write_bytes)?,
            reads: rate(|c| c.reads)?,
            writes: rate(|c| c.writes)?,
            service_time: if operations == 0 { 0.0 } else { took / operations as f64 },
        })
    }
}

impl Space {
    /// Of the whole or as it is, as the limit is. In use is what not even root could use: df counts
    /// the rest only.
    fn part(self, side: Side, limit: Limit) -> Option<f64> {
        let number = match side {
            Side::Usage => self.total.saturating_sub(self.free),
            Side::Free => self.available,
        } as f64;
        match limit {
            Limit::Ratio(_) if self.total == 0 => None,
            Limit::Ratio(_) => Some(number / self.total as f64),
            _ => Some(number),
        }
    }
}

impl Facts {
    pub(super) fn present(&self) -> Option<bool> {
        self.exists
    }

    /// Whether nothing but numbers that always move has changed.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let standing = |facts: &Self| Self {
            space: None,
            inodes: None,
            counts: None,
            rates: None,
            ..facts.clone()
        };
        standing(self) == standing(other)
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        let rate = |rate: fn(&Rates) -> f64| self.rates.as_ref().map(rate);
        let used = |space: Option<Space>| space.map(|space| space.total.saturating_sub(space.free));
        let usage = self.space.and_then(|space| space.part(Side::Usage, Limit::Ratio(0.0)));
        let attribute = |what: fn(&super::file::Facts) -> Option<u32>| {
            self.attributes.as_deref().and_then(what)
        };
        let mut shown = vec![
            ("mounted", self.exists.into()),
            ("mounted_on", self.place.clone().into()),
            ("device", self.device.clone().into()),
            ("type", self.kind.clone().into()),
            ("flags", self.flags.clone().into()),
            ("space_total_bytes", self.space.map(|space| space.total).into()),
            ("space_used_bytes", used(self.space).into()),
            ("space_free_bytes", self.space.map(|space| space.available).into()),
            ("space_usage", usage.into()),
            ("inodes_total", self.inodes.map(|inodes| inodes.total).into()),
            ("inodes_used", used(self.inodes).into()),
            ("read_bytes_per_second", rate(|rates| rates.read_bytes).into()),
            ("write_bytes_per_second", rate(|rates| rates.write_bytes).into()),
            ("reads_per_second", rate(|rates| rates.reads).into()),
            ("writes_per_second", rate(|rates| rates.writes).into()),
            ("service_time_seconds", rate(|rates| rates.service_time).into()),
            ("trouble", self.trouble.clone().into()),
        ];
        if self.attributes.is_some() {
            let mode = attribute(|facts| facts.mode).map(|mode| format!("{mode:04o}"));
            shown.push(("permission", mode.into()));
            shown.push(("uid", attribute(|facts| facts.uid).into()));
            shown.push(("gid", attribute(|facts| facts.gid).into()));
        }
        shown
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
