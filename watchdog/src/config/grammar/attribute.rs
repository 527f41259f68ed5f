//! Tests of whom a process belongs to: `failed uid www-data`, `changed ppid`.

use crate::check::attribute::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    pub(super) fn attribute_test(&mut self) -> Result<Option<Test>, SentenceError> {
        if self.words(&["failed", "uid"]) {
            return self.account("a user's name or number").map(|user| Some(Test::Uid(user)));
        }
        if self.words(&["failed", "euid"]) {
            return self.account("a user's name or number").map(|user| Some(Test::Euid(user)));
        }
        if self.words(&["failed", "gid"]) {
            return self.account("a group's name or number").map(|group| Some(Test::Gid(group)));
        }
        if self.words(&["changed", "ppid"]) {
            return Ok(Some(Test::ParentChanged));
        }
        if self.words(&["failed", "security", "attribute"]) {
            return match self.raw() {
                Some((label, _)) if !label.is_empty() && !label.contains(['"', '\\']) => {
                    Ok(Some(Test::Security(label)))
                }
                _ => Err(self.expected("a label such as \"unconfined\"")),
            };
        }
        Ok(None)
    }
}
