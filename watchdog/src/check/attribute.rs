//! Whom a process belongs to and what it descends from (user, group, parent, security label), and the
//! tests about that.
//!
//! Pure. Not here: reading them (`observe::attribute`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::file::test::Account;
use super::{EventNames, Judged, Seen};
use crate::protocol::{Pattern, Quoted};
use crate::service::EventWord;

/// A test of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `failed uid www-data`: its real user is another.
    Uid(Account),
    /// `failed euid www-data`: its effective user is another.
    Euid(Account),
    /// `failed gid www-data`: its real group is another.
    Gid(Account),
    /// `changed pid`: it is another process than before, and not by our doing.
    PidChanged,
    /// `changed ppid`: it has another parent.
    ParentChanged,
    /// `failed security attribute "unconfined"`: its label (SELinux, AppArmor) is another.
    Security(String),
    /// `security attribute =~ "^container_t"`, as in Monit 6.0: it is such a one.
    SecurityIs(Label),
}

/// What a label is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// `= "unconfined"`, `!= "unconfined"`: the whole label.
    Text {
        /// `!=`
        not: bool,
        /// The label.
        text: String,
    },
    /// `=~ "regex"`, `!=~ "regex"`: a part of it.
    Pattern {
        /// `!=~`
        not: bool,
        /// What is looked for.
        pattern: Pattern,
    },
}

impl Label {
    fn takes(&self, label: &str) -> bool {
        match self {
            Self::Text { not, text } => (text == label) != *not,
            Self::Pattern { not, pattern } => pattern.is_in(label.as_bytes()) != *not,
        }
    }
}

/// As in the sentence.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, text) = match self {
            Self::Text { not: false, text } => ("=", text.as_str()),
            Self::Text { not: true, text } => ("!=", text.as_str()),
            Self::Pattern { not: false, pattern } => ("=~", pattern.as_str()),
            Self::Pattern { not: true, pattern } => ("!=~", pattern.as_str()),
        };
        write!(f, "{sign} {}", Quoted(text))
    }
}

/// What was observed of the main process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// Its pid.
    pub pid: Option<u32>,
    /// Its parent's.
    pub parent: Option<u32>,
    /// Real user.
    pub uid: Option<u32>,
    /// Effective user.
    pub euid: Option<u32>,
    /// Real group.
    pub gid: Option<u32>,
    /// Label of the security module; hostile text where a user may set it.
    pub security: Option<String>,
    /// Numbers of the users and groups that rules name; `None`: there is none of this name.
    pub accounts: BTreeMap<String, Option<u32>>,
}

impl Facts {
    pub(super) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![
            ("parent_pid", self.parent.into()),
            ("uid", self.uid.into()),
            ("effective_uid", self.euid.into()),
            ("gid", self.gid.into()),
            ("security_attribute", self.security.clone().into()),
        ]
    }
}

impl Test {
    /// Whether it tells a change, which is told anew each time.
    pub(super) fn is_change(&self) -> bool {
        matches!(self, Self::PidChanged | Self::ParentChanged)
    }

    pub(super) fn judge(&self, seen: Seen<'_>) -> Judged {
        let super::Facts::Attribute(now) = &seen.now.facts else { return Judged::unknown() };
        match self {
            Self::Uid(account) => owner("uid", now.uid, account, now),
            Self::Euid(account) => owner("euid", now.euid, account, now),
            Self::Gid(account) => owner("gid", now.gid, account, now),
            Self::PidChanged => changed("PID", former(seen).and_then(|before| before.pid), now.pid),
            Self::ParentChanged => {
                // Another process has another parent by right.
                let before = former(seen).filter(|before| before.pid == now.pid);
                changed("PPID", before.and_then(|before| before.parent), now.parent)
            }
            Self::Security(wanted) => {
                labelled(now, wanted.clone(), |label| label != wanted.as_str())
            }
            Self::SecurityIs(wanted) => {
                labelled(now, wanted.to_string(), |label| wanted.takes(label))
            }
        }
    }

    pub(super) fn event(&self) -> EventNames {
        let (word, failed, succeeded) = match self {
            Self::Uid(_) | Self::Euid(_) => (EventWord::Uid, "UID failed", "UID succeeded"),
            Self::Gid(_) => (EventWord::Gid, "GID failed", "GID succeeded"),
            Self::PidChanged => (EventWord::Pid, "PID changed", "PID not changed"),
            Self::ParentChanged => (EventWord::Ppid, "PPID changed", "PPID not changed"),
            Self::Security(_) | Self::SecurityIs(_) => {
                (EventWord::Invalid, "Invalid type", "Type succeeded")
            }
        };
        EventNames { word, failed, succeeded }
    }
}

