//! What a file, directory or named pipe has besides name and rules: where it is.

use crate::check::file::content::Filter;
use crate::check::file::{File, FileType};
use crate::config::raw::{Node, Value};
use crate::config::reader::{Entry, Reader, Table, item_place};
use crate::config::source::Place;
use crate::config::vocabulary::IGNORE;
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

    /// Lines that tests of the content pass over: a pattern, `not: pattern`, or a list of such.
    fn ignored(&mut self, entry: Entry) -> Vec<Filter> {
        let at = entry.key;
        let mut filters = Vec::new();
        for node in self.list(entry) {
            let at = item_place(&node, at);
            if matches!(node.value, Value::Scalar(_)) {
                filters.extend(self.filter(&node, at, false));
            } else if let Some(mut table) = self.table(node, at, &IGNORE) {
                match table.take("not") {
                    Some(entry) => filters.extend(self.filter(&entry.value, entry.key, true)),
                    None => self.error(at, "`ignore` names no pattern"),
                }
            }
        }
        filters
    }

    fn filter(&mut self, node: &Node, at: Place, not: bool) -> Option<Filter> {
        let text = self.text(node, at)?;
        match Pattern::new(&text) {
            Ok(pattern) => Some(Filter { not, pattern }),
            Err(error) => {
                self.error(node.place, format!("this is no regular expression: {error}"));
                None
            }
        }
    }
}
