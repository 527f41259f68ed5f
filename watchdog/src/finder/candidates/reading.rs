//! One process as `match` sees it: each thing is read when it is first asked for, and once.
//!
//! Not here: what fits (`candidates`).

use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use procfs::ProcError;
use procfs::process::Process;

use crate::process::{Facts, facts_of, into_io};

/// Longest command line that is looked at, in bytes (a page is usual, 2 MiB possible).
const READ_MAX: u64 = 128 << 10;
/// The kernel's mark behind the path of an executable that was replaced or removed.
const DELETED: &[u8] = b" (deleted)";

/// Why something of a process was not read.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// It is gone, or it has none of it: a kernel thread, a zombie.
    Gone,
    /// It may not be read.
    Unread(Rc<io::Error>),
}

impl From<ProcError> for Fault {
    fn from(error: ProcError) -> Self {
        match error {
            ProcError::NotFound(_) => Self::Gone,
            ProcError::Io(error, _) if error.raw_os_error() == Some(libc::ESRCH) => Self::Gone,
            error => Self::Unread(Rc::new(into_io(error))),
        }
    }
}

/// One process, of which each thing is read when it is first asked for.
pub(super) struct Reading<'a> {
    pub(super) process: &'a Process,
    executable: OnceCell<Result<PathBuf, Fault>>,
    arguments: OnceCell<Result<String, Fault>>,
    user: OnceCell<Result<u32, Fault>>,
    facts: OnceCell<Result<Facts, Fault>>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(process: &'a Process) -> Self {
        let (executable, arguments, user, facts) = Default::default();
        Self { process, executable, arguments, user, facts }
    }

    pub(super) fn executable(&self) -> Result<&Path, Fault> {
        let read = self.executable.get_or_init(|| Ok(executable(self.process)?));
        read.as_deref().map_err(Fault::clone)
    }

    pub(super) fn arguments(&self) -> Result<&str, Fault> {
        let read = self.arguments.get_or_init(|| Ok(arguments(self.process)?));
        read.as_deref().map_err(Fault::clone)
    }

    pub(super) fn effective_user(&self) -> Result<u32, Fault> {
        self.user.get_or_init(|| Ok(effective_user(self.process)?)).clone()
    }

    pub(super) fn facts(&self) -> Result<&Facts, Fault> {
        self.facts.get_or_init(|| Ok(facts_of(self.process)?)).as_ref().map_err(Fault::clone)
    }
}

pub(super) fn executable(process: &Process) -> Result<PathBuf, ProcError> {
    let exe = process.exe()?;
    let bytes = exe.as_os_str().as_bytes();
    Ok(match bytes.strip_suffix(DELETED) {
        Some(path) => Path::new(&OsString::from_vec(path.to_vec())).to_path_buf(),
        None => exe,
    })
}

/// The effective user. Not by procfs' `status`, which refuses a name that is not UTF-8.
pub(super) fn effective_user(process: &Process) -> Result<u32, ProcError> {
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
