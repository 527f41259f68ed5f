//! Tests of a network interface: `link down`, `upload > 1 MB/s`.

use crate::check::network::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    #[expect(clippy::unnecessary_wraps, reason = "as the other kinds")]
    pub(super) fn network_test(&mut self) -> Result<Option<Test>, SentenceError> {
        Ok(None)
    }
}
