//! Tests of a program: `status != 0`, `content = "regex"`.

use crate::check::program::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    pub(super) fn program_test(&mut self) -> Result<Option<Test>, SentenceError> {
        if self.words(&["does", "not", "run"]) {
            return Ok(Some(Test::DoesNotRun));
        }
        if self.word("changed") {
            if self.word("status") {
                return Ok(Some(Test::StatusChanged));
            }
            if self.word("content") {
                return Ok(Some(Test::ContentChanged { changed: true }));
            }
            return Err(self.expected("`status` or `content`"));
        }
        if self.word("status") {
            if self.word("changed") {
                return Ok(Some(Test::StatusChanged));
            }
            let operator = self.operator()?;
            let limit = self.small("an exit status", 0, 255)?;
            return Ok(Some(Test::Status(operator, limit)));
        }
        if !self.word("content") {
            return Ok(None);
        }
        if self.words(&["not", "changed"]) {
            return Ok(Some(Test::ContentChanged { changed: false }));
        }
        if self.word("changed") {
            return Ok(Some(Test::ContentChanged { changed: true }));
        }
        let (found, pattern) = self.pattern()?;
        Ok(Some(Test::Content { pattern, found }))
    }
}
