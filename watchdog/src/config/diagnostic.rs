//! What is wrong with a configuration, where, and what to do about it: collected, then shown as text
//! or JSON.
//!
//! Not here: what is wrong (every other file of `config` says so to [`Diagnostics::push`]), and the drawing
//! of lines (`render`).

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::source::{Place, Source};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but look at this.
    Warning,
}

impl Gravity {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Something found in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Gravity,
    /// The file.
    pub path: PathBuf,
    /// Line from 1; 0 where it is about the file as a whole.
    pub line: usize,
    /// Column in characters from 1; 0 where it is about the file as a whole.
    pub column: usize,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    pub(super) place: Option<Place>,
    pub(super) label: Option<String>,
    pub(super) also: Option<(Place, String)>,
}

impl Diagnostic {
    fn new(severity: Gravity, place: Option<Place>, message: String) -> Self {
        Self {
            severity,
            path: PathBuf::new(),
            line: 0,
            column: 0,
            span: 0..0,
            message,
            help: None,
            place,
            label: None,
            also: None,
        }
    }

    /// An error at a place.
    pub(super) fn error(place: Place, message: impl Into<String>) -> Self {
        Self::new(Gravity::Error, Some(place), message.into())
    }

    /// A warning at a place.
    pub(super) fn warning(place: Place, message: impl Into<String>) -> Self {
        Self::new(Gravity::Warning, Some(place), message.into())
    }

    /// About a file as a whole, that has no text to show.
    pub(super) fn about_file(severity: Gravity, path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), ..Self::new(severity, None, message.into()) }
    }

    /// What to do about it.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As [`Self::help`], where there is something to say.
    #[must_use]
    pub(super) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Words under the underlined text.
    #[must_use]
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// A second place that belongs to it.
    #[must_use]
    pub(super) fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.also = Some((place, label.into()));
        self
    }
}

/// Everything found in a configuration, with the texts it was found in.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    sources: Vec<Source>,
}

impl Diagnostics {
    /// Takes a file's text; the number is the file's in [`Place`].
    pub(super) fn add_source(&mut self, source: Source) -> u32 {
        self.sources.push(source);
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    /// A file's text.
    pub(super) fn source(&self, file: u32) -> Option<&Source> {
        self.sources.get(file as usize)
    }

    /// The bytes of a place.
    pub(super) fn text_at(&self, place: Place) -> &str {
        self.source(place.file).and_then(|source| source.text.get(place.range())).unwrap_or("")
    }

    /// Adds a finding.
    pub(super) fn push(&mut self, mut diagnostic: Diagnostic) {
        if let Some(place) = diagnostic.place
            && let Some(source) = self.sources.get(place.file as usize)
        {
            diagnostic.path = source.path.clone();
            (diagnostic.line, diagnostic.column) = source.position(place.start as usize);
            diagnostic.span = place.range();
        }
        self.items.push(diagnostic);
    }

    /// The findings, in the order of the files' text as far as they were found in it.
    pub fn items(&self) -> &[Diagnostic] {
        &self.items
    }

    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether the configuration cannot be used.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Gravity::Error)
    }

    /// Errors first, each group in the order of the text.
    pub(super) fn sort(&mut self) {
        self.items.sort_by_key(|item| {
            (
                item.severity == Gravity::Warning,
                item.place.map_or(0, |place| place.file),
                item.span.start,
            )
        });
    }

    /// As JSON: a list of `{severity, file, line, column, span: [from, to], message, help}`; what is
    /// not known is `null`.
    pub fn to_json(&self) -> serde_json::Value {
        self.items
            .iter()
            .map(|item| {
                let known = item.line > 0;
                serde_json::json!({
                    "severity": item.severity.word(),
                    "file": item.path.display().to_string(),
                    "line": known.then_some(item.line),
                    "column": known.then_some(item.column),
                    "span": known.then_some([item.span.start, item.span.end]),
                    "message": item.message,
                    "help": item.help,
                })
            })
            .collect()
    }
}
