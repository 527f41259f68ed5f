//! The processes that fit a `match:`, and who of them are roots.
//!
//! One walk over `/proc` that reads of each process only as far as needed to say no: the link of
//! the executable, then the arguments, then the user, then who it is. What cannot be read (no right
//! to) does not fit and is counted.

mod choice;
mod reading;

use std::io;
use std::path::{Path, PathBuf};

use procfs::ProcError;
use procfs::process::{Process, all_processes};

use crate::identity::ProcessKey;
use crate::process::{Facts, into_io};
use crate::service::{Match, Matcher, Pattern};
use crate::sys::account::{user_id, user_name};
use choice::Choice;
use reading::{Fault, Reading, effective_user, executable};

/// A root that fits: its parent does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The process.
    pub key: ProcessKey,
    /// Its executable, ` (deleted)` removed; empty where it may not be read.
    pub exe: PathBuf,
    /// Its arguments joined by one space.
    pub arguments: String,
}

/// How many processes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unseen(pub usize);

/// The roots that fit, oldest first.
///
/// # Errors
/// An unknown user, a wrong glob, or an unreadable `/proc`.
pub fn candidates(matching: &Match) -> io::Result<(Vec<Candidate>, Unseen)> {
    let all = all_processes().map_err(into_io)?;
    sift(&[Test::new(matching)?], all).pop().ok_or_else(|| io::ErrorKind::Other.into())
}

/// The same for each of these, all in one walk: each process is read once, and only as far as any of
/// them asks.
pub(super) fn candidates_of_all(matchings: &[&Match]) -> Vec<io::Result<(Vec<Candidate>, Unseen)>> {
    let mut tests = Vec::new();
    let places: Vec<io::Result<()>> =
        matchings.iter().map(|matching| Test::new(matching).map(|test| tests.push(test))).collect();
    let all = match all_processes().map_err(into_io) {
        Ok(all) => all,
        Err(error) => {
            let again = || Err(io::Error::new(error.kind(), error.to_string()));
            return matchings.iter().map(|_| again()).collect();
        }
    };
    let mut found = sift(&tests, all).into_iter();
    // In the order of the tests: those that are no test are left out of it.
    places.into_iter().map(|place| place.map(|()| found.next().unwrap_or_default())).collect()
}

/// The same among these processes alone.
///
/// # Errors
/// As [`candidates`].
pub(super) fn among(matching: &Match, keys: &[ProcessKey]) -> io::Result<(Vec<Candidate>, Unseen)> {
    let processes = keys.iter().map(|key| open(key.pid));
    sift(&[Test::new(matching)?], processes).pop().ok_or_else(|| io::ErrorKind::Other.into())
}

/// The same among these processes and those of their ancestors that fit: a fork of a server is not
/// its root.
///
/// # Errors
/// As [`candidates`].
pub(super) fn among_families(
    matching: &Match,
    keys: &[ProcessKey],
) -> io::Result<(Vec<Candidate>, Unseen)> {
    let test = Test::new(matching)?;
    let mut pids = std::collections::BTreeSet::new();
    for key in keys {
        let mut next = Some(key.pid);
        while let Some(pid) = next.filter(|pid| !pids.contains(pid)) {
            let process = open(pid).ok();
            let fitting = process.and_then(|process| test.fitting(&Reading::of(&process)).ok()?);
            next = fitting.map(|(facts, _)| facts.parent);
            if next.is_some() {
                pids.insert(pid);
            }
        }
    }
    sift(&[test], pids.into_iter().map(open)).pop().ok_or_else(|| io::ErrorKind::Other.into())
}

fn open(pid: u32) -> Result<Process, ProcError> {
    Process::new(i32::try_from(pid).map_err(|_| ProcError::NotFound(None))?)
}

