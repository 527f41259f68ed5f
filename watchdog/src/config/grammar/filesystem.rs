//! Tests of a file system: `space > 80%`, `changed fsflags`.

use crate::check::filesystem::{Side, Test};
use crate::metric::Direction;
use crate::service::Limit;

use super::SentenceError;
use super::parser::Parser;

impl Parser<'_> {
    /// A test of this kind, if the next words name one.
    pub(super) fn filesystem_test(&mut self) -> Result<Option<Test>, SentenceError> {
        let start = self.at;
        if self.words(&["does", "not", "answer"]) {
            return Ok(Some(Test::Silent));
        }
        if self.word("changed") {
            if self.any(&["fsflags", "fsflag"]) {
                return Ok(Some(Test::FlagsChanged));
            }
            return Err(self.expected("`fsflags` or `permission`"));
        }
        if self.word("space") {
            return self.part(start, "space").map(Some);
        }
        if self.any(&["inode", "inodes"]) {
            return self.part(start, "inodes").map(Some);
        }
        if self.words(&["service", "time"]) {
            let operator = self.operator()?;
            let (number, limit, span) = self.quantity()?;
            let Limit::Seconds(seconds) = limit else {
                return Err(SentenceError::new(span, "this is no length of time")
                    .help(format!("write `{number} ms`")));
            };
            // To the nanosecond.
            let ms = (seconds * 1e9).round() / 1e6;
            return Ok(Some(Test::ServiceTime(operator, ms)));
        }
        let direction = match self.word("read") {
            true => Direction::Read,
            false if self.word("write") => Direction::Write,
            false => return Ok(None),
        };
        self.rate_of(direction).map(Some)
    }

    /// Behind `space` or `inodes`.
    fn part(&mut self, start: usize, what: &str) -> Result<Test, SentenceError> {
        let side = if self.word("free") { Side::Free } else { Side::Usage };
        self.any(&["usage"]);
        let from = self.tokens.get(start).map_or(0, |token| token.span.start);
        let name = from..self.behind();
        let operator = self.operator()?;
        let (number, limit, span) = self.quantity()?;
        match (what, limit) {
            (_, Limit::Ratio(ratio)) => {
                self.share_of_all(ratio, name, span, operator)?;
            }
            ("space", Limit::Bytes(_)) | ("inodes", Limit::Count(_)) => {}
            ("space", _) => {
                return Err(SentenceError::new(span, "this is neither a size nor a share")
                    .help(format!("write `{number}%` or `{number} GB`")));
            }
            _ => {
                return Err(SentenceError::new(span, "this is neither a number nor a share")
                    .help(format!("write `{number}` or `{number}%`")));
            }
        }
        Ok(match what {
            "space" => Test::Space(side, operator, limit),
            _ => Test::Inodes(side, operator, limit),
        })
    }

    /// Behind `read` or `write`.
    fn rate_of(&mut self, direction: Direction) -> Result<Test, SentenceError> {
        self.any(&["rate", "activity"]);
        let operator = self.operator()?;
        let (number, limit, span) = self.quantity()?;
        let counted = self.any(&["operations", "operation"]);
        let fits = match limit {
            Limit::Bytes(_) => !counted,
            Limit::Count(_) => counted,
            Limit::Ratio(_) | Limit::Seconds(_) => false,
        };
        if !fits {
            return Err(SentenceError::new(
                span,
                "this is neither a size nor operations in a second",
            )
            .help(format!("write `{number} MB/s` or `{number} operations/s`")));
        }
        self.per_second()?;
        Ok(Test::Rate(direction, operator, limit))
    }

    /// `/s` or `per second`.
    pub(super) fn per_second(&mut self) -> Result<(), SentenceError> {
        let second = self.word("/") || self.word("per");
        if !second || !self.any(&["s", "sec", "second"]) {
            return Err(self.expected("`/s`"));
        }
        Ok(())
    }
}
