//! Reads values of the YAML tree as what they must be, and says where they are not.
//!
//! Not here: which keys there are (`vocabulary`) and what they mean. Every function reports what is
//! wrong and returns `None`, so that the caller goes on and all errors show at once.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::LoadOptions;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::host::Host;
use super::raw::{Node, Value};
use super::source::Place;
use super::units::{self, BadTime};
use super::vocabulary::{Keys, suggestion};

/// What all readers share.
pub(super) struct Reader {
    /// Everything found so far.
    pub(super) out: Diagnostics,
    /// How strict to be.
    pub(super) options: LoadOptions,
    /// Users and programs of this host.
    pub(super) host: Host,
    /// Where password hashes stand: their file should not be everybody's to read.
    pub(super) hashes: Vec<Place>,
}

/// One entry of a mapping.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) key: Place,
    pub(super) value: Node,
}

/// A mapping whose entries are taken out one by one.
pub(super) struct Table {
    /// Where it is underlined: at its key or first entry.
    pub(super) place: Place,
    pub(super) entries: Vec<Entry>,
}

impl Table {
    /// Takes an entry out.
    pub(super) fn take(&mut self, name: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries.remove(at))
    }

    /// Where an entry's key stands.
    pub(super) fn key(&self, name: &str) -> Option<Place> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.key)
    }
}

/// Where a list's item is underlined: at its first key; an empty one at the list's key.
pub(super) fn item_place(node: &Node, list: Place) -> Place {
    match &node.value {
        Value::Map(entries) => entries.first().map_or(list, |(key, _)| key.place),
        _ if node.place.range().is_empty() => list,
        _ => node.place,
    }
}

impl Reader {
    /// Reports an error.
    pub(super) fn error(&mut self, place: Place, message: impl Into<String>) {
        self.out.push(Diagnostic::error(place, message));
    }

    /// Reports an error with what to do about it.
    pub(super) fn error_help(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.out.push(Diagnostic::error(place, message).help(help));
    }

    fn expected(&mut self, node: &Node, at: Place, what: &str) {
        // A mapping's own place is empty: its key shows better.
        let place = if node.place.range().is_empty() { at } else { node.place };
        self.error(place, format!("expected {what}, found {}", node.value.what()));
    }

    /// A mapping with any keys. `at` is the place of the key before it.
    pub(super) fn open_table(&mut self, node: Node, at: Place) -> Option<Table> {
        let Value::Map(entries) = node.value else {
            self.expected(&node, at, "a mapping (`key: value`)");
            return None;
        };
        let mut table = Table { place: at, entries: Vec::with_capacity(entries.len()) };
        for (key, value) in entries {
            match key.value {
                Value::Scalar(name) => table.entries.push(Entry { name, key: key.place, value }),
                other => self.error(key.place, format!("a key is one word, not {}", other.what())),
            }
        }
        if let Some(first) = table.entries.first()
            && at.range().is_empty()
        {
            table.place = first.key;
        }
        Some(table)
    }

    /// A mapping with the given keys; others are reported and dropped.
    pub(super) fn table(&mut self, node: Node, at: Place, keys: &Keys) -> Option<Table> {
        let table = self.open_table(node, at)?;
        Some(self.keep_known(table, keys))
    }

    /// Reports and drops entries with other keys.
    pub(super) fn keep_known(&mut self, mut table: Table, keys: &Keys) -> Table {
        table.entries.retain(|entry| {
            if keys.known.contains(&entry.name.as_str()) {
                return true;
            }
            if keys.later.contains(&entry.name.as_str()) {
                self.error(entry.key, format!("`{}` is not supported yet", entry.name));
            } else {
                self.out.push(
                    Diagnostic::error(
                        entry.key,
                        format!("{} has no key `{}`", keys.title, entry.name),
                    )
                    .label("unknown key")
                    .help(suggestion(&entry.name, keys.known)),
                );
            }
            false
        });
        table
    }

    /// A list; one value alone is a list of one.
    pub(super) fn list(&mut self, entry: Entry) -> Vec<Node> {
        match entry.value.value {
            Value::List(items) => items,
            Value::Null => {
                self.error(entry.key, format!("`{}` is empty", entry.name));
                Vec::new()
            }
            _ => vec![entry.value],
        }
    }

    /// A list and nothing else.
    pub(super) fn strict_list(&mut self, entry: Entry) -> Vec<Node> {
        match entry.value.value {
            Value::List(items) => items,
            Value::Null => Vec::new(),
            _ => {
                self.expected(&entry.value, entry.key, "a list (`- …`)");
                Vec::new()
            }
        }
    }

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
