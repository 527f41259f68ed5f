//! The programs of a service that is no process: start, stop and restart are done when they end well.
//!
//! There is no process to wait for: whether they brought about what they should is observed after
//! them. Not here: services that are processes (`start`, `stop`, `restart`).

use super::output::Writer;
use super::program::Birth;
use super::{Deed, Failure};
use crate::message::{Part, Verb};
use crate::secrets::command;
use crate::service::Program;

/// Runs what the service has for the verb. What it does not have is done already.
pub(crate) async fn method(deed: &Deed, verb: Verb) -> Result<(), Failure> {
    let methods = deed.service.methods();
    match verb {
        Verb::Stop => run(deed, "stop", methods.stop, Part::Stop).await,
        Verb::Start => {
            let (name, program) = match methods.start {
                Some(start) => ("start", Some(start)),
                None => ("restart", methods.restart),
            };
            run(deed, name, program, Part::Start).await
        }
        Verb::Restart if methods.restart.is_some() => {
            run(deed, "restart", methods.restart, Part::Start).await
        }
        Verb::Restart => {
            run(deed, "stop", methods.stop, Part::Stop).await?;
            run(deed, "start", methods.start, Part::Start).await
        }
    }
}

async fn run(
    deed: &Deed,
    name: &str,
    program: Option<&Program>,
    part: Part,
) -> Result<(), Failure> {
    let Some(program) = program else { return Ok(()) };
    let failure = |message| Failure { part, message };
    deed.doing(format!("{name}: '{}'", command(program)));
    let running = deed.run(program, Writer::Deed, Birth::Apart).await.map_err(failure)?;
    running.succeeded(deed).await.map_err(failure)
}
