//! What lines are compared with: a pattern, or all patterns of a file.
//!
//! Pure: takes a file's text. Not here: reading it and whom it must belong to (`config::patterns`), and lines
//! (`content`).

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::protocol::{Pattern, Quoted, unfit};

/// What is looked for in a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Patterns {
    /// It is found.
    One(Pattern),
    /// One of them is found.
    File(PatternFile),
}

impl Patterns {
    /// Whether a line has one. Linear in its length.
    pub fn are_in(&self, line: &[u8]) -> bool {
        match self {
            Self::One(pattern) => pattern.is_in(line),
            Self::File(file) => file.set.is_match(line),
        }
    }
}

/// As in a sentence: a pattern stands in quotation marks, a path in none.
impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(pattern) => Quoted(pattern.as_str()).fmt(f),
            Self::File(file) => file.path.display().fmt(f),
        }
    }
}

/// The patterns of a file, as they were when the configuration was read. Equal if written alike.
#[derive(Debug, Clone)]
pub struct PatternFile {
    path: PathBuf,
    set: Arc<RegexSet>,
}

impl PatternFile {
    /// Patterns in a file.
    pub const MOST: usize = 1000;
    /// Memory for them when they are compiled, in bytes. What thousands of lines a second cost hangs on
    /// the next number: a set whose states do not fit is a hundred times slower.
    const MOST_COMPILED: usize = 16 << 20;
    /// Memory for the states that were met in lines, in bytes, of each thread that looks at them.
    const MOST_STATES: usize = 16 << 20;

    /// A file that nobody has read yet: no line has any of its patterns.
    pub fn unread(path: PathBuf) -> Self {
        Self { path, set: Arc::new(RegexSet::empty()) }
    }

    /// Takes the file's text: a pattern in each line. As in Monit empty lines are none, blanks belong to
    /// the pattern, and nothing is a comment.
    ///
    /// # Errors
    /// Each line that is no pattern, or that there is too much of them.
    pub fn new(path: PathBuf, text: &str) -> Result<Self, Vec<Unfit>> {
        let lines: Vec<(Range<usize>, &str)> = lines(text).collect();
        if let Some((span, _)) = lines.get(Self::MOST) {
            return Err(vec![Unfit::at(
                span.clone(),
                format!("more than {} patterns", Self::MOST),
            )]);
        }
        let set = RegexSetBuilder::new(lines.iter().map(|(_, pattern)| pattern))
            .size_limit(Self::MOST_COMPILED)
            .dfa_size_limit(Self::MOST_STATES)
            .build();
        set.map(|set| Self { path, set: Arc::new(set) }).map_err(|error| {
            // Which of them is not said.
            let each = lines.iter().filter_map(|(span, pattern)| {
                let why = Pattern::new(pattern).err()?;
                Some(Unfit::at(span.clone(), format!("not a pattern: {why}")))
            });
            let mut all: Vec<Unfit> = each.collect();
            if all.is_empty() {
                all.push(Unfit { span: None, why: format!("all together: {}", unfit(&error)) });
            }
            all
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether no line can have any.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

impl PartialEq for PatternFile {
    fn eq(&self, other: &Self) -> bool {
        let alike = || self.set.patterns() == other.set.patterns();
        self.path == other.path && (Arc::ptr_eq(&self.set, &other.set) || alike())
    }
}

/// What is wrong with a file of patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The bytes of its text; `None`: all of it.
    pub span: Option<Range<usize>>,
    /// What it is, in one line.
    pub why: String,
}

impl Unfit {
    fn at(span: Range<usize>, why: String) -> Self {
        Self { span: Some(span), why }
    }
}

/// The lines of a text that are not empty, and their bytes, without their ends.
pub fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut next = 0;
    let lines = text.split_inclusive('\n').map(move |line| {
        let start = next;
        next += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        (start..start + line.len(), line)
    });
    lines.filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<PatternFile, Vec<Unfit>> {
        PatternFile::new("/etc/patterns".into(), text)
    }

    #[test]
    fn each_line_that_is_not_empty_is_a_pattern_as_it_stands() {
        let patterns = Patterns::File(file("# note\r\n\nalpha\n  beta\n^gamma$").unwrap());
        for line in ["a # note", "x alpha x", "   beta", "gamma"] {
            assert!(patterns.are_in(line.as_bytes()), "{line}");
        }
        for line in ["", "note", "beta", "x gamma"] {
            assert!(!patterns.are_in(line.as_bytes()), "{line}");
        }
        assert!(file("\n\r\n").unwrap().is_empty());
        assert!(!Patterns::File(file("").unwrap()).are_in(b""));
    }

    #[test]
    fn what_is_no_pattern_is_named_where_it_stands() {
        let text = "fine\n\n(open\n*\n";
        let found = file(text).unwrap_err();
        let at: Vec<&str> =
            found.iter().filter_map(|unfit| text.get(unfit.span.clone()?)).collect();
        assert_eq!(at, ["(open", "*"]);
        assert!(found[0].why.contains("unclosed group"), "{found:?}");
        let found = file(&"x\n".repeat(PatternFile::MOST + 1)).unwrap_err();
        assert_eq!(found[0].span, Some(2 * PatternFile::MOST..2 * PatternFile::MOST + 1));
        assert!(file(&"x\n".repeat(PatternFile::MOST)).is_ok());
        // Each fits; together they do not.
        let wide: String = (0..60).map(|n| format!("x{{15000}}{n}\n")).collect();
        let found = file(&wide).unwrap_err();
        assert_eq!(found[0].span, None, "{found:?}");
    }

    #[test]
    fn the_same_words_are_the_same_file() {
        assert_eq!(file("a\nb\n").unwrap(), file("a\n\nb").unwrap());
        assert_ne!(file("a\nb\n").unwrap(), file("a\nc\n").unwrap());
        assert_ne!(file("a").unwrap(), PatternFile::unread("/etc/patterns".into()));
    }
}
