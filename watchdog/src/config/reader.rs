//! Reads mappings and lists of the YAML tree, and says where they are none.
//!
//! Not here: single values (`values`), which keys there are (`vocabulary`) and what they mean. Every function reports what is
//! wrong and returns `None`, so that the caller goes on and all errors show at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::check::file::patterns::PatternFile;
use crate::secrets::unsaid;
use crate::service::{Bounds, OnReboot};

use super::LoadOptions;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::foreign;
use super::host::Host;
use super::raw::{Node, Value};
use super::source::Place;
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
    /// Units of services, and where they are named.
    pub(super) units: Vec<(String, Place)>,
    /// `limits:` of the main file, which is read before any service.
    pub(super) limits: Bounds,
    /// Whom `alerts:` of the main file tells.
    pub(super) alerted: Vec<String>,
    /// `onreboot:` of the main file.
    pub(super) onreboot: OnReboot,
    /// The files of patterns that were named; `None`: it cannot be used, and why was said.
    pub(super) patterns: BTreeMap<PathBuf, Option<PatternFile>>,
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
    /// A key that nobody knows was dropped: what is missing may be what was meant by it.
    pub(super) dropped: bool,
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

    pub(super) fn expected(&mut self, node: &Node, at: Place, what: &str) {
        // A mapping's own place is empty: its key shows better.
        let place = if node.place.range().is_empty() { at } else { node.place };
        let text = format!("expected {what}, found {}", node.value.what());
        let help = match &node.value {
            Value::Scalar(text) => foreign::statement(text).map(|help| unsaid(help, text)),
            Value::Map(_) if what.starts_with("a list") => {
                Some("each item of a list begins with `- `".to_owned())
            }
            _ => None,
        };
        self.out.push(Diagnostic::error(place, text).maybe_help(help));
    }

    /// A mapping with any keys. `at` is the place of the key before it.
    pub(super) fn open_table(&mut self, node: Node, at: Place) -> Option<Table> {
        let Value::Map(entries) = node.value else {
            self.expected(&node, at, "a mapping (`key: value`)");
            return None;
        };
        let mut table =
            Table { place: at, entries: Vec::with_capacity(entries.len()), dropped: false };
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
                    .help(
                        foreign::elsewhere(keys.title, &entry.name)
                            .unwrap_or_else(|| suggestion(&entry.name, keys.known)),
                    ),
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
}