/// What the rule has told of last.
fn former<'a>(seen: Seen<'a>) -> Option<&'a Facts> {
    match &seen.before?.facts {
        super::Facts::Attribute(before) => Some(before),
        _ => None,
    }
}

/// The first that is seen is no change.
fn changed(what: &str, before: Option<u32>, now: Option<u32>) -> Judged {
    let Some(now) = now else { return Judged::unknown() };
    let before = before.unwrap_or(now);
    Judged {
        truth: Some(before != now),
        value: Some(now.to_string()),
        limit: Some(before.to_string()),
        failed: format!("process {what} changed from {before} to {now}"),
        succeeded: format!("process {what} has not changed since last cycle"),
    }
}

/// Where there is no security module there is no label.
fn labelled(now: &Facts, limit: String, fails: impl Fn(&str) -> bool) -> Judged {
    let Some(label) = &now.security else { return Judged::unknown() };
    Judged {
        truth: Some(fails(label)),
        value: Some(label.clone()),
        limit: Some(limit),
        failed: format!("Security attribute test failed -- current attribute is '{label}'"),
        succeeded: format!("Security attribute test succeeded [current attribute = '{label}']"),
    }
}

fn owner(what: &str, id: Option<u32>, account: &Account, now: &Facts) -> Judged {
    let number = |name: &str| now.accounts.get(&key(what, name)).copied().flatten();
    account.judge(what, id, number, "")
}

/// Under which key a name's number stands: a user and a group may have the same name.
pub fn key(what: &str, name: &str) -> String {
    let kind = if what == "gid" { "group" } else { "user" };
    format!("{kind} {name}")
}

/// The sentence that means it.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(account) => write!(f, "failed uid {account}"),
            Self::Euid(account) => write!(f, "failed euid {account}"),
            Self::Gid(account) => write!(f, "failed gid {account}"),
            Self::PidChanged => f.write_str("changed pid"),
            Self::ParentChanged => f.write_str("changed ppid"),
            Self::Security(label) => write!(f, "failed security attribute \"{label}\""),
            Self::SecurityIs(label) => write!(f, "security attribute {label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Observation;

    fn seen(facts: Facts) -> Observation {
        Observation { facts: super::super::Facts::Attribute(facts), ..Observation::default() }
    }

    fn process(pid: u32, parent: u32) -> Observation {
        seen(Facts { pid: Some(pid), parent: Some(parent), ..Facts::default() })
    }

    #[test]
    fn another_process_is_a_change_and_its_parent_is_none() {
        let (old, new) = (process(31499, 1), process(31707, 7));
        let judge = |test: &Test, now, before| test.judge(Seen { now, before }).words();
        let same = "process PID has not changed since last cycle".to_owned();
        let pid = &Test::PidChanged;
        let told = "process PID changed from 31499 to 31707".to_owned();
        assert_eq!(judge(pid, &new, Some(&old)), (Some(true), told));
        assert_eq!(judge(pid, &new, Some(&new)), (Some(false), same.clone()));
        assert_eq!(judge(pid, &new, None), (Some(false), same), "the first is no change");
        let gone = seen(Facts::default());
        assert_eq!(judge(pid, &gone, Some(&old)).0, None);
        assert_eq!(judge(&Test::ParentChanged, &new, Some(&old)).0, Some(false));
        assert_eq!(judge(&Test::ParentChanged, &process(31499, 2), Some(&old)).0, Some(true));
    }

    #[test]
    fn labels_are_compared_whole_or_by_patterns() {
        let label = "system_u:system_r:container_t:s0:c1,c9";
        let now = seen(Facts { security: Some(label.to_owned()), ..Facts::default() });
        let text = |not, text: &str| Label::Text { not, text: text.to_owned() };
        let pattern =
            |not, text: &str| Label::Pattern { not, pattern: Pattern::new(text).unwrap() };
        let table = [
            (text(false, label), true, "= \"system_u:system_r:container_t:s0:c1,c9\""),
            (text(false, "container_t"), false, "= \"container_t\""),
            (text(true, "container_t"), true, "!= \"container_t\""),
            (pattern(false, ":container_t:.*c9$"), true, "=~ \":container_t:.*c9$\""),
            (pattern(true, ":container_t:"), false, "!=~ \":container_t:\""),
        ];
        for (wanted, holds, words) in table {
            assert_eq!(wanted.to_string(), words);
            let judged = Test::SecurityIs(wanted).judge(Seen { now: &now, before: None });
            assert_eq!(judged.truth, Some(holds), "{words}");
            let told = format!("Security attribute test failed -- current attribute is '{label}'");
            assert_eq!(judged.failed, told);
        }
        let none = seen(Facts::default());
        let test = Test::SecurityIs(text(true, "x"));
        assert_eq!(test.judge(Seen { now: &none, before: None }).truth, None);
    }
}
