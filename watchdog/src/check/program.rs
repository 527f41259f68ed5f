//! Programs that are run to be judged: by exit status and output.
//!
//! Pure. Not here: running them (`observe::program`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EventNames, Judged, Seen};
use crate::service::Program;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The program; its timeout is the probe's.
    pub program: Program,
}

/// A test of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {}

impl Facts {
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
