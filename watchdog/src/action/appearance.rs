//! Waiting for a service's main process after its start or restart program was run.
//!
//! The program may end before the process is there (it started a daemon), or be the process itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::program::Running;
use super::{Deed, text};
use crate::event::ExitStatus;
use crate::finder::find;
use crate::identity::ProcessKey;
use crate::message::Presence;
use crate::process::facts;
use crate::service::Program;

const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(50);
/// A look may take at most this part of the time between looks (one tenth).
const LOOKS_SHARE: u32 = 10;
/// How long one look may take: a walk over `/proc` takes less than a second, a dead file server for
/// ever.
const LOOK: Duration = Duration::from_secs(8);
/// How long a process in the start program's own session must have been there, see [`settled`].
const SETTLE: Duration = Duration::from_secs(3);

/// The main process and how many roots matched.
pub(crate) type Started = (ProcessKey, u32);

/// One look for the main process, on a thread that may wait for a file.
pub(super) async fn look(deed: &Deed, known: Option<ProcessKey>) -> Presence {
    let (tools, service) = (Arc::clone(&deed.tools), Arc::clone(&deed.service));
    let name = deed.service.name.as_str();
    let call = deed
        .tools
        .calls
        .begin(name, move || find(&service, known, &[], &*tools.membership).presence);
    let call = match call {
        Ok(call) => call,
        Err(why) => return Presence::Untrusted { why },
    };
    let Ok(found) = timeout(LOOK, call).await else {
        // Not known is not absent: nothing is started or signalled.
        return Presence::Untrusted { why: "looking for it takes too long".to_owned() };
    };
    match found {
        // The kernel has told its death; `/proc` only does not show it yet.
        Ok(Presence::Present { main, .. }) if deed.dead == Some(main) => {
            Presence::Absent { why: format!("process {} has ended", main.pid) }
        }
        Ok(presence) => presence,
        Err(_) => Presence::Untrusted { why: "the look failed".to_owned() },
    }
}

/// Whether a process that is found counts while the program still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    /// Yes: the program may be the service, in the foreground.
    Yes,
    /// No: the program works on a service that is there all along.
    No,
}

/// A start in vain.
#[derive(Debug)]
pub(super) struct Vain {
    pub(super) message: String,
    /// Whether what the program started is to be ended.
    pub(super) end_all: bool,
}

/// Waits within the program's timeout for its end and for the main process.
pub(super) async fn appearance(
    deed: &Deed,
    program: &Program,
    running: &Running,
    early: Early,
    known: Option<ProcessKey>,
) -> Result<Started, Vain> {
    let deadline = Instant::now() + program.timeout;
    let mut pause = SHORTEST;
    let mut over = false;
    let mut first_seen: Option<(ProcessKey, Instant)> = None;
    let mut absent = String::from("not looked for");
    loop {
        let begin = Instant::now();
        if over || early == Early::Yes {
            match timeout_at(deadline, look(deed, known)).await {
                Ok(Presence::Present { main, candidates }) => {
                    if first_seen.is_none_or(|(key, _)| key != main) {
                        first_seen = Some((main, begin));
                    }
                    let since = first_seen.map_or(begin, |(_, since)| since);
                    if over || settled(deed, running.key, main, program, since) {
                        return Ok((main, candidates));
                    }
                }
                Ok(Presence::Absent { why } | Presence::Untrusted { why }) => {
                    absent = why;
                    first_seen = None;
                }
                Err(_) => "looking for it takes too long".clone_into(&mut absent),
            }
        }
        let now = Instant::now();
        if now >= deadline {
            let after = text::seconds(program.timeout);
            return Err(Vain {
                message: if over {
                    running.in_vain(&format!("no process after {after}: {absent}"))
                } else {
                    running.overdue()
                },
                end_all: true,
            });
        }
        let until = (now + pause.max((now - begin) * LOOKS_SHARE)).min(deadline);
        pause = (pause * 2).min(LONGEST);
        if over {
            tokio::time::sleep_until(until).await;
        } else if let Ok(status) = timeout_at(until, running.ended()).await {
            over = true;
            if status != ExitStatus::Code(0) {
                // Where it is there nevertheless (`already running`), it is left alone.
                let there = timeout_at(deadline, look(deed, known)).await;
                let end_all = !matches!(there, Ok(Presence::Present { .. }));
                return Err(Vain { message: running.bad_end(status), end_all });
            }
        }
    }
}

/// Whether a found process may be believed while the start program runs.
///
/// `match` by arguments also fits the start script itself (`/bin/sh /etc/init.d/httpd start`), or
/// what it calls on the way. So a process that only arguments or user tell from others, and that is
/// in the program's own session, must have lived for some seconds, as a service in the foreground
/// does. With `exe` or a pidfile, or as a daemon in a session of its own, it counts at once.
fn settled(
    deed: &Deed,
    program: ProcessKey,
    main: ProcessKey,
    settings: &Program,
    since: Instant,
) -> bool {
    let service = deed.service.process();
    let told = service.is_some_and(|service| {
        service.pidfile.is_some()
            || service.has_cgroup()
            || service.matching.as_ref().is_some_and(|m| m.exe.is_some())
    });
    let inside = || matches!(facts(main.pid), Ok(Some(facts)) if facts.session == program.pid);
    told || !inside() || since.elapsed() >= SETTLE.min(settings.timeout / 2)
}
