//! `failed ping`: its options.

use std::sync::Arc;

use super::{Draft, JOINTS, Parser, SentenceError};
use crate::check::connection::{Connection, Family, Ping, Test, To};

/// First words.
pub(super) const FIRST: &[&str] = &["ping", "ping4", "ping6", "icmp"];

impl Parser<'_> {
    /// Behind `failed` or `succeeded`, if a ping stands there.
    pub(super) fn ping(&mut self, succeeded: bool) -> Result<Option<Test>, SentenceError> {
        let mut ping = Ping::default();
        match () {
            () if self.word("ping") => {}
            () if self.word("ping4") => ping.family = Some(Family::V4),
            () if self.word("ping6") => ping.family = Some(Family::V6),
            () if self.word("icmp") => {
                if !self.words(&["type", "echo"]) {
                    return Err(self.expected("`type echo`"));
                }
            }
            () => return Ok(None),
        }
        let mut draft = Draft::default();
        loop {
            let begin = self.at;
            while self.any(JOINTS) {}
            match () {
                () if self.word("count") => {
                    ping.count = self.whole_number("a number of requests", 1, 20)?;
                }
                () if self.word("size") => {
                    ping.size = self.whole_number("a size", 8, 1492)?;
                    self.any(&["bytes", "byte", "b"]);
                }
                () if self.word("address") => ping.from = Some(self.own_address()?),
                () if self.word("responsetime") => draft.response = Some(self.response_time()?),
                () if self.word("timeout") => draft.timeout = Some(self.short_time()?),
                () => {
                    self.at = begin;
                    break;
                }
            }
        }
        let timeout = draft.timeout.unwrap_or(self.timeout);
        let connection = Arc::new(Connection { to: To::Ping(ping), timeout, retry: 1 });
        Ok(Some(Test { succeeded, connection, response: draft.response, valid_days: None }))
    }
}
