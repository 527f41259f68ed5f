//! What a file system has besides name and rules: which one it is.

use crate::check::filesystem::Filesystem;
use crate::config::reader::{Reader, Table};
use crate::config::source::Place;

impl Reader {
    /// The keys of a file system. Its path need not be there, nor be a path: a share has a source
    /// such as `nas:/export`.
    pub(super) fn filesystem(&mut self, table: &mut Table, kind: Place) -> Option<Filesystem> {
        let Some(entry) = table.take("path") else {
            let help = "add `path:` with a mount point, a device or the source of a share";
            self.error_help(kind, "nothing says which file system is meant", help);
            return None;
        };
        let source = self.line(&entry.value, entry.key)?;
        if source.trim().is_empty() {
            self.error(entry.value.place, "the path is empty");
            return None;
        }
        Some(Filesystem { source })
    }
}
