//! The tests of files, directories and named pipes, and the sentence of each.
//!
//! Not here: whether one holds (`judge`) and how the sentence is read (`config::grammar::file`).

use std::fmt;

use super::Algorithm;
use super::content::Filter;
use crate::check::Judged;
use crate::metric::Operator;

/// A test of a file, directory or named pipe.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `failed type`: it is not what the kind of the service says. Stands in every such service.
    Type,
    /// `failed permission 755`: the permission bits are others.
    Permission(u32),
    /// `changed permission`.
    PermissionChanged,
    /// `failed uid root`: it belongs to another user.
    Uid(Account),
    /// `failed gid root`: it belongs to another group.
    Gid(Account),
    /// `size > 100 MB`.
    Size(Operator, u64),
    /// `changed size`.
    SizeChanged,
    /// `timestamp > 15 minutes`: so long ago, in seconds.
    Time(Time, Operator, f64),
    /// `changed timestamp`.
    TimeChanged(Time),
    /// `failed sha256 checksum expect …`; without a sum the first that was made is expected.
    Checksum(Algorithm, Option<String>),
    /// `changed checksum`.
    ChecksumChanged(Algorithm),
    /// `hardlink > 1`.
    Hardlink(Operator, u64),
    /// `changed hardlink`.
    HardlinkChanged,
    /// `content = "pattern"`, `content = /etc/patterns`: such lines have been written.
    Content(Filter),
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// By its number.
    Number(u32),
    /// By its name; looked up at each observation.
    Name(String),
}

impl Account {
    /// Of the words of a rule: digits are a number.
    pub fn new(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number)
    }

    /// Whether a user or group id is another than this one's. `what`: `uid`, `gid`, …; `number`: of a
    /// name, where the host has it; `of`: whose it is, for the text.
    pub(in crate::check) fn judge(
        &self,
        what: &str,
        id: Option<u32>,
        number: impl Fn(&str) -> Option<u32>,
        of: &str,
    ) -> Judged {
        let wanted = match self {
            Self::Number(number) => Some(*number),
            Self::Name(name) => number(name),
        };
        let (Some(id), Some(wanted)) = (id, wanted) else { return Judged::unknown() };
        Judged {
            truth: Some(id != wanted),
            value: Some(id.to_string()),
            limit: Some(wanted.to_string()),
            failed: format!("{what} test failed{of} -- current {what} is {id}"),
            succeeded: format!("{what} test succeeded [current {what} = {id}]"),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "\"{name}\""),
        }
    }
}

/// Which of a file's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The later of change and modification.
    Any,
    /// Last read.
    Access,
    /// Last change of content or attributes.
    Change,
    /// Last change of content.
    Modification,
}

impl Time {
    /// Its words in a sentence; the first is the one we print.
    pub const WORDS: [(&'static [&'static str], Self); 8] = [
        (&["timestamp"], Self::Any),
        (&["atime"], Self::Access),
        (&["ctime"], Self::Change),
        (&["mtime"], Self::Modification),
        (&["time"], Self::Any),
        (&["access", "time"], Self::Access),
        (&["change", "time"], Self::Change),
        (&["modification", "time"], Self::Modification),
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Any => "timestamp",
            Self::Access => "atime",
            Self::Change => "ctime",
            Self::Modification => "mtime",
        }
    }
}

impl Test {
    /// Whether it tells a change, which is told anew each time.
    pub(in crate::check) fn is_change(&self) -> bool {
        match self {
            Self::PermissionChanged
            | Self::SizeChanged
            | Self::TimeChanged(_)
            | Self::ChecksumChanged(_)
            | Self::HardlinkChanged
            | Self::Content(_) => true,
            Self::Type
            | Self::Permission(_)
            | Self::Uid(_)
            | Self::Gid(_)
            | Self::Size(..)
            | Self::Time(..)
            | Self::Checksum(..)
            | Self::Hardlink(..) => false,
        }
    }

    /// The checksum that it needs.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Checksum(algorithm, _) | Self::ChecksumChanged(algorithm) => Some(*algorithm),
            _ => None,
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type => f.write_str("failed type"),
            Self::Permission(mode) => write!(f, "failed permission {mode:04o}"),
            Self::PermissionChanged => f.write_str("changed permission"),
            Self::Uid(account) => write!(f, "failed uid {account}"),
            Self::Gid(account) => write!(f, "failed gid {account}"),
            Self::Size(operator, bytes) => write!(f, "size {operator} {}", size(*bytes)),
            Self::SizeChanged => f.write_str("changed size"),
            Self::Time(time, operator, seconds) => {
                write!(f, "{} {operator} {}", time.word(), length(*seconds))
            }
            Self::TimeChanged(time) => write!(f, "changed {}", time.word()),
            Self::Checksum(algorithm, None) => write!(f, "failed {} checksum", algorithm.word()),
            Self::Checksum(algorithm, Some(sum)) => {
                write!(f, "failed {} checksum expect {sum}", algorithm.word())
            }
            Self::ChecksumChanged(algorithm) => {
                write!(f, "changed {} checksum", algorithm.word())
            }
            Self::Hardlink(operator, count) => write!(f, "hardlink {operator} {count}"),
            Self::HardlinkChanged => f.write_str("changed hardlink"),
            Self::Content(filter) => write!(f, "content {filter}"),
        }
    }
}

/// In the largest unit of which it is a whole number.
fn size(bytes: u64) -> String {
    let units = [("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)];
    let unit = units.into_iter().find(|(_, power)| bytes > 0 && bytes.is_multiple_of(1 << power));
    let (word, power) = unit.unwrap_or(("B", 0));
    format!("{} {word}", bytes >> power)
}

/// In the largest unit of which it is a whole number.
fn length(seconds: f64) -> String {
    let units = [("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)];
    let unit = units.into_iter().find(|(_, unit)| seconds > 0.0 && seconds % unit == 0.0);
    let (word, unit) = unit.unwrap_or(("seconds", 1.0));
    format!("{} {word}", seconds / unit)
}
