//! Looking for a service's main process: by pidfile, by `match`, or as the process we started.
//!
//! Read-only and asked for only: at the start of the daemon, on a cycle while a process is absent,
//! and after a start. A process that somebody else than root named is not believed unless something
//! else agrees (the process descends from our own start, or `match` fits it). Blocks on files: call
//! it on a thread that may. Not here: waiting for a process to come (`action::start`).

mod candidates;
mod pidfile;
pub mod process;

use std::path::Path;

pub use candidates::{Candidate, Unseen, candidates};

use crate::identity::ProcessKey;
use crate::message::Presence;
use crate::service::{Match, ProcessService, Service};
use crate::source::Membership;
use pidfile::Named;
use process::{Facts, facts};

/// Looks for the main process of `service` once.
///
/// `known` is the main process as last known (from this run or from the saved state of this boot):
/// a service without pidfile and `match` has no other name, and a pidfile that is not root's counts
/// where it names that very process.
pub fn find(service: &Service, known: Option<ProcessKey>, membership: &dyn Membership) -> Presence {
    let Some(process) = service.process() else {
        return Presence::Absent { why: "not a process".to_owned() };
    };
    match (&process.pidfile, &process.matching) {
        (Some(path), _) => by_pidfile(service, process, path, known, membership),
        (None, Some(matching)) => by_match(matching),
        (None, None) => match known {
            Some(main) if process::alive(main) => Presence::Present { main, candidates: 1 },
            Some(main) => absent(format!("process {} is gone", main.pid)),
            None => absent("it was not started by us".to_owned()),
        },
    }
}

/// Removes the pidfile that a dead main process left behind, as systemd does: as long as nobody has
/// reaped the process, a start program that asks after the pid takes it for alive, says "already
/// running" and starts nothing. Whether there was one to remove.
///
/// # Errors
/// Where it is there and cannot be read or removed.
pub fn remove_stale_pidfile(path: &Path, dead: ProcessKey) -> std::io::Result<bool> {
    let gone = facts(dead.pid)?.is_none_or(|facts| facts.key == dead);
    if gone { pidfile::remove(path, dead.pid) } else { Ok(false) }
}

fn absent(why: String) -> Presence {
    Presence::Absent { why }
}

fn by_match(matching: &Match) -> Presence {
    match candidates(matching) {
        Err(error) => Presence::Untrusted { why: format!("cannot look for the process: {error}") },
        Ok((found, unseen)) => match found.first() {
            Some(oldest) => Presence::Present {
                main: oldest.key,
                candidates: u32::try_from(found.len()).unwrap_or(u32::MAX),
            },
            None => absent(match unseen.0 {
                0 => "no process matches".to_owned(),
                n => format!("no process matches ({n} could not be read)"),
            }),
        },
    }
}

fn by_pidfile(
    service: &Service,
    process: &ProcessService,
    path: &Path,
    known: Option<ProcessKey>,
    membership: &dyn Membership,
) -> Presence {
    let shown = path.display();
    let file = match pidfile::read(path) {
        Ok(Some(file)) => file,
        Ok(None) => return absent(format!("pidfile {shown} does not exist")),
        Err(error) => return absent(format!("cannot read pidfile {shown}: {error}")),
    };
    let pid = match file.named {
        Named::Pid(pid) => pid,
        // Root's own file with nonsense is as good as none: the service is not there. In another
        // user's file it may be an attempt to make us do something.
        Named::Nonsense(what) if file.others.is_none() => {
            return absent(format!("pidfile {shown} {what}"));
        }
        Named::Nonsense(what) => {
            return Presence::Untrusted { why: format!("pidfile {shown} {what}") };
        }
        Named::NotAFile(what) => {
            let why = format!("pidfile {shown} is {what}, not a plain file: name the file itself");
            return Presence::Untrusted { why };
        }
    };
    let living = match facts(pid) {
        Ok(Some(facts)) if facts.dead => return absent(format!("process {pid} is a zombie")),
        Ok(Some(facts)) => facts,
        Ok(None) => return absent(format!("pidfile {shown} names process {pid}, which is gone")),
        Err(error) => {
            return Presence::Untrusted { why: format!("cannot look at process {pid}: {error}") };
        }
    };
    if living.kernel || pid == std::process::id() {
        let who = if living.kernel { "a thread of the kernel" } else { "this daemon" };
        return absent(format!("pidfile {shown} names process {pid}, which is {who}"));
    }
    if let Some(matching) = &process.matching {
        return agreed(matching, path, &living);
    }
    let ours = || {
        known == Some(living.key)
            || membership.members(service.id).is_ok_and(|members| members.contains(&living.key))
    };
    match file.others {
        Some(others) if !ours() => Presence::Untrusted { why: distrust(path, &others, &living) },
        _ => Presence::Present { main: living.key, candidates: 1 },
    }
}

fn agreed(matching: &Match, path: &Path, living: &Facts) -> Presence {
    let (shown, pid) = (path.display(), living.key.pid);
    match candidates::fits(matching, living.key) {
        Ok(true) => Presence::Present { main: living.key, candidates: 1 },
        Ok(false) => absent(format!("pidfile {shown} names process {pid}, which does not match")),
        Err(error) => Presence::Untrusted { why: format!("cannot look at process {pid}: {error}") },
    }
}

/// Cause and cure in one line.
fn distrust(path: &Path, others: &str, living: &Facts) -> String {
    let (exe, user) = candidates::describe(living.key.pid);
    format!(
        "pidfile {} {others}, so its pid {} is not believed: add match: {{ exe: {exe}, user: {user} }}",
        path.display(),
        living.key.pid,
    )
}

#[cfg(test)]
mod tests;
