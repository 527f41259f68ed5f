//! The text of a configuration file, and places in it.
//!
//! Not here: reading it (`files`).

use std::ops::Range;
use std::path::PathBuf;

/// A file's text with the starts of its lines.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// As given by the user or found by `include`.
    pub(super) path: PathBuf,
    /// The whole text.
    pub(super) text: String,
    lines: Vec<usize>,
}

impl Source {
    /// Takes a text.
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        let lines = std::iter::once(0)
            .chain(
                text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1),
            )
            .collect();
        Self { path, text, lines }
    }

    /// The nearest character boundary at or before `at`, inside the text.
    pub(super) fn floor(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Line (from 0) of a byte.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Where the line of a byte starts.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.lines.get(self.line(at)).copied().unwrap_or(0)
    }

    /// Where the line of a byte ends, its line feed not counted.
    pub(super) fn line_end(&self, at: usize) -> usize {
        match self.lines.get(self.line(at) + 1) {
            Some(next) => next - 1,
            None => self.text.len(),
        }
    }

    /// The byte of a line and a column, both from 1, the column in characters.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let Some(start) = self.lines.get(line.saturating_sub(1)).copied() else {
            return self.text.len();
        };
        let rest = &self.text[start..self.line_end(start)];
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let at = self.floor(at);
        let line = self.line(at);
        let start = self.lines.get(line).copied().unwrap_or(0);
        (line + 1, self.text[start..at].chars().count() + 1)
    }
}

/// Bytes of one of the files. Files are below 16 MiB, so 32 bits do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Place {
    pub(super) fn new(file: u32, start: usize, end: usize) -> Self {
        let clip = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { file, start: clip(start), end: clip(end.max(start)) }
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}
