//! Network interfaces: link, saturation and traffic, and the tests about that.
//!
//! Pure. Not here: reading them (`observe::network`), and what they carried before (`traffic`).

pub mod traffic;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{EventNames, Judged, Seen};
use crate::metric::{Operator, bytes};
use crate::service::{EventWord, Limit};
use traffic::{Counts, Rates, Way, added};

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The interface, by name or by an address that it has.
    pub interface: Interface,
}

/// How an interface is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interface {
    /// By its name.
    Name(String),
    /// By an address of its.
    Address(std::net::IpAddr),
}

/// A test of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `link down`, `link up`.
    Link {
        /// Which of them.
        up: bool,
    },
    /// `changed link`: another speed or duplex than before.
    CapacityChanged,
    /// `saturation > 80%`: the share of the speed that is used, as a ratio.
    Saturation(Operator, f64),
    /// `download > 10 MB/s`, `upload > 500 packets/s`.
    Rate(Way, Operator, Limit),
    /// `total downloaded > 10 GB in last 1 hour`.
    Total(Way, Operator, Limit, Duration),
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// Which interface it is.
    pub name: Option<String>,
    /// Whether its link is up; `None`: could not be told. One that is not there has none.
    pub up: Option<bool>,
    /// Why there is no link or nothing can be told, in one line.
    pub trouble: Option<String>,
    /// What it can carry, as it was known last: some do not tell it, and none while it is down.
    pub capacity: Option<Capacity>,
    /// What it has carried.
    pub counts: Option<Counts>,
    /// What that was a second. Not kept: what is read back must be what was written to the last bit,
    /// which JSON does not promise of such numbers.
    #[serde(skip_serializing)]
    pub rates: Option<Rates>,
    /// What it had carried at former times, the oldest first: as far back as rules ask.
    pub past: Vec<Counts>,
}

/// What an interface can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Megabits in a second.
    pub speed: u64,
    /// In both directions at the same time.
    pub full: bool,
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Mb/s {}-duplex", self.speed, if self.full { "full" } else { "half" })
    }
}

impl Facts {
    /// Whether nothing but numbers that always move has changed.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let standing =
            |facts: &Self| (facts.name.clone(), facts.up, facts.trouble.clone(), facts.capacity);
        standing(self) == standing(other)
    }

    /// The share of what it can carry that it carries.
    fn saturation(&self) -> Option<f64> {
        let capacity = self.capacity.filter(|capacity| capacity.speed > 0)?;
        let rates = self.rates?;
        let (down, up) = (rates.bytes(Way::Download), rates.bytes(Way::Upload));
        let carried = if capacity.full { down.max(up) } else { down + up };
        Some(carried * 8.0 / (capacity.speed as f64 * 1e6))
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        let rate = |rate: fn(&Rates) -> f64| self.rates.as_ref().map(rate);
        let link = self.up.map(|up| if up { "up" } else { "down" });
        vec![
            ("interface", self.name.clone().into()),
            ("link", link.into()),
            ("capacity", self.capacity.map(|capacity| capacity.to_string()).into()),
            ("saturation", self.saturation().into()),
            ("download_bytes_per_second", rate(|rates| rates.bytes(Way::Download)).into()),
            ("download_packets_per_second", rate(|rates| rates.packets(Way::Download)).into()),
            ("upload_bytes_per_second", rate(|rates| rates.bytes(Way::Upload)).into()),
            ("upload_packets_per_second", rate(|rates| rates.packets(Way::Upload)).into()),
            ("trouble", self.trouble.clone().into()),
        ]
    }
}

/// A number of bytes or packets, as the limit is.
fn number(value: f64, limit: Limit) -> String {
    match limit {
        Limit::Bytes(_) => bytes(value),
        _ => format!("{value:.0}"),
    }
}

/// The bare number of a limit.
fn bare(limit: Limit) -> f64 {
    match limit {
        Limit::Ratio(n) | Limit::Bytes(n) | Limit::Count(n) | Limit::Seconds(n) => n,
    }
}

