//! Stopping a service: its program or TERM, then KILL, until the whole group is gone.
//!
//! A stop program that fails or leaves something over is not the end of it: the user wants the
//! service down (or repaired), so signals follow.

use tokio::time::Instant;

use super::appearance::look;
use super::ending::{end, gone};
use super::output::Writer;
use super::program::Birth;
use super::start::process;
use super::{Deed, Failure};
use crate::identity::ProcessKey;
use crate::message::{Part, Presence};
use crate::process::alive;
use crate::secrets::command;

/// Stops the service. Done when none of its processes lives.
pub(crate) async fn stop(deed: &Deed, main: Option<ProcessKey>) -> Result<(), Failure> {
    let service = process(deed).map_err(failure)?;
    let main = match main.filter(|main| alive(*main)) {
        Some(main) => Some(main),
        None => match look(deed, None).await {
            Presence::Present { main, .. } => Some(main),
            Presence::Absent { .. } => None,
            Presence::Untrusted { why } => return Err(failure(why)),
        },
    };
    // As Monit: nothing runs, so there is nothing to run the program for.
    if let (Some(main), Some(program)) = (main, &service.stop) {
        deed.doing(format!("stop: '{}'", command(program)));
        let begin = Instant::now();
        let result = match deed.run(program, Writer::Deed, Birth::Apart).await {
            Ok(running) => running.succeeded(deed).await,
            Err(message) => Err(message),
        };
        let followed_by = match result {
            Ok(()) => {
                // systemd answers when the unit is down: what is left now has escaped it.
                let down = service.unit.is_some() && !alive(main);
                let rest = program.timeout.saturating_sub(begin.elapsed());
                let rest = if down { std::time::Duration::ZERO } else { rest };
                if gone(&mut || deed.company(Some(main)), rest).await {
                    return Ok(());
                }
                "it left processes".to_owned()
            }
            Err(message) => format!("failed {message}"),
        };
        deed.doing(format!("stop program: {followed_by}; sending signals"));
    }
    let group = deed.company(main);
    if group.is_empty() {
        return Ok(());
    }
    if main.is_none() || service.stop.is_none() {
        deed.doing(match main {
            Some(main) => format!("stop: TERM to process {} and its group", main.pid),
            None => format!("stop: TERM to {} left over", group.len()),
        });
    }
    let left = end(&mut || deed.company(main), service.stop_timeout, &deed.tools.protect()).await;
    let stays = main.is_some_and(alive);
    if left.stuck.is_empty() && !stays {
        if !left.spared.is_empty() {
            deed.doing(format!("left alone: {}", left.spared.join(", ")));
        }
        return Ok(());
    }
    let all: Vec<String> = left.stuck.into_iter().chain(left.spared).collect();
    Err(failure(format!("not stopped: {}", all.join(", "))))
}

fn failure(message: String) -> Failure {
    Failure { part: Part::Stop, message }
}
