//! Tests of files, directories and named pipes: `failed permission 755`.

use crate::check::file::Test;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of a file, directory or named pipe, if the next words name one.
    pub(super) fn file_test(&mut self) -> Result<Option<Test>, SentenceError> {
        if self.words(&["failed", "permission"]) || self.words(&["failed", "perm"]) {
            return self.permission().map(|mode| Some(Test::Permission(mode)));
        }
        Ok(None)
    }

    /// Permission bits in octal digits.
    fn permission(&mut self) -> Result<u32, SentenceError> {
        let Some((text, span)) = self.raw() else {
            return Err(self.expected("permission bits such as 755"));
        };
        match u32::from_str_radix(&text, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(mode),
            _ => Err(SentenceError::new(span, format!("`{text}` are no permission bits"))
                .help("write up to four octal digits such as 755 or 4755")),
        }
    }
}
