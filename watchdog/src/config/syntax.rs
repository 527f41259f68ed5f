//! What the YAML crate finds wrong with a file, in an administrator's words.
//!
//! Not here: reading it (`raw`), and what is right YAML and still wrong (`reader` and the rest).

use std::ops::Range;

use serde_saphyr::Error;

use super::diagnostic::Diagnostic;
use super::foreign;
use super::raw::{MAX_DEPTH, MAX_NODES, place_of};
use super::source::{Place, Source};

const INDENTED: &str = "the line is indented otherwise than those that it belongs to";
const QUOTED: &str = "put the text in quotation marks";

/// What is usually meant, by a part of what the crate says: the message, where ours is plainer, and help.
const PLAINLY: &[(&str, &str, &str)] = &[
    (
        "mapping values are not allowed",
        "a `:` that YAML does not take here",
        "either the line is indented otherwise than those that it belongs to, or a text with `: ` has \
         to stand in quotation marks",
    ),
    ("did not find expected", "", INDENTED),
    ("unexpected character", "", QUOTED),
    (
        "unknown anchor",
        "a word that begins with `*` is an alias in YAML, and there is none of that name",
        "put a pattern in quotation marks: `\"conf.d/*.yaml\"`",
    ),
    (
        "multiline quoted scalar",
        "the text in quotation marks goes on here",
        "a quotation mark before it is not closed",
    ),
];

fn plainly(said: String) -> (String, Option<String>) {
    match PLAINLY.iter().find(|(part, ..)| said.contains(part)) {
        Some((_, "", help)) => {
            (said.replace('\'', "`").replace("``", "`"), Some((*help).to_owned()))
        }
        Some((_, message, help)) => ((*message).to_owned(), Some((*help).to_owned())),
        None => (said, None),
    }
}

/// The first tab before the first word of a line, from the line of `from` on: the parser notices it
/// when it is past it, or before.
fn tab_of_indentation(source: &Source, from: usize) -> Option<usize> {
    let mut start = source.line_start(from);
    for line in source.text.get(start..)?.split_inclusive('\n') {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line.get(..indentation)?.find('\t') {
            return Some(start + tab);
        }
        start += line.len();
    }
    None
}

/// Something of Monit's in the line of `at`, or in the one before it: the parser notices it late.
fn monits(source: &Source, at: usize) -> Option<(Range<usize>, (String, String))> {
    let here = source.line_start(at);
    let starts = [Some(here), here.checked_sub(1).map(|end| source.line_start(end))];
    starts.into_iter().flatten().find_map(|start| {
        let line = source.text.get(start..source.line_end(start))?;
        let begin = start + line.len() - line.trim_start().len();
        Some((begin..start + line.trim_end().len(), foreign::line(line)?))
    })
}

/// The parser's error in an administrator's words.
pub(super) fn syntax_error(file: u32, source: &Source, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let place = error
        .location()
        .and_then(|location| place_of(file, source, location))
        .unwrap_or_else(|| Place::new(file, 0, 0));
    let place = if place.start == place.end {
        Place::new(file, place.start as usize, source.floor(place.start as usize + 1))
    } else {
        place
    };
    if let Some((at, (message, help))) = monits(source, place.start as usize) {
        let place = Place::new(file, at.start, at.end);
        return Diagnostic::error(place, message).help(help);
    }
    let (message, help) = match error {
        Error::DuplicateMappingKey { key, .. } => (
            match key {
                Some(key) => format!("the key `{key}` stands here a second time"),
                None => "a key stands here a second time".to_owned(),
            },
            None,
        ),
        Error::MultipleDocuments { .. } => {
            ("a second document begins here (`---`): one file holds one".to_owned(), None)
        }
        Error::InvalidScalar { .. } => (
            "the value does not fit the tag (`!!…`) before it".to_owned(),
            Some("leave the tag out".to_owned()),
        ),
        other => {
            let text = other.to_string();
            let text = text.lines().next().unwrap_or_default();
            // Limits come in many variants, that all mean this.
            if ["budget", "limit exceeded", "stack depth"].iter().any(|word| text.contains(word)) {
                return Diagnostic::error(
                    place,
                    format!(
                        "the file is too large or nested too deep \
                         (at most {MAX_NODES} values, {MAX_DEPTH} levels)"
                    ),
                );
            }
            if text.contains("tab")
                && let Some(at) = tab_of_indentation(source, place.start as usize)
            {
                return Diagnostic::error(Place::new(file, at, at + 1), "a tab in the indentation")
                    .help("indent with spaces: YAML allows no tabs there");
            }
            // "line 4 column 10: " is said by the place already.
            let text = match text.split_once(": ") {
                Some((head, rest)) if head.starts_with("line ") || head.starts_with("error") => {
                    rest
                }
                _ => text,
            };
            let text = text.split(" at line ").next().unwrap_or(text).to_owned();
            let tab = source
                .text
                .get(source.line_start(place.start as usize)..place.start as usize + 1)
                .is_some_and(|line| line.contains('\t'));
            match tab {
                true => (text, Some("indent with spaces: YAML allows no tabs there".to_owned())),
                false => plainly(text),
            }
        }
    };
    let mut diagnostic = Diagnostic::error(place, message);
    diagnostic.help = help;
    diagnostic
}
