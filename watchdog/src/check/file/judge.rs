//! Whether a test of a file holds, and Monit's words for it.
//!
//! Pure. Source of the words: real output of Monit 5.33. Not here: the sentences (`test`).

mod times;

use std::fmt::Display;

use super::content::Filter;
use super::test::{Account, Test};
use super::{Algorithm, Facts, FileType};
use crate::check::{EventNames, Judged, Seen};
use crate::metric::{Operator, bytes};
use crate::service::EventWord;

/// Lines of content that are told.
const TOLD_LINES: usize = 10;

impl Test {
    /// Nothing about something that is not there or not of its kind is known.
    pub(in crate::check) fn judge(&self, seen: Seen<'_>) -> Judged {
        let Some(now) = facts(&seen.now.facts) else { return Judged::unknown() };
        if *self == Self::Type {
            return of_type(now);
        }
        if now.exists != Some(true) || now.wanted.is_some() {
            return Judged::unknown();
        }
        // Of another path it says nothing.
        let before = seen.before.and_then(|before| facts(&before.facts));
        let before = before.filter(|before| before.path == now.path);
        match self {
            Self::Type => Judged::unknown(),
            Self::Permission(mode) => permission(now, *mode),
            Self::PermissionChanged => {
                let mode = |facts: &Facts| facts.mode;
                let shown = |mode: u32| format!("{mode:04o}");
                Change::of(now, before, mode).judged(
                    shown,
                    |new, old| {
                        let path = &now.path;
                        let (new, old) = (shown(new), shown(old));
                        format!("permission for {path} changed from {old} to {new}")
                    },
                    |_| format!("permission not changed for {}", now.path),
                )
            }
            Self::Uid(account) => owner("uid", now, now.uid, account, &now.users),
            Self::Gid(account) => owner("gid", now, now.gid, account, &now.groups),
            Self::Size(operator, limit) => size(now, *operator, *limit),
            Self::SizeChanged => Change::of(now, before, |facts| facts.size).judged(
                |size| bytes(size as f64),
                |new, _| format!("size for {} changed to {}", now.path, bytes(new as f64)),
                |size| format!("size has not changed [current size = {}]", bytes(size as f64)),
            ),
            Self::Time(time, operator, limit) => times::age(now, *time, *operator, *limit),
            Self::TimeChanged(time) => times::changed(now, before, *time),
            Self::Checksum(algorithm, expect) => checksum(now, *algorithm, expect.as_deref()),
            Self::ChecksumChanged(algorithm) => {
                // What was told last may be older than what was there then.
                let before = before.and_then(|before| before.sums.get(algorithm));
                let before = before.map(|sum| sum.hex.clone());
                let change = Change { now: now.sum(*algorithm).map(|sum| sum.hex.clone()), before };
                change.judged(
                    |sum| sum,
                    |new, _| format!("checksum changed to {new}"),
                    |_| "checksum has not changed".to_owned(),
                )
            }
            Self::Hardlink(operator, limit) => hardlink(now, *operator, *limit),
            Self::HardlinkChanged => Change::of(now, before, |facts| facts.links).judged(
                |links| links.to_string(),
                |new, old| format!("hardlink count for {} changed from {old} to {new}", now.path),
                |links| format!("hardlink count has not changed [current count = {links}]"),
            ),
            Self::Content(filter) => content(now, before, filter),
        }
    }

    /// Why it holds, where that can be another while it goes on holding.
    pub(in crate::check) fn cause(&self, judged: &Judged) -> Option<String> {
        match self {
            Self::Type | Self::Permission(_) | Self::Uid(_) | Self::Gid(_) | Self::Checksum(..) => {
                judged.value.clone()
            }
            _ => None,
        }
    }

    pub(in crate::check) fn event(&self) -> EventNames {
        let (word, failed, succeeded) = match self {
            Self::Type => (EventWord::Invalid, "Invalid type", "Type succeeded"),
            Self::Permission(_) => {
                (EventWord::Permission, "Permission failed", "Permission succeeded")
            }
            Self::PermissionChanged => {
                (EventWord::Permission, "Permission changed", "Permission not changed")
            }
            Self::Uid(_) => (EventWord::Uid, "UID failed", "UID succeeded"),
            Self::Gid(_) => (EventWord::Gid, "GID failed", "GID succeeded"),
            Self::Size(..) => (EventWord::Size, "Size failed", "Size succeeded"),
            Self::SizeChanged => (EventWord::Size, "Size changed", "Size not changed"),
            Self::Time(..) => (EventWord::Timestamp, "Timestamp failed", "Timestamp succeeded"),
            Self::TimeChanged(_) => {
                (EventWord::Timestamp, "Timestamp changed", "Timestamp not changed")
            }
            Self::Checksum(..) => (EventWord::Checksum, "Checksum failed", "Checksum succeeded"),
            Self::ChecksumChanged(_) => {
                (EventWord::Checksum, "Checksum changed", "Checksum not changed")
            }
            Self::Hardlink(..) => {
                (EventWord::Resource, "Resource limit matched", "Resource limit succeeded")
            }
            Self::HardlinkChanged => {
                (EventWord::Resource, "Resource limit changed", "Resource limit not changed")
            }
            Self::Content(_) => (EventWord::Content, "Content match", "Content doesn't match"),
        };
        EventNames { word, failed, succeeded }
    }
}

