//! Tests of files, directories and named pipes, in Monit's sentences: `failed permission 755`,
//! `size > 100 MB`, `content = "ERROR"`.
//!
//! Not here: what a test means (`crate::check::file`).

use crate::check::file::Algorithm;
use crate::check::file::content::Filter;
use crate::check::file::patterns::{PatternFile, Patterns};
use crate::check::file::test::{Account, Test, Time};
use crate::service::Limit;

use super::event::whole;
use super::parser::Parser;
use super::{SentenceError, Subject};

impl Parser<'_> {
    /// A test of a file, directory or named pipe, if the next words name one.
    pub(super) fn file_test(&mut self) -> Result<Option<Test>, SentenceError> {
        let start = self.at;
        let test = if self.word("failed") {
            self.failed_file()?
        } else if self.word("changed") {
            self.changed_file()?
        } else {
            self.file_level()?
        };
        if test.is_none() {
            self.at = start;
        }
        let span = self.tokens.get(start).map_or(0, |token| token.span.start)..self.behind();
        let content = matches!(
            test,
            Some(
                Test::Size(..)
                    | Test::SizeChanged
                    | Test::Checksum(..)
                    | Test::ChecksumChanged(_)
                    | Test::Content(_)
            )
        );
        if content && self.subject != Subject::File {
            let text = format!("this is a test of a file, not of a {}", self.subject.word());
            return Err(SentenceError::new(span, text));
        }
        Ok(test)
    }

    /// A test of what a file system's path is, whatever is mounted, if the next words name one.
    pub(super) fn attributes_test(&mut self) -> Result<Option<Test>, SentenceError> {
        let start = self.at;
        if self.word("failed") {
            let what = self.at;
            if !self.any(&["permission", "perm", "uid", "gid"]) {
                return Err(self.expected("`permission`, `uid` or `gid`"));
            }
            self.at = what;
            return self.failed_file();
        }
        if self.word("changed") && self.any(&["permission", "perm"]) {
            return Ok(Some(Test::PermissionChanged));
        }
        self.at = start;
        Ok(None)
    }

    /// Behind `failed`.
    fn failed_file(&mut self) -> Result<Option<Test>, SentenceError> {
        if self.any(&["permission", "perm"]) {
            return self.permission().map(|mode| Some(Test::Permission(mode)));
        }
        if self.word("type") {
            return Ok(Some(Test::Type));
        }
        if self.word("uid") {
            return self.account("a user's name or number").map(|user| Some(Test::Uid(user)));
        }
        if self.word("gid") {
            return self.account("a group's name or number").map(|group| Some(Test::Gid(group)));
        }
        match self.algorithm()? {
            Some(algorithm) => self.expected_sum(algorithm).map(Some),
            None => Err(self.expected_of(&["permission", "uid", "gid", "checksum", "type"])),
        }
    }

    /// Behind `changed`.
    fn changed_file(&mut self) -> Result<Option<Test>, SentenceError> {
        if self.any(&["permission", "perm"]) {
            return Ok(Some(Test::PermissionChanged));
        }
        if self.word("size") {
            return Ok(Some(Test::SizeChanged));
        }
        if self.any(&["hardlink", "hardlinks"]) {
            return Ok(Some(Test::HardlinkChanged));
        }
        if let Some(time) = self.file_time() {
            return Ok(Some(Test::TimeChanged(time)));
        }
        match self.algorithm()? {
            Some(named) => Ok(Some(Test::ChecksumChanged(named.unwrap_or(Algorithm::Sha256)))),
            None => {
                Err(self.expected_of(&["permission", "size", "timestamp", "checksum", "hardlink"]))
            }
        }
    }

    /// A number, or the content.
    fn file_level(&mut self) -> Result<Option<Test>, SentenceError> {
        if self.word("size") {
            let operator = self.operator()?;
            let (number, limit, span) = self.quantity()?;
            return match limit {
                Limit::Bytes(bytes) => Ok(Some(Test::Size(operator, bytes.round() as u64))),
                Limit::Count(bytes) => Ok(Some(Test::Size(operator, bytes.round() as u64))),
                Limit::Ratio(_) | Limit::Seconds(_) => {
                    let error = SentenceError::new(span, "this is no size");
                    Err(error.help(format!("write `{number} MB`")))
                }
            };
        }
        if self.any(&["hardlink", "hardlinks"]) {
            let operator = self.operator()?;
            let (number, limit, span) = self.quantity()?;
            return match (limit, whole(number, 0, u32::MAX)) {
                (Limit::Count(_), Some(count)) => Ok(Some(Test::Hardlink(operator, count.into()))),
                _ => Err(SentenceError::new(span, "a whole number of links is expected")),
            };
        }
        if self.word("content") {
            let not = !self.equal()?;
            return Ok(Some(Test::Content(Filter { not, patterns: self.patterns()? })));
        }
        let Some(time) = self.file_time() else { return Ok(None) };
        self.any(&["was"]);
        let operator = self.operator()?;
        let (number, limit, span) = self.quantity()?;
        match limit {
            // As in Monit, seconds are meant where nothing is said.
            Limit::Seconds(seconds) | Limit::Count(seconds) => {
                Ok(Some(Test::Time(time, operator, seconds)))
            }
            Limit::Ratio(_) | Limit::Bytes(_) => {
                let error = SentenceError::new(span, "this is no length of time");
                Err(error.help(format!("write `{number} minutes`")))
            }
        }
    }

    /// A pattern in quotation marks, or the path of a file of them without: what is quoted was a pattern
    /// before there were files, and patterns may begin with `/`.
    fn patterns(&mut self) -> Result<Patterns, SentenceError> {
        if !self.peek().is_some_and(|token| token.is("/")) {
            return self.given_pattern().map(Patterns::One);
        }
        let Some((path, span)) = self.raw() else { return Err(self.expected("a path")) };
        // So that it comes out of a sentence as it went in.
        if path.contains(|sign: char| sign.is_control() || "\"'()".contains(sign)) {
            let error = SentenceError::new(span, "this is no path of a file of patterns");
            return Err(error.help("write a pattern in quotation marks"));
        }
        Ok(Patterns::File(PatternFile::unread(path.into())))
    }

    /// One of a file's times, if the next words name one.
    fn file_time(&mut self) -> Option<Time> {
        Time::WORDS.into_iter().find(|(words, _)| self.words(words)).map(|(_, time)| time)
    }

    /// `checksum`, with the name of one before it or without.
    fn algorithm(&mut self) -> Result<Option<Option<Algorithm>>, SentenceError> {
        let named = Algorithm::ALL.into_iter().find(|algorithm| self.word(algorithm.word()));
        match (self.word("checksum"), named) {
            (true, named) => Ok(Some(named)),
            (false, Some(_)) => Err(self.expected("`checksum`")),
            (false, None) => Ok(None),
        }
    }

    /// `and expect the sum …` behind `failed checksum`.
    fn expected_sum(&mut self, named: Option<Algorithm>) -> Result<Test, SentenceError> {
        let usual = named.unwrap_or(Algorithm::Sha256);
        if !self.words(&["and", "expect"]) && !self.word("expect") {
            return Ok(Test::Checksum(usual, None));
        }
        if !self.words(&["the", "sum"]) {
            self.word("sum");
        }
        let Some((sum, span)) = self.raw() else { return Err(self.expected("a checksum")) };
        let sum = sum.to_ascii_lowercase();
        let hex = sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = Algorithm::ALL.into_iter().find(|each| hex && each.digits() == sum.len());
        match (fits, named) {
            (Some(fits), None) => Ok(Test::Checksum(fits, Some(sum))),
            (Some(fits), Some(named)) if fits == named => Ok(Test::Checksum(named, Some(sum))),
            (fits, _) => {
                let digits = |each: Algorithm| format!("{} of {}", each.digits(), each.word());
                let all = Algorithm::ALL.map(digits).join(", ");
                let wanted = match (fits, named) {
                    (_, Some(named)) => format!("this is no {} checksum", named.word()),
                    (_, None) => "this is no checksum".to_owned(),
                };
                Err(SentenceError::new(span, wanted).help(format!("hexadecimal digits: {all}")))
            }
        }
    }

    pub(super) fn account(&mut self, what: &str) -> Result<Account, SentenceError> {
        let Some((text, span)) = self.raw() else { return Err(self.expected(what)) };
        let odd = |sign: char| sign.is_control() || sign == ':' || sign == '"' || sign == '\\';
        if text.is_empty() || text.contains(odd) {
            return Err(SentenceError::new(span, format!("expected {what}")));
        }
        Ok(Account::new(&text))
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
