//! Running a rule's program.

use super::output::Writer;
use super::program::Birth;
use super::{Deed, Failure};
use crate::message::Part;
use crate::secrets::command;
use crate::service::Program;

/// Runs it to its end. `slot` numbers the programs that run for the service at the same time.
pub(crate) async fn exec(deed: &Deed, program: &Program, slot: usize) -> Result<(), Failure> {
    let failure = |message| Failure { part: Part::Exec, message };
    deed.doing(format!("exec: '{}'", command(program)));
    let running = deed.run(program, Writer::Rule(slot), Birth::Apart).await.map_err(failure)?;
    running.succeeded(deed).await.map_err(failure)
}
