//! Programs that are run to be judged.
//!
//! The run is over when the program is, or at its timeout; the engine asks for no second one before
//! it has the answer. Not here: how a program is run (`action::probe`).

use std::sync::Arc;

use super::Scene;
use crate::action::{Deed, probe::probe};
use crate::check::program::{Facts, Probe, Run};
use crate::clock::boot_now;
use crate::event::ExitStatus;
use crate::message::{ActionId, Context};

/// Runs it.
pub(super) async fn observe(scene: &Arc<Scene>, what: &Probe) -> Facts {
    let context = Context::plain("Program run", "run to be judged".to_owned(), boot_now());
    let deed = Deed {
        // It is none of the engine's actions.
        id: ActionId(0),
        tools: Arc::clone(&scene.tools),
        service: Arc::clone(&scene.service),
        context,
        dead: None,
    };
    let probed = probe(&deed, &what.program, scene.service.control.sizes.program_output).await;
    // As Monit: a pattern's `$` is behind the last word, not behind the end of its line.
    let output = String::from_utf8_lossy(&probed.output).trim_end().to_owned();
    let ended = probed.end.and_then(|status| match status {
        ExitStatus::Code(status) => Ok(status),
        ExitStatus::Signal { number, .. } => Ok(number.saturating_add(128)),
        ExitStatus::Unknown => Err("how it ended is not known".to_owned()),
    });
    match ended {
        Ok(status) => Facts { run: Some(Run { status, output }), trouble: None },
        Err(why) => Facts { run: former(scene), trouble: Some(why) },
    }
}

/// What the last run that came to its end was like: for tests of what has changed.
fn former(scene: &Scene) -> Option<Run> {
    match &scene.before.as_ref()?.facts {
        crate::check::Facts::Program(facts) => facts.run.clone(),
        _ => None,
    }
}
