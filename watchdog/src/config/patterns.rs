//! Files of patterns that rules and `ignore` name: read with the configuration, and trusted as it is, for
//! who writes one can hide lines from us.
//!
//! Not here: the sentence (`grammar::file`) and what a pattern is (`check::file::patterns`).

use std::path::Path;
use std::sync::Arc;

use crate::check::CheckTest;
use crate::check::file::Test as FileTest;
use crate::check::file::patterns::{PatternFile, Patterns, lines};
use crate::service::{Condition, Test};

use super::diagnostic::{Diagnostic, Gravity};
use super::files::{Problem, read};
use super::reader::Reader;
use super::source::{Place, Source};
use crate::trust::TrustFault;

/// The largest file read.
const MAX_BYTES: u64 = 256 << 10;
/// Files in all.
const MAX_FILES: usize = 64;

impl Reader {
    /// Reads the files that a sentence names; `None`: one cannot be used.
    pub(super) fn patterns_of(&mut self, condition: &mut Condition, place: Place) -> Option<()> {
        let mut whole = Some(());
        condition.for_each_test_mut(&mut |test| {
            let Test::Check(test) = test else { return };
            // Nobody else has what was just parsed.
            let Some(CheckTest::File(FileTest::Content(filter))) = Arc::get_mut(test) else {
                return;
            };
            match &mut filter.patterns {
                Patterns::File(file) => match self.pattern_file(file.path(), place) {
                    Some(read) => *file = read,
                    None => whole = None,
                },
                Patterns::One(pattern) => self.looks_like_a_file(
                    pattern.as_str(),
                    place,
                    "leave the quotation marks out, if its lines are the patterns",
                ),
            }
        });
        whole
    }

    /// The patterns of a file. Each file is read once.
    pub(super) fn pattern_file(&mut self, path: &Path, place: Place) -> Option<PatternFile> {
        if let Some(known) = self.patterns.get(path) {
            return known.clone();
        }
        if self.patterns.len() >= MAX_FILES {
            self.error(place, format!("more than {MAX_FILES} files of patterns"));
            return None;
        }
        let read = self.read_patterns(path, place);
        self.patterns.insert(path.to_owned(), read.clone());
        read
    }

    fn read_patterns(&mut self, path: &Path, place: Place) -> Option<PatternFile> {
        let text = match read(path, self.options.trust, MAX_BYTES) {
            Ok(text) => text,
            Err(Problem::Untrusted(error)) if error.fault == TrustFault::Missing => {
                self.missing(place, format!("{} does not exist", path.display()));
                return Some(PatternFile::unread(path.to_owned()));
            }
            Err(problem) => {
                self.unreadable(path, Some(place), &problem);
                return None;
            }
        };
        let taken = PatternFile::new(path.to_owned(), &text);
        let note = lines(&text).find(|(_, line)| line.starts_with('#')).map(|(span, _)| span);
        let file = self.out.add_source(Source::new(path.to_owned(), text));
        if let Some(span) = note {
            let at = Place::new(file, span.start, span.end);
            self.out.push(
                Diagnostic::warning(at, "each line is a pattern, a comment too")
                    .help("if it is meant as one, write `[#]` for `#`"),
            );
        }
        match taken {
            Ok(patterns) => {
                if patterns.is_empty() {
                    let text = "no pattern stands in it";
                    self.out.push(Diagnostic::about_file(Gravity::Warning, path, text));
                }
                Some(patterns)
            }
            Err(unfit) => {
                for each in unfit {
                    self.out.push(match each.span {
                        Some(span) => {
                            Diagnostic::error(Place::new(file, span.start, span.end), each.why)
                        }
                        None => Diagnostic::about_file(Gravity::Error, path, each.why),
                    });
                }
                None
            }
        }
    }

    /// Warns where Monit would have read a file, and we do not.
    pub(super) fn looks_like_a_file(&mut self, pattern: &str, place: Place, help: &str) {
        if pattern.starts_with('/') && Path::new(pattern).is_file() {
            let text = format!("this is a pattern, not the file {pattern}");
            self.out.push(Diagnostic::warning(place, text).help(help));
        }
    }
}
