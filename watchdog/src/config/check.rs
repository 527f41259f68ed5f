//! What services of the observed kinds have besides name and rules. One kind, one file.
//!
//! Not here: the sentences of their rules (`grammar`).

mod file;
mod filesystem;
mod host;
mod network;
mod program;

pub(super) use host::address;

use crate::check::{Check, Checked, file::FileType};

use super::grammar::Subject;
use super::reader::{Reader, Table};
use super::source::Place;

impl Reader {
    /// The keys of a service that is observed. `kind` is where its kind stands.
    pub(super) fn checked(
        &mut self,
        table: &mut Table,
        kind: Place,
        subject: Subject,
    ) -> Option<Checked> {
        let check = match subject {
            Subject::File => Check::File(self.file(table, kind, FileType::File)?),
            Subject::Directory => Check::File(self.file(table, kind, FileType::Directory)?),
            Subject::Fifo => Check::File(self.file(table, kind, FileType::Fifo)?),
            Subject::Filesystem => Check::Filesystem(self.filesystem(table, kind)?),
            Subject::Host => Check::Host(self.host_check(table, kind)?),
            Subject::Program => Check::Program(self.probe(table, kind)?),
            Subject::Network => Check::Network(self.network_check(table, kind)?),
            // No checks.
            Subject::System | Subject::Process => return None,
        };
        Some(Checked { check, start: None, stop: None, restart: None })
    }
}
