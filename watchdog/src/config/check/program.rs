//! What a program service has besides name and rules: what is run.

use crate::check::program::Probe;
use crate::config::reader::{Reader, Table};
use crate::config::source::Place;
use crate::config::vocabulary::PROGRAM;

impl Reader {
    /// The keys of a program service.
    pub(super) fn probe(&mut self, table: &mut Table, kind: Place) -> Option<Probe> {
        let Some(entry) = table.take("path") else {
            self.error_help(
                kind,
                "nothing says which program is run",
                "add `path: /path/to/program …`",
            );
            return None;
        };
        let (program, _) = self.program(entry, &PROGRAM, self.limits.program_timeout)?;
        Some(Probe { program })
    }
}
