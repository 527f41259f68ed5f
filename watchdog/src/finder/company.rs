//! Who is in a service's cgroup, and which of them is the main process.
//!
//! Not here: where the cgroup is and who may fill it (`cgroup`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use super::candidates::describe;
use super::cgroup::{Cgroup, Located, locate};
use super::hierarchy::hierarchies;
use crate::identity::ProcessKey;
use crate::process::{Facts, alive};
use crate::service::{ProcessService, Service};
use crate::systemd::{self, Unit};

/// Processes beside the main process that are enrolled by one look, at most.
const BESIDE: usize = 256;

/// A service's cgroup, as far as the service has one.
#[derive(Debug)]
pub(super) enum Around {
    /// No cgroup names it.
    Nothing,
    /// Its cgroup is not there.
    Missing {
        /// In one line.
        why: String,
        /// Folder and name under which it would be made.
        places: Vec<(PathBuf, OsString)>,
    },
    /// Its cgroup with who is in it.
    Cgroup(Company),
}

/// A cgroup with its processes.
#[derive(Debug)]
pub(super) struct Company {
    cgroup: Cgroup,
    members: BTreeMap<u32, Facts>,
}

impl Around {
    /// Reads the service's cgroup, where it has one.
    ///
    /// # Errors
    /// Where the mount table or a folder cannot be read.
    pub(super) fn of(process: &ProcessService) -> io::Result<Self> {
        if !process.has_cgroup() {
            return Ok(Self::Nothing);
        }
        let hierarchies = hierarchies()?;
        if hierarchies.is_empty() {
            return Err(io::Error::other("no cgroup hierarchy is mounted"));
        }
        Self::in_hierarchies(process, &hierarchies)
    }

    /// The same among given hierarchies.
    pub(super) fn in_hierarchies(
        process: &ProcessService,
        hierarchies: &[super::hierarchy::Hierarchy],
    ) -> io::Result<Self> {
        Ok(match locate(process, hierarchies)? {
            Located::There(cgroup) => Self::Cgroup(Company { members: cgroup.members()?, cgroup }),
            Located::Missing(places) => {
                let why = match (&process.unit, &process.cgroup) {
                    (Some(unit), _) => format!("unit {unit} has no cgroup: it is not running"),
                    (None, Some(path)) => format!("cgroup {} does not exist", path.display()),
                    (None, None) => String::new(),
                };
                Self::Missing { why, places }
            }
        })
    }

    /// The cgroup, where it is there.
    pub(super) fn company(&self) -> Option<&Company> {
        match self {
            Self::Cgroup(company) => Some(company),
            Self::Nothing | Self::Missing { .. } => None,
        }
    }
}

impl Company {
    /// The cgroup's path, as people write it.
    pub(super) fn name(&self) -> String {
        self.cgroup.name.display().to_string()
    }

    /// The kernel's number of the cgroup, in version 2.
    pub(super) fn id(&self) -> Option<u64> {
        self.cgroup.id
    }

    /// Whether this very process is in it.
    pub(super) fn holds(&self, key: ProcessKey) -> bool {
        self.members.get(&key.pid).is_some_and(|facts| facts.key == key)
    }

    /// Everybody in it.
    pub(super) fn keys(&self) -> Vec<ProcessKey> {
        self.members.values().map(|facts| facts.key).collect()
    }

    /// Why this is nobody's own cgroup: whoever acted on it would act on the daemon or on init.
    pub(super) fn not_its_own(&self) -> Option<String> {
        let who = [(1, "the init process"), (std::process::id(), "this daemon")];
        let (_, who) = who.into_iter().find(|(pid, _)| self.members.contains_key(pid))?;
        Some(format!("cgroup {} holds {who}: name a cgroup of the service's own", self.name()))
    }

    /// Why it is not believed, with the cure, where others than root can put processes into it.
    pub(super) fn distrust(&self) -> Option<String> {
        let others = self.cgroup.others.as_ref()?;
        let oldest = self.roots().first().copied();
        let (exe, user) = describe(oldest.map_or(0, |key| key.pid));
        Some(format!(
            "cgroup {} {others}, so what it holds is not believed: \
             add match: {{ exe: {exe}, user: {user} }}",
            self.name()
        ))
    }

    /// The main process and how many there are to choose from, or why there is none.
    pub(super) fn main(
        &self,
        unit: Option<&str>,
        known: Option<ProcessKey>,
    ) -> Result<(ProcessKey, u32), String> {
        let roots = self.roots();
        let Some(oldest) = roots.first() else {
            return Err(format!("no process in cgroup {}", self.name()));
        };
        let candidates = u32::try_from(roots.len()).unwrap_or(u32::MAX);
        let Some(unit) = unit else { return Ok((*oldest, candidates)) };
        if let Some(known) = known.filter(|known| self.holds(*known)) {
            return Ok((known, 1));
        }
        match systemd::ask(unit) {
            Some(Unit { main: Some(pid), .. }) => match self.members.get(&pid) {
                Some(facts) => Ok((facts.key, 1)),
                None => Err(format!("the main process {pid} of unit {unit} is not in its cgroup")),
            },
            // What runs now are the programs before it.
            Some(Unit { main: None, starting: true }) => {
                Err(format!("unit {unit} is being started"))
            }
            Some(Unit { main: None, starting: false }) | None => Ok((*oldest, candidates)),
        }
    }

    /// Processes whose parent is not in it, oldest first.
    fn roots(&self) -> Vec<ProcessKey> {
        let mut roots: Vec<ProcessKey> = self
            .members
            .values()
            .filter(|facts| !self.members.contains_key(&facts.parent))
            .map(|facts| facts.key)
            .collect();
        roots.sort_by_key(|key| (key.start, key.pid));
        roots
    }

    /// Roots besides the main process. Also those that are followed already: under another main
    /// process they are to be followed again.
    pub(super) fn beside(&self, main: ProcessKey) -> Vec<ProcessKey> {
        let mut roots = self.roots();
        // A main process below another of the cgroup: that other is beside it.
        roots.retain(|key| *key != main);
        roots.truncate(BESIDE);
        roots
    }
}

/// Who is in the service's cgroup now. Nobody where it has none, where it is not the service's own,
/// or where others than root can fill it.
pub fn members_by_cgroup(service: &Service) -> Vec<ProcessKey> {
    let Some(process) = service.process() else { return Vec::new() };
    match Around::of(process) {
        Ok(Around::Cgroup(company))
            if company.not_its_own().is_none() && company.cgroup.others.is_none() =>
        {
            company.keys().into_iter().filter(|key| alive(*key)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
