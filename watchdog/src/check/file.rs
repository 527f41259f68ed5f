//! Files, directories and named pipes: what they are, and the tests about that.
//!
//! Pure. Not here: reading them (`observe::file`).

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{EventNames, Judged, Seen};
use crate::service::EventWord;

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it has to be.
    pub what: FileType,
    /// Where it is.
    pub path: PathBuf,
}

/// What a path has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
}

impl FileType {
    /// The key word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Fifo => "fifo",
        }
    }
}

/// A test of a file, directory or named pipe.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `failed permission 755`: the permission bits are others.
    Permission(u32),
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// Whether it exists; `None`: could not be told.
    pub exists: Option<bool>,
    /// Permission bits.
    pub mode: Option<u32>,
}

impl Facts {
    pub(super) fn present(&self) -> Option<bool> {
        self.exists
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        vec![("permission", self.mode.map(|mode| format!("{mode:04o}")).into())]
    }
}

impl Test {
    pub(super) fn judge(&self, seen: Seen<'_>) -> Judged {
        let super::Facts::File(now) = &seen.now.facts else { return Judged::unknown() };
        match self {
            Self::Permission(limit) => Judged {
                truth: now.mode.map(|mode| mode != *limit),
                value: now.mode.map(|mode| format!("{mode:04o}")),
                limit: Some(format!("{limit:04o}")),
                failed: format!(
                    "permission test failed [current permission {:04o}]",
                    now.mode.unwrap_or_default()
                ),
                succeeded: "permission test succeeded".to_owned(),
            },
        }
    }

    pub(super) fn event(&self) -> EventNames {
        match self {
            Self::Permission(_) => EventNames {
                word: EventWord::Permission,
                failed: "Permission failed",
                succeeded: "Permission succeeded",
            },
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission(mode) => write!(f, "failed permission {mode:04o}"),
        }
    }
}
