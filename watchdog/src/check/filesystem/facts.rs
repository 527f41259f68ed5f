//! What is known of a mounted file system: its space, inodes, options, and what was read and written.
//!
//! Pure. Not here: the tests about it (`filesystem`), reading it (`observe::filesystem`).

use serde::{Deserialize, Serialize};

use super::Side;
use crate::service::Limit;

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
    pub attributes: Option<Box<crate::check::file::Facts>>,
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
    pub(super) fn part(self, side: Side, limit: Limit) -> Option<f64> {
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
    pub(in crate::check) fn present(&self) -> Option<bool> {
        self.exists
    }

    /// Whether nothing but numbers that always move has changed.
    pub(in crate::check) fn is_like(&self, other: &Self) -> bool {
        let standing = |facts: &Self| Self {
            space: None,
            inodes: None,
            counts: None,
            rates: None,
            ..facts.clone()
        };
        standing(self) == standing(other)
    }

    pub(in crate::check) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        let rate = |rate: fn(&Rates) -> f64| self.rates.as_ref().map(rate);
        let used = |space: Option<Space>| space.map(|space| space.total.saturating_sub(space.free));
        let usage = self.space.and_then(|space| space.part(Side::Usage, Limit::Ratio(0.0)));
        let attribute = |what: fn(&crate::check::file::Facts) -> Option<u32>| {
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
