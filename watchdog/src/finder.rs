//! Looking for a service's main process: by pidfile, by `match`, by cgroup, or as the process we
//! started.
//!
//! Read-only and asked for only: at the start of the daemon, when something stirs or on a cycle
//! while a process is absent, and after a start. A process that somebody else than root named is not
//! believed unless something else agrees (the process descends from our own start, `match` fits it,
//! or root's cgroup holds it). Blocks on files: call it on a thread that may. Not here: waiting for a
//! process to come (`action::start`).

mod candidates;
mod cgroup;
mod company;
mod hierarchy;
mod pidfile;
mod traces;
mod unit;

use std::path::Path;
use std::sync::Arc;

pub use candidates::{Candidate, Unseen, candidates};
pub use company::members_by_cgroup;
pub(crate) use hierarchy::versions as cgroup_versions;
pub use traces::Place;
pub(crate) use unit::unit_of;

use crate::identity::ProcessKey;
use crate::message::Presence;
use crate::process::{self, Facts, facts};
use crate::sensor::{Membership, WantBy};
use crate::service::{Match, ProcessService, Service};
use company::{Around, Company};
use pidfile::Named;

/// What one look has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Whether the main process is there.
    pub presence: Presence,
    /// Processes in the service's cgroup that belong to it besides the main process and what
    /// descends from it.
    pub others: Vec<ProcessKey>,
    /// By what the kernel would know its processes when they begin.
    pub by: Vec<WantBy>,
    /// Where something stirs when the service is started by somebody else.
    pub places: Vec<Place>,
}

/// Looks for the main process of `service` once.
///
/// `known` is the main process as last known (from this run or from the saved state of this boot):
/// a service without any selector has no other name, and a pidfile that is not root's counts
/// where it names that very process. `begun` are processes that have just begun: where they are
/// given and only `match` names the service, it is looked for among them alone.
pub fn find(
    service: &Service,
    known: Option<ProcessKey>,
    begun: &[ProcessKey],
    membership: &dyn Membership,
) -> Sight {
    let Some(process) = service.process() else {
        return Sight::bare(absent("not a process".to_owned()));
    };
    let around = match Around::of(process) {
        Ok(around) => around,
        Err(error) => {
            let why = format!("cannot look for the cgroup: {error}");
            return Sight::bare(Presence::Untrusted { why });
        }
    };
    let presence = main_process(service, process, &around, known, begun, membership);
    let others = match (&presence, around.company()) {
        (Presence::Present { main, .. }, Some(company)) if company.distrust().is_none() => {
            company.beside(*main)
        }
        _ => Vec::new(),
    };
    let (by, places) = traces::of(process, &presence, &around);
    Sight { presence, others, by, places }
}

/// Whether `match` alone names the service: to look for it is to walk over all processes.
pub fn is_walk(service: &Service) -> bool {
    service.process().is_some_and(|process| {
        process.matching.is_some() && process.pidfile.is_none() && !process.has_cgroup()
    })
}

/// Looks for the main processes of services that only `match` names ([`is_walk`]), as [`find`] does,
/// all in one walk.
pub fn find_all(services: &[Arc<Service>]) -> Vec<Sight> {
    let processes = services.iter().filter_map(|service| service.process());
    let matchings: Vec<&Match> = processes.filter_map(|one| one.matching.as_ref()).collect();
    let mut found = candidates::candidates_of_all(&matchings).into_iter();
    let mut sight = |service: &Arc<Service>| {
        let process = service.process().filter(|process| process.matching.is_some());
        match process.and_then(|process| Some((process, found.next()?))) {
            Some((process, found)) => {
                let presence = of_candidates(found);
                let (by, places) = traces::of(process, &presence, &Around::Nothing);
                Sight { presence, others: Vec::new(), by, places }
            }
            None => Sight::bare(absent("no `match` names it".to_owned())),
        }
    };
    services.iter().map(&mut sight).collect()
}

impl Sight {
    /// Of a look that told nothing else.
    pub(crate) fn bare(presence: Presence) -> Self {
        Self { presence, others: Vec::new(), by: Vec::new(), places: Vec::new() }
    }
}

fn main_process(
    service: &Service,
    process: &ProcessService,
    around: &Around,
    known: Option<ProcessKey>,
    begun: &[ProcessKey],
    membership: &dyn Membership,
) -> Presence {
    if let Around::Missing { why, .. } = around {
        return absent(why.clone());
    }
    let company = around.company();
    if let Some(company) = company
        && let Some(why) = company.not_its_own()
    {
        return Presence::Untrusted { why };
    }
    match (&process.pidfile, &process.matching, company) {
        (Some(path), _, _) => by_pidfile(service, process, path, company, known, membership),
        (None, Some(matching), None) => by_match(matching, begun),
        (None, matching, Some(company)) => by_cgroup(process, matching.as_ref(), company, known),
        (None, None, None) => match known {
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

fn by_match(matching: &Match, begun: &[ProcessKey]) -> Presence {
    let found = if begun.is_empty() {
        candidates(matching)
    } else {
        candidates::among_families(matching, begun)
    };
    of_candidates(found)
}

fn of_candidates(found: std::io::Result<(Vec<Candidate>, Unseen)>) -> Presence {
    match found {
        Err(error) => Presence::Untrusted { why: format!("cannot look for the process: {error}") },
        Ok((found, unseen)) => {
            oldest(found.first().map(|first| first.key), found.len(), || match unseen.0 {
                0 => "no process matches".to_owned(),
                n => format!("no process matches ({n} could not be read)"),
            })
        }
    }
}

fn by_cgroup(
    process: &ProcessService,
    matching: Option<&Match>,
    company: &Company,
    known: Option<ProcessKey>,
) -> Presence {
    let Some(matching) = matching else {
        if let Some(why) = company.distrust() {
            return Presence::Untrusted { why };
        }
        return match company.main(process.unit.as_deref(), known) {
            Ok((main, candidates)) => Presence::Present { main, candidates },
            Err(why) => absent(why),
        };
    };
    // Arguments are anybody's: they do not make up for a cgroup that others can fill.
    if let Some(why) = company.distrust().filter(|_| !matching.is_of_weight()) {
        return Presence::Untrusted { why };
    }
    match candidates::among(matching, &company.keys()) {
        Err(error) => Presence::Untrusted { why: format!("cannot look for the process: {error}") },
        Ok((found, _)) => {
            let first = found.iter().find(|candidate| company.holds(candidate.key));
            oldest(first.map(|first| first.key), found.len(), || {
                format!("no process in cgroup {} matches", company.name())
            })
        }
    }
}

fn oldest(first: Option<ProcessKey>, candidates: usize, why: impl FnOnce() -> String) -> Presence {
    match first {
        Some(main) => {
            Presence::Present { main, candidates: u32::try_from(candidates).unwrap_or(u32::MAX) }
        }
        None => absent(why()),
    }
}

fn by_pidfile(
    service: &Service,
    process: &ProcessService,
    path: &Path,
    company: Option<&Company>,
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
        Ok(Some(facts)) if facts.ending => return absent(format!("process {pid} is ending")),
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
    if let Some(company) = company
        && !company.holds(living.key)
    {
        let name = company.name();
        return absent(format!(
            "pidfile {shown} names process {pid}, which is not in cgroup {name}"
        ));
    }
    if let Some(matching) = &process.matching {
        return agreed(matching, path, &living);
    }
    if company.is_some_and(|company| company.distrust().is_none()) {
        return Presence::Present { main: living.key, candidates: 1 };
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
