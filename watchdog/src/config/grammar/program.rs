//! Tests of a program: `status != 0`, `content = "error"`.

use crate::check::program::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    pub(super) fn program_test(&mut self) -> Result<Option<Test>, SentenceError> {
        Ok(None)
    }
}
