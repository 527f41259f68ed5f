//! Findings as text for a terminal: the message, the place, the line with the fault underlined.
//!
//! What is drawn goes to terminals, the log and the events, which more people read than the rule
//! file: secrets in a line are covered. Not here: collecting findings (`diagnostic`).

use std::fmt;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::escape::one_line;

use super::diagnostic::{Diagnostic, Diagnostics, Gravity};
use super::source::{Place, Source};
use super::vocabulary::{ALL, nearest};
use crate::secrets::suspects;

/// More than this helps nobody; the rest is counted.
const MAX_SHOWN: usize = 100;
/// So many errors are in the one line of a log.
const MAX_LOGGED: usize = 3;

impl Diagnostics {
    /// As text for a terminal: the message, `FILE:LINE:COLUMN`, the line with the fault underlined.
    /// `colour` adds escape sequences.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for item in self.items().iter().take(MAX_SHOWN) {
            text.push_str(&self.render_one(&renderer, item));
            text.push_str("\n\n");
        }
        if self.items().len() > MAX_SHOWN {
            text.push_str(&format!("… and {} more\n", self.items().len() - MAX_SHOWN));
        }
        text
    }

    /// In one line, for logs: the first errors with their places, and how many there are besides.
    pub fn in_one_line(&self) -> String {
        let mut errors = self.items().iter().filter(|item| item.severity == Gravity::Error);
        let first: Vec<String> =
            errors.by_ref().take(MAX_LOGGED).map(ToString::to_string).collect();
        let first = first.join("; ");
        match errors.count() {
            0 => first,
            more => format!("{first}; and {more} more"),
        }
    }

    fn render_one(&self, renderer: &Renderer, item: &Diagnostic) -> String {
        let level = match item.severity {
            Gravity::Error => Level::ERROR,
            Gravity::Warning => Level::WARNING,
        };
        let message = one_line(&item.message);
        let (Some(place), Some(source)) =
            (item.place, item.place.and_then(|place| self.source(place.file)))
        else {
            let title = format!("{}: {message}", item.path.display());
            let mut group = Group::with_title(level.primary_title(one_line(&title)));
            if let Some(help) = &item.help {
                group = group.element(Level::HELP.message(one_line(help)));
            }
            return renderer.render(&[group]);
        };
        let path = item.path.display().to_string();
        let mut group = Group::with_title(level.primary_title(message));
        let window = Window::of(source, place, item.also.as_ref().map(|(at, _)| *at));
        let mut snippet = window.snippet(&path, source).annotation(
            AnnotationKind::Primary
                .span(window.shift(place))
                .label(item.label.as_deref().map(one_line)),
        );
        let mut elsewhere = None;
        if let Some((also, label)) = &item.also {
            if also.file == place.file {
                snippet = snippet.annotation(
                    AnnotationKind::Context.span(window.shift(*also)).label(one_line(label)),
                );
            } else {
                elsewhere = self.source(also.file).map(|source| (source, *also, label));
            }
        }
        group = group.element(snippet);
        let other_path = elsewhere.map(|(source, ..)| source.path.display().to_string());
        if let (Some((source, also, label)), Some(path)) = (elsewhere, &other_path) {
            let window = Window::of(source, also, None);
            group = group.element(window.snippet(path, source).annotation(
                AnnotationKind::Context.span(window.shift(also)).label(one_line(label)),
            ));
        }
        if let Some(help) = &item.help {
            group = group.element(Level::HELP.message(one_line(help)));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    /// In one line, for logs: `FILE:LINE:COLUMN: message (help)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", one_line(&self.path.display().to_string()))?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", one_line(&self.message))?;
        match &self.help {
            Some(help) => write!(f, " ({})", one_line(help)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// The lines shown: the renderer would otherwise walk through the whole file for each finding.
struct Window {
    start: usize,
    end: usize,
}

impl Window {
    fn of(source: &Source, place: Place, also: Option<Place>) -> Self {
        let also = also.filter(|also| also.file == place.file).unwrap_or(place);
        let first = source.floor(place.start.min(also.start) as usize);
        // A place of several lines is underlined on its first.
        let last = source.floor(place.start.max(also.start) as usize);
        Self { start: source.line_start(first), end: source.line_end(last) }
    }

    fn snippet<'a>(&self, path: &'a str, source: &'a Source) -> Snippet<'a, Annotation<'a>> {
        Snippet::source(covered(&source.text[self.start..self.end]))
            .line_start(source.position(self.start).0)
            .path(path)
    }

    /// The place in the window's own bytes, cut at the end of its first line.
    fn shift(&self, place: Place) -> Range<usize> {
        let start = (place.start as usize).clamp(self.start, self.end);
        let end = (place.end as usize).clamp(start, self.end);
        start - self.start..end - self.start
    }
}

/// Keys whose values nobody else should read.
const SECRET_KEYS: &[&str] = &["password", "password_hash", "passwd", "secret"];

/// The lines with their secrets covered by as many `*` as they have bytes, so that places fit: bcrypt
/// hashes anywhere, the value after a key of [`SECRET_KEYS`] or what looks like a misspelt one, and the
/// credentials of sentences.
fn covered(lines: &str) -> String {
    lines.split_inclusive('\n').map(|line| covered_sentence(&covered_keys(line))).collect()
}

/// A line with hashes and the values of secret keys covered.
fn covered_keys(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(secret) = first_secret(rest) {
        shown.push_str(&rest[..secret.start]);
        shown.extend(std::iter::repeat_n('*', secret.len()));
        rest = &rest[secret.end..];
    }
    shown.push_str(rest);
    shown
}

/// A line with the credentials of a rule's sentence covered.
fn covered_sentence(line: &str) -> String {
    let mut shown = line.to_owned();
    for range in suspects(line) {
        shown.replace_range(range.clone(), &"*".repeat(range.len()));
    }
    shown
}

/// Where the next secret of a line stands.
fn first_secret(line: &str) -> Option<Range<usize>> {
    let value = line
        .match_indices([':', '='])
        .filter(|(at, _)| is_secret_key(&line[..*at]))
        .map(|(at, _)| value_after(line, at + 1))
        .find(|value| line[value.clone()].bytes().any(|byte| byte != b'*'));
    let hash = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().filter_map(|head| line.find(head)).min();
    let hash = hash.map(|start| {
        let end = |byte: u8| !(byte.is_ascii_alphanumeric() || b"./$".contains(&byte));
        start..line[start..].bytes().position(end).map_or(line.len(), |length| start + length)
    });
    match (value, hash) {
        (Some(value), Some(hash)) if hash.start < value.start => Some(hash),
        (Some(value), _) => Some(value),
        (None, hash) => hash,
    }
}

/// Whether a text ends in the name of a secret.
fn is_secret_key(before: &str) -> bool {
    let before = before.trim_end().trim_end_matches(['"', '\'']);
    let in_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let word = &before[before.trim_end_matches(in_word).len()..];
    // `socket` is near to a secret and is none.
    SECRET_KEYS.contains(&word)
        || !ALL.iter().any(|keys| keys.known.contains(&word))
            && nearest(word, SECRET_KEYS.iter().copied()).is_some()
}

/// The value that begins at or after `from`; empty where a mapping, a list, an alias
/// or nothing stands there.
fn value_after(line: &str, from: usize) -> Range<usize> {
    let line = line.trim_end();
    let from = from.min(line.len());
    let start = line.len() - line[from..].trim_start().len();
    let value = &line[start..];
    let end = match value.chars().next() {
        None | Some('{' | '[' | '*') => 0,
        Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |at| at + 2),
        // Inside of braces a comma ends it; else the line does.
        Some(_) if line[..start].contains('{') => value.find([',', '}']).unwrap_or(value.len()),
        Some(_) => value.len(),
    };
    start..start + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_covered_and_nothing_else_is() {
        let hash = format!("$2y$12${}", "a.B/4".repeat(10));
        let stars = "*".repeat(hash.len());
        for (line, shown) in [
            (
                format!("- {{ name: a, password_hash: {hash}, role: x }}"),
                format!("- {{ name: a, password_hash: {stars}, role: x }}"),
            ),
            (format!("x: ['{hash}']\ny: 1\n"), format!("x: ['{stars}']\ny: 1\n")),
            ("{ password: hunter2, role: x }".into(), "{ password: *******, role: x }".into()),
            (
                "  password: hunter 2, too\nrole: x".into(),
                "  password: *************\nrole: x".into(),
            ),
            ("  \"pasword\" : \"h, 2\" # c".into(), "  \"pasword\" : ****** # c".into()),
            ("{password_hash: 'ä', role: x}".into(), "{password_hash: ****, role: x}".into()),
            (
                "- { if: \"failed port 80 protocol http headers [X: ä]\", then: x }".into(),
                "- { if: \"failed port 80 protocol http headers [X: **]\", then: x }".into(),
            ),
            ("if: failed url http://u:p@h/".into(), "if: failed url http://u:*@h/".into()),
            ("start: /bin/x --password=hunter2".into(), "start: /bin/x --password=*******".into()),
        ] {
            assert_eq!(covered(&line), shown);
            assert_eq!(covered(&shown), shown, "a second pass changes nothing");
        }
        for plain in [
            "password: { file: /etc/x }",
            "password:",
            "protect: [sshd]",
            "control: { socket: run/x.sock }",
            "cycle: 60s # password",
            "if: \"cpu > 5%\"",
            "",
        ] {
            assert_eq!(covered(plain), plain);
        }
    }
}
