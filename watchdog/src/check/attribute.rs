//! Whom a process belongs to and what it descends from (user, group, parent, security label), and the
//! tests about that.
//!
//! Pure. Not here: reading them (`observe::attribute`).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::file::test::Account;
use super::{EventNames, Judged, Seen};
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
    /// `changed ppid`: it has another parent.
    ParentChanged,
    /// `failed security attribute "unconfined"`: its label (SELinux, AppArmor) is another.
    Security(String),
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
        *self == Self::ParentChanged
    }

    pub(super) fn judge(&self, seen: Seen<'_>) -> Judged {
        let super::Facts::Attribute(now) = &seen.now.facts else { return Judged::unknown() };
        match self {
            Self::Uid(account) => owner("uid", now.uid, account, now),
            Self::Euid(account) => owner("euid", now.euid, account, now),
            Self::Gid(account) => owner("gid", now.gid, account, now),
            Self::ParentChanged => {
                let before = seen.before.and_then(|before| match &before.facts {
                    // Another process has another parent by right.
                    super::Facts::Attribute(before) if before.pid == now.pid => before.parent,
                    _ => now.parent,
                });
                let (Some(before), Some(parent)) = (before.or(now.parent), now.parent) else {
                    return Judged::unknown();
                };
                Judged {
                    truth: Some(before != parent),
                    value: Some(parent.to_string()),
                    limit: Some(before.to_string()),
                    failed: format!("process PPID changed from {before} to {parent}"),
                    succeeded: "process PPID has not changed since last cycle".to_owned(),
                }
            }
            Self::Security(wanted) => {
                let Some(label) = &now.security else { return Judged::unknown() };
                Judged {
                    truth: Some(label != wanted),
                    value: Some(label.clone()),
                    limit: Some(wanted.clone()),
                    failed: format!("security attribute test failed -- current is '{label}'"),
                    succeeded: format!("security attribute test succeeded [current is '{label}']"),
                }
            }
        }
    }

    pub(super) fn event(&self) -> EventNames {
        let (word, failed, succeeded) = match self {
            Self::Uid(_) | Self::Euid(_) => (EventWord::Uid, "UID failed", "UID succeeded"),
            Self::Gid(_) => (EventWord::Gid, "GID failed", "GID succeeded"),
            Self::ParentChanged => (EventWord::Ppid, "PPID changed", "PPID not changed"),
            Self::Security(_) => (EventWord::Invalid, "Invalid type", "Type succeeded"),
        };
        EventNames { word, failed, succeeded }
    }
}

fn owner(what: &str, id: Option<u32>, account: &Account, now: &Facts) -> Judged {
    let wanted = match account {
        Account::Number(number) => Some(*number),
        Account::Name(name) => now.accounts.get(&key(what, name)).copied().flatten(),
    };
    let (Some(id), Some(wanted)) = (id, wanted) else { return Judged::unknown() };
    Judged {
        truth: Some(id != wanted),
        value: Some(id.to_string()),
        limit: Some(wanted.to_string()),
        failed: format!("{what} test failed -- current {what} is {id}"),
        succeeded: format!("{what} test succeeded [current {what} = {id}]"),
    }
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
            Self::ParentChanged => f.write_str("changed ppid"),
            Self::Security(label) => write!(f, "failed security attribute \"{label}\""),
        }
    }
}
