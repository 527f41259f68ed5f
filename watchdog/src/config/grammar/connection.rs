//! Tests of connections: `failed port 80 protocol http`, `failed url …`, `failed ping`.

use crate::check::connection::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    pub(super) fn connection_test(&mut self) -> Result<Option<Test>, SentenceError> {
        Ok(None)
    }
}
