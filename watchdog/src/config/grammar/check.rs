//! Tests of the kinds that are observed: which file reads the sentence of which kind.
//!
//! One kind, one file beside this one. Not here: what a test means (`crate::check`).

use crate::check::CheckTest;

use super::parser::Parser;
use super::{SentenceError, Subject};

impl Parser<'_> {
    /// A test of a check's kind, if the next words name one of this kind of service.
    pub(super) fn check(&mut self) -> Result<Option<CheckTest>, SentenceError> {
        Ok(match self.subject {
            Subject::File | Subject::Directory | Subject::Fifo => {
                self.file_test()?.map(CheckTest::File)
            }
            Subject::Filesystem => match self.attributes_test()? {
                Some(test) => Some(CheckTest::File(test)),
                None => self.filesystem_test()?.map(CheckTest::Filesystem),
            },
            Subject::Host => self.connection_test()?.map(CheckTest::Connection),
            Subject::Network => self.network_test()?.map(CheckTest::Network),
            Subject::Program => self.program_test()?.map(CheckTest::Program),
            Subject::Process => match self.attribute_test()? {
                Some(test) => Some(CheckTest::Attribute(test)),
                None => self.connection_test()?.map(CheckTest::Connection),
            },
            Subject::System => None,
        })
    }
}
