//! Starting a service: end what is left of the last one, run the program, wait for the process.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ending::end;
use super::family::Family;
use super::output::Writer;
use super::program::{Birth, Running};
use super::{Deed, Failure, text};
use crate::event::ExitStatus;
use crate::finder::find;
use crate::finder::process::{alive, facts};
use crate::identity::ProcessKey;
use crate::message::{Part, Presence, Step};
use crate::service::{ProcessService, Program};

const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(50);
/// A look may take at most this part of the time between looks (one tenth).
const LOOKS_SHARE: u32 = 10;
/// How long a process in the start program's own session must have been there, see [`settled`].
const SETTLE: Duration = Duration::from_secs(3);

/// The main process and how many roots matched.
pub(crate) type Started = (ProcessKey, u32);

/// Starts the service, unless it is there already.
pub(crate) async fn start(deed: &Deed, main: Option<ProcessKey>) -> Result<Started, Failure> {
    let service = process(deed).map_err(failure)?;
    if let Some(started) = already_there(deed, service, main).await? {
        return Ok(started);
    }
    fresh(deed, service).await
}

/// Ends the start program that a former run of the daemon left running, whatever is to be done: it
/// would go on against us. A process that only has its pid is left alone.
pub(crate) async fn end_leftover(deed: &Deed, leftover: ProcessKey) {
    let Some(service) = deed.service.process() else { return };
    if alive(leftover) {
        deed.doing(format!("ending the start program of a former run (pid {})", leftover.pid));
        let mut family = Family::of(leftover);
        end(&mut || family.living(), service.stop_timeout, &deed.tools.protect()).await;
    }
}

/// Starts a service that is known not to be there.
pub(crate) async fn fresh(deed: &Deed, service: &ProcessService) -> Result<Started, Failure> {
    let Some(program) = &service.start else {
        return Err(failure("no start program".to_owned()));
    };
    end_rest(deed, service).await?;
    deed.doing(format!("start: '{}'", program.line()));
    let running = deed.run(program, Writer::Deed, Birth::InGroup).await.map_err(failure)?;
    deed.report(Step::Spawned(running.key));
    if service.pidfile.is_none() && service.matching.is_none() {
        let main = running.key;
        running.let_run();
        return Ok((main, 1));
    }
    match appearance(deed, program, &running, Early::Yes, None).await {
        Ok(started) => {
            running.let_run();
            Ok(started)
        }
        Err(Vain { message, end_all }) => {
            if end_all {
                // Whatever it started is no service; the next attempt must not find half of one.
                let mut family = Family::of(running.key);
                let mut who = || {
                    let mut all = family.living();
                    all.extend(deed.group(None));
                    all
                };
                end(&mut who, service.stop_timeout, &deed.tools.protect()).await;
            }
            drop(running);
            Err(failure(message))
        }
    }
}

/// The process service, or a line that it is none.
pub(super) fn process(deed: &Deed) -> Result<&ProcessService, String> {
    deed.service
        .process()
        .ok_or_else(|| format!("a {} cannot be started", deed.service.kind.word()))
}

fn failure(message: String) -> Failure {
    Failure { part: Part::Start, message }
}

/// Somebody else may have started it meanwhile. Not looked for by `match` where the main process
/// was known: a walk over all processes would delay the restart of a service that just died.
async fn already_there(
    deed: &Deed,
    service: &ProcessService,
    main: Option<ProcessKey>,
) -> Result<Option<Started>, Failure> {
    if let Some(main) = main
        && alive(main)
    {
        return Ok(Some((main, 1)));
    }
    if service.pidfile.is_none() && main.is_some() {
        return Ok(None);
    }
    match look(deed, main).await {
        Presence::Present { main, candidates } => Ok(Some((main, candidates))),
        Presence::Absent { .. } => Ok(None),
        Presence::Untrusted { why } => Err(failure(why)),
    }
}

/// Ends the members that a dead main process left over.
async fn end_rest(deed: &Deed, service: &ProcessService) -> Result<(), Failure> {
    let rest = deed.group(None);
    if rest.is_empty() {
        return Ok(());
    }
    deed.doing(format!("ending {} left over from the last run", count(rest.len())));
    let who = &mut || deed.group(None);
    let left = end(who, service.stop_timeout, &deed.tools.protect()).await;
    if left.stuck.is_empty() {
        // The spared are not ours to end, and no reason to leave the service down.
        return Ok(());
    }
    Err(failure(format!("cannot end what is left of the last run: {}", left.stuck.join(", "))))
}

fn count(processes: usize) -> String {
    if processes == 1 { "1 process".to_owned() } else { format!("{processes} processes") }
}

/// One look for the main process, on a thread that may wait for a file.
pub(super) async fn look(deed: &Deed, known: Option<ProcessKey>) -> Presence {
    let (tools, service) =
        (std::sync::Arc::clone(&deed.tools), std::sync::Arc::clone(&deed.service));
    let found =
        tokio::task::spawn_blocking(move || find(&service, known, &*tools.membership)).await;
    found.unwrap_or_else(|_| Presence::Untrusted { why: "the look failed".to_owned() })
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
        service.pidfile.is_some() || service.matching.as_ref().is_some_and(|m| m.exe.is_some())
    });
    let inside = || matches!(facts(main.pid), Ok(Some(facts)) if facts.session == program.pid);
    told || !inside() || since.elapsed() >= SETTLE.min(settings.timeout / 2)
}
