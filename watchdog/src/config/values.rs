//! Reads single values of the YAML tree as what they must be: text, number, time, path and so on.
//!
//! Not here: mappings and lists (`reader`).

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::raw::{Node, Value};
use super::reader::{Entry, Reader};
use super::source::Place;
use super::units::{self, BadTime};
use super::vocabulary::suggestion;

impl Reader {
    /// A single value as text.
    pub(super) fn text(&mut self, node: &Node, at: Place) -> Option<String> {
        match &node.value {
            Value::Scalar(text) => Some(text.clone()),
            _ => {
                self.expected(node, at, "a single value");
                None
            }
        }
    }

    /// Text without control characters, not empty.
    pub(super) fn line(&mut self, node: &Node, at: Place) -> Option<String> {
        let text = self.text(node, at)?;
        let text = text.trim();
        if text.is_empty() {
            self.error(at, "this must not be empty");
            return None;
        }
        if text.chars().any(char::is_control) {
            self.error(node.place, "control characters and line breaks are not allowed here");
            return None;
        }
        Some(text.to_owned())
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, entry: &Entry) -> Option<bool> {
        match self.text(&entry.value, entry.key)?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.error(
                    entry.value.place,
                    format!("`{}` is `true` or `false`, not `{other}`", entry.name),
                );
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn number<T>(&mut self, entry: &Entry, from: T, to: T) -> Option<T>
    where
        T: FromStr + Copy + PartialOrd + std::fmt::Display,
    {
        let text = self.text(&entry.value, entry.key)?;
        match text.parse::<T>() {
            Ok(number) if number >= from && number <= to => Some(number),
            _ => {
                self.error(
                    entry.value.place,
                    format!("`{}` is a whole number from {from} to {to}, not `{text}`", entry.name),
                );
                None
            }
        }
    }

    /// A length of time with its unit.
    pub(super) fn duration(&mut self, entry: &Entry) -> Option<Duration> {
        let text = self.text(&entry.value, entry.key)?;
        let place = entry.value.place;
        match units::parse_time(&text) {
            Ok(time) => Some(time),
            Err(BadTime::NoUnit) => {
                self.error_help(
                    place,
                    format!("`{}` needs a unit of time", entry.name),
                    format!("write `{}s` for seconds, `{0}m` for minutes", text.trim()),
                );
                None
            }
            Err(BadTime::TooLong) => {
                self.error(place, "longer than a year");
                None
            }
            Err(BadTime::Unclear) => {
                self.error_help(
                    place,
                    format!("`{text}` is not a length of time"),
                    "write a number with ms, s, m, h or d, such as `90s`",
                );
                None
            }
        }
    }

    /// A time within which something can be done.
    pub(super) fn time_limit(&mut self, entry: &Entry) -> Option<Duration> {
        let limit = self.duration(entry)?;
        if limit.is_zero() {
            self.error(
                entry.value.place,
                format!("nothing is done within a `{}` of 0", entry.name),
            );
            return None;
        }
        Some(limit)
    }

    /// A size with its unit, of one byte at least.
    pub(super) fn size(&mut self, entry: &Entry, most: u64) -> Option<u64> {
        let text = self.text(&entry.value, entry.key)?;
        let place = entry.value.place;
        let Some(size) = units::parse_size(&text) else {
            let help = "write a number with B, KB, MB or GB, such as `512 B`";
            self.error_help(place, format!("`{text}` is not a size"), help);
            return None;
        };
        if (1..=most).contains(&size) {
            return Some(size);
        }
        let most = crate::metric::bytes(most as f64);
        self.error(place, format!("`{}` is from 1 B to {most}", entry.name));
        None
    }

    /// `5 cycles`.
    pub(super) fn cycles(&mut self, entry: &Entry) -> Option<u32> {
        let text = self.text(&entry.value, entry.key)?;
        let number = text
            .trim()
            .strip_suffix("cycles")
            .or_else(|| text.trim().strip_suffix("cycle"))
            .and_then(|number| number.trim().parse::<u32>().ok())
            .filter(|number| (1..=100_000).contains(number));
        if number.is_none() {
            self.error_help(
                entry.value.place,
                format!("`{}` is a number of cycles, not `{text}`", entry.name),
                "write it as `5 cycles`",
            );
        }
        number
    }

    /// An absolute path.
    pub(super) fn path(&mut self, entry: &Entry) -> Option<PathBuf> {
        let text = self.line(&entry.value, entry.key)?;
        if !text.starts_with('/') {
            self.error_help(
                entry.value.place,
                format!("`{}` must be an absolute path", entry.name),
                "begin it with `/`",
            );
            return None;
        }
        Some(PathBuf::from(text))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, entry: &Entry, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(&entry.value, entry.key)?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.error_help(
                entry.value.place,
                format!("`{text}` is not a value of `{}`", entry.name),
                suggestion(&text, &names),
            );
        }
        found.map(|(_, value)| *value)
    }
}
