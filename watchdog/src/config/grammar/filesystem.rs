//! Tests of a file system: `space > 80%`, `changed fsflags`.

use crate::check::filesystem::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    pub(super) fn filesystem_test(&mut self) -> Result<Option<Test>, SentenceError> {
        Ok(None)
    }
}
