//! What is read of a file's content: patterns, where reading goes on, and the lines that were found.
//!
//! Pure: bytes in, counts out. Not here: opening and reading (`observe::file::content`).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::patterns::Patterns;

/// Lines that are kept to be shown, the newest.
const KEPT_LINES: usize = 10;
/// Bytes of each that are kept.
const KEPT_BYTES: usize = 512;

/// Which lines: `= "pattern"` or `!= "pattern"`, or the path of a file of patterns.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Lines in which none is found.
    pub not: bool,
    /// What is looked for.
    pub patterns: Patterns,
}

impl Filter {
    fn takes(&self, line: &[u8]) -> bool {
        self.patterns.are_in(line) != self.not
    }
}

/// As in the sentence.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.not { "!=" } else { "=" };
        write!(f, "{sign} {}", self.patterns)
    }
}

/// What is looked for in lines.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// By their words.
    pub filters: &'a [(String, &'a Filter)],
    /// Lines that are passed over.
    pub ignore: &'a [Filter],
    /// So many bytes of a line.
    pub longest: usize,
}

/// How far a file was read, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// Device of the file that was read.
    pub device: u64,
    /// Its inode: another one is another file, read from its start.
    pub inode: u64,
    /// Bytes read: all whole lines up to here.
    pub offset: u64,
    /// Within a line whose beginning was matched already, for it is too long.
    pub within: bool,
    /// Bytes that were never read, because the file grew faster than we may read.
    pub skipped: u64,
    /// By the filter's words.
    pub found: BTreeMap<String, Found>,
}

/// The lines that one filter took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Found {
    /// So many since the file is watched.
    pub count: u64,
    /// The newest of them, shortened; hostile text.
    pub lines: VecDeque<String>,
}