/// For each test the roots that fit it.
fn sift(
    tests: &[Test<'_>],
    processes: impl Iterator<Item = Result<Process, ProcError>>,
) -> Vec<(Vec<Candidate>, Unseen)> {
    let mut found: Vec<(Vec<(Facts, Candidate)>, Unseen)> = Vec::new();
    found.resize_with(tests.len(), Default::default);
    let choice = Choice::of(tests);
    for process in processes {
        let process = match process.map_err(Fault::from) {
            Ok(process) => process,
            Err(Fault::Gone) => continue,
            Err(Fault::Unread(_)) => {
                found.iter_mut().for_each(|(_, unseen)| unseen.0 += 1);
                continue;
            }
        };
        let reading = Reading::of(&process);
        for nth in choice.for_process(&reading) {
            let (fitting, unseen) = &mut found[nth];
            match tests[nth].fitting(&reading) {
                Ok(fits) => fitting.extend(fits),
                Err(Fault::Gone) => {}
                Err(Fault::Unread(_)) => unseen.0 += 1,
            }
        }
    }
    found.into_iter().map(|(fitting, unseen)| (roots(fitting), unseen)).collect()
}

/// Those whose parent does not fit, oldest first.
fn roots(mut found: Vec<(Facts, Candidate)>) -> Vec<Candidate> {
    let fitting: std::collections::BTreeSet<u32> =
        found.iter().map(|(facts, _)| facts.key.pid).collect();
    found.retain(|(facts, _)| !fitting.contains(&facts.parent));
    found.sort_by_key(|(facts, _)| (facts.key.start, facts.key.pid));
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Whether this one process fits (it need not be a root).
///
/// # Errors
/// As [`candidates`], and where this process may not be read.
pub(super) fn fits(matching: &Match, key: ProcessKey) -> io::Result<bool> {
    let test = Test::new(matching)?;
    let Ok(pid) = i32::try_from(key.pid) else { return Ok(false) };
    let process = Process::new(pid).map_err(Fault::from);
    match process.and_then(|process| test.fitting(&Reading::of(&process))) {
        Ok(fitting) => Ok(fitting.is_some_and(|(facts, _)| facts.key == key)),
        Err(Fault::Gone) => Ok(false),
        Err(Fault::Unread(error)) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}

/// Executable and user of a process as a cure in a message names them.
pub(super) fn describe(pid: u32) -> (String, String) {
    let process = i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok());
    let exe = process.as_ref().and_then(|process| executable(process).ok());
    let user = process.and_then(|process| effective_user(&process).ok());
    (
        exe.map_or_else(|| "/path/of/program".to_owned(), |exe| exe.display().to_string()),
        user.map_or_else(|| "name".to_owned(), user_name),
    )
}

/// A `match:` made ready for many processes.
struct Test<'a> {
    exe: Option<glob::Pattern>,
    arguments: Option<Matcher<'a>>,
    uid: Option<u32>,
    own: i32,
}

impl<'a> Test<'a> {
    fn new(matching: &'a Match) -> io::Result<Self> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        Ok(Self {
            exe: matching
                .exe
                .as_deref()
                .map(|exe| glob::Pattern::new(exe).map_err(|error| invalid(error.to_string())))
                .transpose()?,
            arguments: matching.args.as_ref().map(Pattern::matcher),
            uid: matching.user.as_deref().map(user_id).transpose()?,
            own: i32::try_from(std::process::id()).unwrap_or(0),
        })
    }

    fn fitting(&self, reading: &Reading<'_>) -> Result<Option<(Facts, Candidate)>, Fault> {
        if reading.process.pid() == self.own {
            return Ok(None);
        }
        // Kernel threads have no executable and no arguments.
        let exe = match (reading.executable(), &self.exe) {
            (Ok(exe), Some(glob)) if !glob.matches_path_with(exe, GLOB) => return Ok(None),
            (Ok(exe), _) => exe,
            (Err(fault), Some(_)) => return Err(fault),
            (Err(_), None) => Path::new(""),
        };
        let arguments = reading.arguments()?;
        if self
            .arguments
            .as_ref()
            .is_some_and(|one| arguments.is_empty() || !one.is_match(arguments))
        {
            return Ok(None);
        }
        if let Some(uid) = self.uid
            && reading.effective_user()? != uid
        {
            return Ok(None);
        }
        let facts = reading.facts()?;
        let takes_part = facts.can_serve();
        let candidate =
            || Candidate { key: facts.key, exe: exe.to_owned(), arguments: arguments.to_owned() };
        Ok(takes_part.then(|| (facts.clone(), candidate())))
    }
}

/// `*` stays within one folder.
const GLOB: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};
