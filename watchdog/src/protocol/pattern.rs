//! Patterns for what servers say, and texts in quotation marks.
//!
//! Not here: the patterns that find processes (`service::Match`).

use std::fmt;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

/// Compiled patterns may take this much memory.
const MAX_COMPILED: usize = 1 << 20;

/// A regular expression over bytes: what a server says need not be UTF-8. Equal if written alike.
#[derive(Debug, Clone)]
pub struct Pattern(Arc<Regex>);

impl Pattern {
    /// Compiles it.
    ///
    /// # Errors
    /// No regular expression, or too large a one; why, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(text).size_limit(MAX_COMPILED).build();
        regex.map(|regex| Self(Arc::new(regex))).map_err(|error| unfit(&error))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is found somewhere. Linear in the length.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// Why something is no regular expression, in one line: the library draws a picture of several.
pub(crate) fn unfit(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.map_or("", |line| line.strip_prefix("error: ").unwrap_or(line)).to_owned()
}

/// A text in quotation marks, as the grammar reads it back. It is never one that ends in a single
/// backslash: no quoted text of a sentence does.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        match (text.contains('"'), text.contains('\'')) {
            (false, _) => write!(f, "\"{text}\""),
            (true, false) => write!(f, "'{text}'"),
            (true, true) => write!(f, "\"{}\"", text.replace('"', "\\\"")),
        }
    }
}