fn facts(observed: &crate::check::Facts) -> Option<&Facts> {
    match observed {
        crate::check::Facts::File(facts) => Some(facts),
        crate::check::Facts::Filesystem(facts) => facts.attributes.as_deref(),
        _ => None,
    }
}

/// A value now and the one of which was told last.
struct Change<T> {
    now: Option<T>,
    before: Option<T>,
}

impl<T: PartialEq + Clone> Change<T> {
    fn of(now: &Facts, before: Option<&Facts>, value: impl Fn(&Facts) -> Option<T>) -> Self {
        Self { now: value(now), before: before.and_then(value) }
    }

    /// The first value that is seen is no change.
    fn judged(
        self,
        shown: impl Fn(T) -> String,
        changed: impl FnOnce(T, T) -> String,
        same: impl FnOnce(T) -> String,
    ) -> Judged {
        let Some(now) = self.now else { return Judged::unknown() };
        let before = self.before.unwrap_or_else(|| now.clone());
        Judged {
            truth: Some(now != before),
            value: Some(shown(now.clone())),
            limit: Some(shown(before.clone())),
            failed: changed(now.clone(), before),
            succeeded: same(now),
        }
    }
}

/// Monit's words for what is and what is not of its kind.
fn of_type(now: &Facts) -> Judged {
    let Some(what) = now.what else { return Judged::unknown() };
    let wanted = now.wanted.unwrap_or(what);
    let (is, is_not) = match wanted {
        FileType::File | FileType::Other => {
            ("is a regular file", "is neither a regular file nor a socket")
        }
        FileType::Directory => ("is directory", "is not directory"),
        FileType::Fifo => ("is fifo", "is not fifo"),
    };
    Judged {
        truth: Some(now.wanted.is_some()),
        value: Some(what.word().to_owned()),
        limit: Some(wanted.word().to_owned()),
        failed: is_not.to_owned(),
        succeeded: is.to_owned(),
    }
}

fn permission(now: &Facts, limit: u32) -> Judged {
    let Some(mode) = now.mode else { return Judged::unknown() };
    Judged {
        truth: Some(mode != limit),
        value: Some(format!("{mode:04o}")),
        limit: Some(format!("{limit:04o}")),
        failed: format!("permission test failed for {} [current permission {mode:04o}]", now.path),
        succeeded: format!("permission test succeeded [current permission {mode:04o}]"),
    }
}

fn owner(
    what: &str,
    now: &Facts,
    id: Option<u32>,
    account: &Account,
    known: &std::collections::BTreeMap<String, Option<u32>>,
) -> Judged {
    let number = |name: &str| known.get(name).copied().flatten();
    account.judge(what, id, number, &format!(" for {}", now.path))
}

fn size(now: &Facts, operator: Operator, limit: u64) -> Judged {
    let Some(size) = now.size else { return Judged::unknown() };
    let shown = bytes(size as f64);
    Judged {
        truth: Some(operator.holds(size as f64, limit as f64)),
        value: Some(shown.clone()),
        limit: Some(bytes(limit as f64)),
        failed: format!("size test failed for {} -- current size is {shown}", now.path),
        succeeded: format!("size check succeeded [current size = {shown}]"),
    }
}

fn checksum(now: &Facts, algorithm: Algorithm, expect: Option<&str>) -> Judged {
    let Some(sum) = now.sum(algorithm) else { return Judged::unknown() };
    let expect = expect.unwrap_or(&sum.first);
    Judged {
        truth: Some(sum.hex != expect),
        value: Some(sum.hex.clone()),
        limit: Some(expect.to_owned()),
        failed: format!("checksum failed, expected {expect} got {}", sum.hex),
        succeeded: "checksum is valid".to_owned(),
    }
}

fn hardlink(now: &Facts, operator: Operator, limit: u64) -> Judged {
    let Some(links) = now.links else { return Judged::unknown() };
    Judged {
        truth: Some(operator.holds(links as f64, limit as f64)),
        value: Some(links.to_string()),
        limit: Some(limit.to_string()),
        failed: format!("hardlink test failed for {} -- current count is {links}", now.path),
        succeeded: format!("hardlink test succeeded [current count = {links}]"),
    }
}

fn content(now: &Facts, before: Option<&Facts>, filter: &Filter) -> Judged {
    let Some(read) = &now.content else { return Judged::unknown() };
    let words = filter.to_string();
    // What was read before the first look at this rule is not its matter.
    let Some(before) = before else {
        return Judged { truth: Some(false), ..Judged::default() };
    };
    let (count, lines) = read.since(&words, before.content.as_ref());
    let lines: Vec<&str> = lines.take(TOLD_LINES).collect();
    let more = count.saturating_sub(lines.len() as u64);
    let mut failed = format!("content match: {}", lines.join(" | "));
    if more > 0 {
        failed.push_str(&format!(" (and {more} {} before)", plural(more, "line")));
    }
    Judged {
        truth: Some(count > 0),
        value: Some(format!("{count} {}", plural(count, "line"))),
        limit: Some(words),
        failed,
        succeeded: "content doesn't match".to_owned(),
    }
}

fn plural(count: u64, word: &str) -> impl Display {
    format!("{word}{}", if count == 1 { "" } else { "s" })
}