impl Content {
    /// Takes what was read at `offset`: matches whole lines and moves on behind the last of them.
    /// Of a line so many bytes are matched as `sight` says; what follows is passed over.
    pub fn take(&mut self, read: &[u8], sight: &Sight<'_>) {
        let mut rest = read;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (rest.get(..end), rest.get(end + 1..));
            if !std::mem::take(&mut self.within) {
                self.line(line.unwrap_or_default(), sight);
            }
            rest = after.unwrap_or_default();
        }
        if rest.len() > sight.longest {
            // It will not fit: what there is of it is all that is ever matched.
            if !std::mem::replace(&mut self.within, true) {
                self.line(rest, sight);
            }
            rest = &[];
        } else if self.within {
            rest = &[];
        }
        self.offset += (read.len() - rest.len()) as u64;
    }

    fn line(&mut self, line: &[u8], sight: &Sight<'_>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.get(..sight.longest).unwrap_or(line);
        let taken = sight.filters.iter().filter(|(_, filter)| filter.takes(line));
        let mut ignored = None;
        for (words, _) in taken {
            if *ignored.get_or_insert_with(|| sight.ignore.iter().any(|each| each.takes(line))) {
                return;
            }
            let found = self.found.entry(words.clone()).or_default();
            found.count += 1;
            if found.lines.len() == KEPT_LINES {
                found.lines.pop_front();
            }
            let shown = line.get(..KEPT_BYTES).unwrap_or(line);
            found.lines.push_back(String::from_utf8_lossy(shown).into_owned());
        }
    }

    /// How many lines a filter took since `before`, and the newest of them.
    pub(super) fn since(
        &self,
        words: &str,
        before: Option<&Self>,
    ) -> (u64, impl Iterator<Item = &str> + use<'_>) {
        let found = self.found.get(words);
        let now = found.map_or(0, |found| found.count);
        let then = before.and_then(|before| before.found.get(words));
        let fresh = now.saturating_sub(then.map_or(0, |found| found.count));
        let lines = found.map(|found| &found.lines).into_iter().flatten();
        let old = found.map_or(0, |found| found.lines.len() as u64).saturating_sub(fresh);
        let lines = lines.skip(usize::try_from(old).unwrap_or(usize::MAX)).map(String::as_str);
        (fresh, lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Pattern;

    const LONGEST: usize = 4096;

    fn filter(text: &str, not: bool) -> Filter {
        Filter { not, patterns: Patterns::One(Pattern::new(text).unwrap()) }
    }

    /// Takes the parts one after the other; what a part leaves is read again with the next.
    fn counts(parts: &[&str], not: bool, ignore: &[Filter]) -> (Content, u64, Vec<String>) {
        let filter = filter("ERROR", not);
        let filters = [(filter.to_string(), &filter)];
        let mut content = Content::default();
        let mut written = String::new();
        for part in parts {
            written.push_str(part);
            let from = usize::try_from(content.offset).unwrap();
            let sight = Sight { filters: &filters, ignore, longest: LONGEST };
            content.take(&written.as_bytes()[from..], &sight);
        }
        let (count, lines) = content.since(&filter.to_string(), None);
        let lines = lines.map(str::to_owned).collect();
        (content, count, lines)
    }

    #[test]
    fn whole_lines_count_once_however_they_come() {
        let cases: &[(&[&str], u64)] = &[
            (&["ERROR one\nfine\nERROR two\n"], 2),
            (&["ERR", "OR one\nfine\n", "ERROR two"], 1),
            (&["ERROR one", "", "\n"], 1),
            (&["\n\n", "ERROR\r\n"], 1),
            (&["fine\n", "error\n"], 0),
        ];
        for (parts, expect) in cases {
            assert_eq!(counts(parts, false, &[]).1, *expect, "{parts:?}");
        }
    }

    #[test]
    fn lines_that_are_ignored_or_do_not_match() {
        let ignore = [filter("two$", false)];
        let text = ["ERROR one\nfine\nERROR two\n"];
        assert_eq!(counts(&text, false, &ignore).2, ["ERROR one"]);
        assert_eq!(counts(&text, true, &[]).2, ["fine"]);
        assert_eq!(counts(&text, false, &[filter("one", true)]).2, ["ERROR one"]);
    }

    #[test]
    fn a_line_without_end_is_matched_once_by_its_beginning() {
        let long = "x".repeat(LONGEST);
        let parts = [&*long, "x ERROR behind", " and ERROR", "\nERROR next\n"].map(str::to_owned);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (content, count, lines) = counts(&parts, false, &[]);
        assert_eq!((count, lines), (1, vec!["ERROR next".to_owned()]));
        assert_eq!(content.offset as usize, parts.concat().len());
        assert!(!content.within);
    }

    #[test]
    fn a_line_is_looked_at_so_far_and_no_further() {
        let filter = filter("ERROR$", false);
        let filters = [(filter.to_string(), &filter)];
        for (longest, found) in [(5, 0), (6, 1), (7, 0)] {
            let mut content = Content::default();
            content.take(b"xERRORy\n", &Sight { filters: &filters, ignore: &[], longest });
            assert_eq!(content.since(&filters[0].0, None).0, found, "{longest}");
            assert_eq!(content.offset, 8);
        }
    }

    #[test]
    fn only_the_newest_lines_are_kept_and_shortened() {
        let text: String = (0..30).map(|n| format!("ERROR {n}{}\n", "y".repeat(1000))).collect();
        let (content, count, lines) = counts(&[&text], false, &[]);
        assert_eq!((count, lines.len()), (30, KEPT_LINES));
        assert!(lines[0].starts_with("ERROR 20y") && lines[9].starts_with("ERROR 29y"));
        assert!(lines.iter().all(|line| line.len() == KEPT_BYTES));
        let filter = filter("ERROR", false);
        let mut later = content.clone();
        let filters = [(filter.to_string(), &filter)];
        let sight = Sight { filters: &filters, ignore: &[], longest: LONGEST };
        later.take(b"ERROR last\n", &sight);
        let (count, lines) = later.since("= \"ERROR\"", Some(&content));
        assert_eq!((count, lines.collect::<Vec<_>>()), (1, vec!["ERROR last"]));
    }
}
