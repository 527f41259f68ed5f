//! The processes that fit a `match:`, and who of them are roots.
//!
//! One walk over `/proc` that reads of each process only as far as needed to say no: the link of
//! the executable, then the arguments, then the user, then who it is. What cannot be read (no right
//! to) does not fit and is counted.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use procfs::ProcError;
use procfs::process::{Process, all_processes};

use super::process::{Facts, facts_of, into_io};
use crate::identity::ProcessKey;
use crate::service::Match;
use crate::sys::account::{user_id, user_name};

/// Longest command line that is looked at, in bytes (a page is usual, 2 MiB possible).
const READ_MAX: u64 = 128 << 10;
/// The kernel's mark behind the path of an executable that was replaced or removed.
const DELETED: &[u8] = b" (deleted)";

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
    roots(matching, all_processes().map_err(into_io)?)
}

/// The same among these processes alone.
///
/// # Errors
/// As [`candidates`].
pub(super) fn among(matching: &Match, keys: &[ProcessKey]) -> io::Result<(Vec<Candidate>, Unseen)> {
    roots(matching, keys.iter().map(|key| open(key.pid)))
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
            let fitting = open(pid).and_then(|process| test.fitting(&process)).ok().flatten();
            next = fitting.map(|(facts, _)| facts.parent);
            if next.is_some() {
                pids.insert(pid);
            }
        }
    }
    roots(matching, pids.into_iter().map(open))
}

fn open(pid: u32) -> Result<Process, ProcError> {
    Process::new(i32::try_from(pid).map_err(|_| ProcError::NotFound(None))?)
}

fn roots(
    matching: &Match,
    processes: impl Iterator<Item = Result<Process, ProcError>>,
) -> io::Result<(Vec<Candidate>, Unseen)> {
    let test = Test::new(matching)?;
    let mut unseen = Unseen::default();
    let mut found: Vec<(Facts, Candidate)> = Vec::new();
    for process in processes {
        match process.and_then(|process| test.fitting(&process)) {
            Ok(Some(fitting)) => found.push(fitting),
            Ok(None) | Err(ProcError::NotFound(_)) => {}
            Err(ProcError::Io(error, _)) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(_) => unseen.0 += 1,
        }
    }
    let fitting: std::collections::BTreeSet<u32> =
        found.iter().map(|(facts, _)| facts.key.pid).collect();
    found.retain(|(facts, _)| !fitting.contains(&facts.parent));
    found.sort_by_key(|(facts, _)| (facts.key.start, facts.key.pid));
    Ok((found.into_iter().map(|(_, candidate)| candidate).collect(), unseen))
}

/// Whether this one process fits (it need not be a root).
///
/// # Errors
/// As [`candidates`], and where this process may not be read.
pub(super) fn fits(matching: &Match, key: ProcessKey) -> io::Result<bool> {
    let test = Test::new(matching)?;
    let Ok(pid) = i32::try_from(key.pid) else { return Ok(false) };
    match Process::new(pid).and_then(|process| test.fitting(&process)) {
        Ok(fitting) => Ok(fitting.is_some_and(|(facts, _)| facts.key == key)),
        Err(ProcError::NotFound(_)) => Ok(false),
        Err(error) => Err(into_io(error)),
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
    arguments: Option<&'a regex::Regex>,
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
            arguments: matching.args.as_ref(),
            uid: matching.user.as_deref().map(user_id).transpose()?,
            own: i32::try_from(std::process::id()).unwrap_or(0),
        })
    }

    fn fitting(&self, process: &Process) -> Result<Option<(Facts, Candidate)>, ProcError> {
        if process.pid() == self.own {
            return Ok(None);
        }
        // Kernel threads have no executable and no arguments.
        let exe = match executable(process) {
            Ok(exe) => exe,
            Err(error) if self.exe.is_some() => return absent_or(error),
            Err(_) => PathBuf::new(),
        };
        if self.exe.as_ref().is_some_and(|glob| !glob.matches_path_with(&exe, GLOB)) {
            return Ok(None);
        }
        let arguments = arguments(process)?;
        if self.arguments.is_some_and(|regex| arguments.is_empty() || !regex.is_match(&arguments)) {
            return Ok(None);
        }
        if let Some(uid) = self.uid
            && effective_user(process)? != uid
        {
            return Ok(None);
        }
        let facts = facts_of(process)?;
        let takes_part = !facts.kernel && !facts.dead;
        Ok(takes_part.then(|| (facts.clone(), Candidate { key: facts.key, exe, arguments })))
    }
}

/// `*` stays within one folder.
const GLOB: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// A process without executable (kernel thread, zombie, gone) does not fit; one that may not be
/// read is an error.
fn absent_or<T>(error: ProcError) -> Result<Option<T>, ProcError> {
    match error {
        ProcError::NotFound(_) => Ok(None),
        other => Err(other),
    }
}

fn executable(process: &Process) -> Result<PathBuf, ProcError> {
    let exe = process.exe()?;
    let bytes = exe.as_os_str().as_bytes();
    Ok(match bytes.strip_suffix(DELETED) {
        Some(path) => Path::new(&OsString::from_vec(path.to_vec())).to_path_buf(),
        None => exe,
    })
}

/// The effective user. Not by procfs' `status`, which refuses a name that is not UTF-8.
fn effective_user(process: &Process) -> Result<u32, ProcError> {
    let status = bytes(process, "status")?;
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"));
    line.and_then(|line| std::str::from_utf8(line).ok()?.split_whitespace().nth(1)?.parse().ok())
        .ok_or_else(|| ProcError::Other("no Uid line".to_owned()))
}

fn bytes(process: &Process, name: &str) -> Result<Vec<u8>, ProcError> {
    let mut bytes = Vec::new();
    process
        .open_relative(name)?
        .take(READ_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| ProcError::Io(error, None))?;
    Ok(bytes)
}

/// Not by procfs' `cmdline`, which refuses what is not UTF-8.
fn arguments(process: &Process) -> Result<String, ProcError> {
    let mut bytes = bytes(process, "cmdline")?;
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    for byte in &mut bytes {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
