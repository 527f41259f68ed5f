//! Mounted file systems: their space, inodes, flags and rates, and the tests about that.
//!
//! Pure. Not here: reading them (`observe::filesystem`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EventNames, Judged, Seen};

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filesystem {
    /// A mount point, a device, or the source of a network share, as in the mount table.
    pub source: String,
}

/// A test of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {}

impl Facts {
    pub(super) fn present(&self) -> Option<bool> {
        None
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        Vec::new()
    }
}

impl Test {
    pub(super) fn judge(&self, _seen: Seen<'_>) -> Judged {
        match *self {}
    }

    pub(super) fn event(&self) -> EventNames {
        match *self {}
    }
}

impl fmt::Display for Test {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
