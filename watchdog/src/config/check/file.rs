//! What a file, directory or named pipe has besides name and rules: where it is.

use crate::check::file::{File, FileType};
use crate::config::reader::{Reader, Table};
use crate::config::source::Place;

impl Reader {
    /// The keys of a file, directory or named pipe.
    pub(super) fn file(&mut self, table: &mut Table, kind: Place, what: FileType) -> Option<File> {
        let Some(entry) = table.take("path") else {
            let word = what.word();
            self.error_help(kind, format!("nothing says where the {word} is"), "add `path: /…`");
            return None;
        };
        let path = self.path(&entry)?;
        Some(File { what, path })
    }
}
