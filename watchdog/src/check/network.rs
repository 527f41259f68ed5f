//! Network interfaces: link, saturation and traffic, and the tests about that.
//!
//! Pure. Not here: reading them (`observe::network`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EventNames, Judged, Seen};

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
