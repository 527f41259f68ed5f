//! Tests of whom a process belongs to: `failed uid www-data`, `changed ppid`.

use crate::check::attribute::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    pub(super) fn attribute_test(&mut self) -> Result<Option<Test>, SentenceError> {
        Ok(None)
    }
}
