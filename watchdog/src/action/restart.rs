//! Restarting a service: its own program for that, or stop and start.

use super::appearance::{Early, Started, appearance};
use super::output::Writer;
use super::program::Birth;
use super::start::{fresh, process, start};
use super::stop::stop;
use super::{Deed, Failure};
use crate::identity::ProcessKey;
use crate::message::{Part, Step};
use crate::process::alive;
use crate::secrets::command;

/// Restarts the service; one that is not there is started.
pub(crate) async fn restart(deed: &Deed, main: Option<ProcessKey>) -> Result<Started, Failure> {
    let failure = |message| Failure { part: Part::Start, message };
    let service = process(deed).map_err(failure)?;
    let living = main.filter(|main| alive(*main));
    let Some(program) = &service.restart else {
        if living.is_some() && service.start.is_none() {
            // A service that nobody could start again is not taken down.
            return Err(failure("no start program".to_owned()));
        }
        if living.is_none() {
            // Dead already. `start` looks first: somebody may have started it meanwhile.
            return start(deed, main).await;
        }
        stop(deed, main).await?;
        deed.report(Step::Gone);
        return fresh(deed, service).await;
    };
    deed.doing(format!("restart: '{}'", command(program)));
    let running = deed.run(program, Writer::Deed, Birth::InGroup).await.map_err(failure)?;
    match appearance(deed, program, &running, Early::No, living).await {
        Ok(started) => Ok(started),
        Err(vain) => {
            running.end_family(deed, service.stop_timeout).await;
            Err(failure(vain.message))
        }
    }
}
