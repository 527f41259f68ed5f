//! What a file, directory or named pipe has besides name and rules: where it is.

use crate::check::file::content::Filter;
use crate::check::file::patterns::Patterns;
use crate::check::file::{File, FileType};
use crate::config::raw::{Node, Value};
use crate::config::reader::{Entry, Reader, Table, item_place};
use crate::config::source::Place;
use crate::config::vocabulary::{IGNORE, IGNORE_FILE};
use crate::protocol::Pattern;

impl Reader {
    /// The keys of a file, directory or named pipe.
    pub(super) fn file(&mut self, table: &mut Table, kind: Place, what: FileType) -> Option<File> {
        let Some(entry) = table.take("path") else {
            let word = what.word();
            self.error_help(kind, format!("nothing says where the {word} is"), "add `path: /…`");
            return None;
        };
        let path = self.path(&entry)?;
        let ignore = table.take("ignore").map(|entry| self.ignored(entry)).unwrap_or_default();
        Some(File { what, path, ignore })
    }

    /// Lines that tests of the content pass over: a pattern, `file: path`, `not:` one of these, or a list
    /// of such.
    fn ignored(&mut self, entry: Entry) -> Vec<Filter> {
        let at = entry.key;
        let mut filters = Vec::new();
        for node in self.list(entry) {
            let at = item_place(&node, at);
            let whole = node.place;
            if matches!(node.value, Value::Scalar(_)) {
                filters.extend(self.filter(&node, at, false));
            } else if let Some(mut table) = self.table(node, at, &IGNORE) {
                match (table.take("not"), table.take("file")) {
                    (Some(entry), None) if matches!(entry.value.value, Value::Map(_)) => {
                        let keys = &IGNORE_FILE;
                        let inner = self.table(entry.value, entry.key, keys);
                        match inner.map(|mut table| (table.entries.is_empty(), table.take("file")))
                        {
                            Some((_, Some(entry))) => {
                                filters.extend(self.filter_file(&entry, true));
                            }
                            Some((true, None)) => self.error(at, "`ignore` names no pattern"),
                            _ => {}
                        }
                    }
                    (Some(entry), None) => {
                        filters.extend(self.filter(&entry.value, entry.key, true));
                    }
                    (None, Some(entry)) => filters.extend(self.filter_file(&entry, false)),
                    (None, None) => self.error(at, "`ignore` names no pattern"),
                    (Some(_), Some(_)) => {
                        let text = "either `not` or `file`; for both write `{ not: { file: … } }`";
                        self.error(if whole.range().is_empty() { at } else { whole }, text);
                    }
                }
            }
        }
        filters
    }

    fn filter(&mut self, node: &Node, at: Place, not: bool) -> Option<Filter> {
        let text = self.text(node, at)?;
        let help = format!("write `{{ file: {text} }}`, if its lines are the patterns");
        self.looks_like_a_file(&text, node.place, &help);
        match Pattern::new(&text) {
            Ok(pattern) => Some(Filter { not, patterns: Patterns::One(pattern) }),
            Err(error) => {
                self.error(node.place, format!("this is no regular expression: {error}"));
                None
            }
        }
    }

    fn filter_file(&mut self, entry: &Entry, not: bool) -> Option<Filter> {
        let path = self.path(entry)?;
        let file = self.pattern_file(&path, entry.value.place)?;
        Some(Filter { not, patterns: Patterns::File(file) })
    }
}
