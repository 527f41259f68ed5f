//! Findings as text for a terminal: the message, the place, the line with the fault underlined.
//!
//! Not here: collecting them (`diagnostic`).

use std::fmt;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::escape::one_line;

use super::diagnostic::{Diagnostic, Diagnostics, Gravity};
use super::source::{Place, Source};

/// More than this helps nobody; the rest is counted.
const MAX_SHOWN: usize = 100;

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
        Snippet::source(&source.text[self.start..self.end])
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
