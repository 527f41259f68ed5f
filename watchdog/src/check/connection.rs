//! Connections to ports, Unix sockets and URLs, and pings: how one is made, how it went, and the tests
//! about that. In hosts and in processes.
//!
//! Pure. Not here: making them (`observe::connection`), and what is said over them (`protocol`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EventNames, Judged, Seen};

/// A test of a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {}

/// How one connection went. Which of the service's connections it was is told by the sentence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conversation {
    /// The connection's own sentence, without what is asked of it; equal ones are made once.
    pub with: String,
}

impl Conversation {
    pub(super) fn shown(&self) -> serde_json::Value {
        serde_json::json!({ "with": self.with })
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
