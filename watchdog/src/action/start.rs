//! Starting a service: end what is left of the last one, run the program, wait for the process.

use std::time::Duration;

use super::appearance::{Early, Started, Vain, appearance, look};
use super::ending::end;
use super::family::Family;
use super::output::Writer;
use super::program::Birth;
use super::{Deed, Failure};
use crate::finder;
use crate::identity::ProcessKey;
use crate::message::{Part, Presence};
use crate::process::alive;
use crate::secrets::command;
use crate::service::ProcessService;

/// A program in the foreground that lives so long counts as started.
const AT_ONCE: Duration = Duration::from_millis(100);

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
    remove_stale_pidfile(deed, service).await;
    deed.doing(format!("start: '{}'", command(program)));
    let running = deed.run(program, Writer::Deed, Birth::InGroup).await.map_err(failure)?;
    if !service.has_selector() {
        let main = running.key;
        // A program that ends at once is no service: its own words say why.
        if let Ok(status) = tokio::time::timeout(AT_ONCE, running.ended()).await {
            return Err(failure(running.bad_end(status)));
        }
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

/// Somebody else may have started it meanwhile. Not looked for by `match` where it died a moment
/// ago: a walk over all processes would delay its restart.
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
    if service.pidfile.is_none() && deed.dead.is_some() {
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
    // In a unit's cgroup systemd clears up, and may be starting the unit at this moment.
    let systemds = service.unit.is_some();
    let who = &mut || if systemds { deed.group(None) } else { deed.company(None) };
    let rest = who();
    if rest.is_empty() {
        return Ok(());
    }
    deed.doing(format!("ending {} left over from the last run", count(rest.len())));
    let left = end(who, service.stop_timeout, &deed.tools.protect()).await;
    if left.stuck.is_empty() {
        // The spared are not ours to end, and no reason to leave the service down.
        return Ok(());
    }
    Err(failure(format!("cannot end what is left of the last run: {}", left.stuck.join(", "))))
}

/// See [`finder::remove_stale_pidfile`]. A failure is no reason to leave the service down.
async fn remove_stale_pidfile(deed: &Deed, service: &ProcessService) {
    let (Some(path), Some(dead)) = (service.pidfile.clone(), deed.dead) else { return };
    let shown = path.display().to_string();
    let removed = tokio::task::spawn_blocking(move || finder::remove_stale_pidfile(&path, dead));
    let pid = dead.pid;
    match removed.await {
        Ok(Ok(true)) => deed.doing(format!(
            "removed the pidfile {shown}: process {pid}, which it named, is dead, and a start program \
             may take it for alive"
        )),
        Ok(Err(error)) => {
            deed.doing(format!("the pidfile {shown} of the dead process {pid} stays: {error}"));
        }
        Ok(Ok(false)) | Err(_) => {}
    }
}

fn count(processes: usize) -> String {
    if processes == 1 { "1 process".to_owned() } else { format!("{processes} processes") }
}