/// `2 hours`, `1 day`: what is read back as the same.
fn span(within: Duration) -> String {
    let minutes = within.as_secs() / 60;
    let (word, number) = match minutes {
        1440 => ("day", 1),
        minutes if minutes.is_multiple_of(60) => ("hour", minutes / 60),
        minutes => ("minute", minutes),
    };
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

impl Test {
    pub(super) fn judge(&self, seen: Seen<'_>) -> Judged {
        let super::Facts::Network(now) = &seen.now.facts else { return Judged::unknown() };
        match self {
            Self::Link { up } => {
                let why = now.trouble.as_ref().map_or(String::new(), |why| format!(" -- {why}"));
                let (there, absent) = ("link up".to_owned(), format!("link down{why}"));
                let (failed, succeeded) = if *up { (there, absent) } else { (absent, there) };
                let truth = now.up.map(|is| is == *up);
                Judged { truth, failed, succeeded, ..Judged::default() }
            }
            Self::CapacityChanged => capacity_changed(now, seen),
            Self::Saturation(operator, limit) => {
                let Some(value) = now.saturation() else { return Judged::unknown() };
                let shown = |ratio: f64| format!("{:.1}%", ratio * 100.0);
                let (value, most, truth) =
                    (shown(value), shown(*limit), Some(operator.holds(value, *limit)));
                Judged {
                    truth,
                    failed: format!(
                        "link saturation of {value} matches limit [saturation {operator} {most}]"
                    ),
                    succeeded: format!("saturation check succeeded [current saturation {value}]"),
                    value: Some(value),
                    limit: Some(most),
                }
            }
            Self::Rate(way, operator, limit) => {
                let value = now.rates.map(|rates| match limit {
                    Limit::Bytes(_) => rates.bytes(*way),
                    _ => rates.packets(*way),
                });
                let words = Words::new("", *way, *limit, "1 second".to_owned());
                words.judge(value, *operator, *limit)
            }
            Self::Total(way, operator, limit, within) => {
                let count = |counts: &Counts| match limit {
                    Limit::Bytes(_) => counts.bytes(*way),
                    _ => counts.packets(*way),
                };
                let value = now.counts.as_ref().and_then(|is| added(&now.past, is, *within, count));
                let words = Words::new("total ", *way, *limit, span(*within));
                words.judge(value, *operator, *limit)
            }
        }
    }

    pub(super) fn event(&self) -> EventNames {
        let (word, failed, succeeded) = match self {
            Self::Link { up: false } => (EventWord::Link, "Link down", "Link up"),
            Self::Link { up: true } => (EventWord::Link, "Link up", "Link down"),
            Self::CapacityChanged => (EventWord::Speed, "Speed changed", "Speed not changed"),
            Self::Saturation(..) => (EventWord::Saturation, "Saturation exceeded", "Saturation ok"),
            Self::Rate(way, _, limit) | Self::Total(way, _, limit, _) => match (way, limit) {
                (Way::Download, Limit::Bytes(_)) => {
                    (EventWord::Bytein, "Download bytes exceeded", "Download bytes ok")
                }
                (Way::Upload, Limit::Bytes(_)) => {
                    (EventWord::Byteout, "Upload bytes exceeded", "Upload bytes ok")
                }
                (Way::Download, _) => {
                    (EventWord::Packetin, "Download packets exceeded", "Download packets ok")
                }
                (Way::Upload, _) => {
                    (EventWord::Packetout, "Upload packets exceeded", "Upload packets ok")
                }
            },
        };
        EventNames { word, failed, succeeded }
    }
}

fn capacity_changed(now: &Facts, seen: Seen<'_>) -> Judged {
    let Some(capacity) = now.capacity else { return Judged::unknown() };
    let before = match seen.before.map(|before| &before.facts) {
        Some(super::Facts::Network(before)) => before.capacity,
        _ => None,
    };
    let former = before.unwrap_or(capacity);
    Judged {
        truth: Some(former != capacity),
        value: Some(capacity.to_string()),
        limit: Some(former.to_string()),
        failed: format!("link capacity changed from {former} to {capacity}"),
        succeeded: "link capacity has not changed".to_owned(),
    }
}

/// How traffic is told.
struct Words {
    what: String,
    limit: String,
    within: String,
}

impl Words {
    /// Monit's, which calls bytes a rate in sums too.
    fn new(total: &str, way: Way, limit: Limit, within: String) -> Self {
        let way = way.word();
        match limit {
            Limit::Bytes(_) => {
                Self { what: format!("{total}{way}"), limit: format!("{way} rate"), within }
            }
            _ => Self {
                what: format!("{total}{way} packets"),
                limit: format!("{way} packets"),
                within,
            },
        }
    }

    fn judge(self, value: Option<f64>, operator: Operator, limit: Limit) -> Judged {
        let Some(value) = value else { return Judged::unknown() };
        let (shown, most) = (number(value, limit), number(bare(limit), limit));
        let Self { what, limit: name, within } = self;
        Judged {
            truth: Some(operator.holds(value, bare(limit))),
            failed: format!(
                "{what} {shown} matches limit [{name} {operator} {most} in last {within}]"
            ),
            succeeded: format!("{what} check succeeded [current {name} {shown} in last {within}]"),
            value: Some(shown),
            limit: Some(most),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packets =
            |limit: &Limit| if matches!(limit, Limit::Bytes(_)) { "" } else { " packets" };
        match self {
            Self::Link { up: true } => f.write_str("link up"),
            Self::Link { up: false } => f.write_str("link down"),
            Self::CapacityChanged => f.write_str("changed link"),
            Self::Saturation(operator, ratio) => {
                write!(f, "saturation {operator} {}", Limit::Ratio(*ratio))
            }
            Self::Rate(way, operator, limit) => {
                write!(f, "{} {operator} {limit}{}/s", way.word(), packets(limit))
            }
            Self::Total(way, operator, limit, within) => {
                let (word, packets, span) = (way.word(), packets(limit), span(*within));
                write!(f, "total {word}ed {operator} {limit}{packets} in last {span}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
