//! One process at one moment, from `/proc/<pid>`: who it is, whether it lives, what it holds of memory.
//!
//! Read on cold paths only (a start, a stop, a look for a main process), never per cycle but for rules
//! about descriptors.

use std::io;

use procfs::ProcError;
use procfs::process::Process;

use crate::identity::ProcessKey;

/// `PF_EXITING` of the kernel's `task->flags`: on its way out, which takes as long as giving back its
/// memory does.
const EXITING: u32 = 0x0000_0004;
/// `PF_KTHREAD` of the kernel's `task->flags`.
pub(crate) const KERNEL_THREAD: u32 = 0x0020_0000;

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Who it is.
    pub key: ProcessKey,
    /// Its parent's pid.
    pub parent: u32,
    /// Its session: the pid of the session's leader.
    pub session: u32,
    /// The program's name, up to 15 bytes of hostile text.
    pub comm: String,
    /// All its threads have exited; it only waits to be reaped.
    pub dead: bool,
    /// Its only thread exits. It holds memory and descriptors still, and serves nobody any more.
    pub ending: bool,
    /// It is a thread of the kernel.
    pub kernel: bool,
}

impl Facts {
    /// Whether this can be a service's process from now on.
    pub(crate) fn can_serve(&self) -> bool {
        !self.dead && !self.ending && !self.kernel
    }
}

/// The process that has this pid now; `None` where there is none.
///
/// # Errors
/// Where `/proc` cannot be read.
pub fn facts(pid: u32) -> io::Result<Option<Facts>> {
    let Ok(number) = i32::try_from(pid) else { return Ok(None) };
    match Process::new(number).and_then(|process| facts_of(&process)) {
        Ok(facts) => Ok(Some(facts)),
        Err(error) => absent_or(error),
    }
}

/// The same of an opened process.
pub(crate) fn facts_of(process: &Process) -> Result<Facts, ProcError> {
    let stat = process.stat()?;
    let number = |signed: i32| u32::try_from(signed).unwrap_or(0);
    Ok(Facts {
        key: ProcessKey { pid: number(stat.pid), start: stat.starttime },
        parent: number(stat.ppid),
        session: number(stat.session),
        // A thread-group leader that has exited shows Z while its other threads still run.
        dead: matches!(stat.state, 'Z' | 'X' | 'x') && stat.num_threads <= 1,
        ending: stat.flags & EXITING != 0 && stat.num_threads <= 1,
        kernel: stat.flags & KERNEL_THREAD != 0,
        comm: stat.comm,
    })
}

/// Whether this very process lives: same pid, same start, not a zombie. Where `/proc` cannot be
/// read the answer is yes: nobody may conclude that a service is gone from what was not seen.
pub fn alive(key: ProcessKey) -> bool {
    match facts(key.pid) {
        Ok(found) => found.is_some_and(|facts| facts.key == key && !facts.dead),
        Err(_) => true,
    }
}

/// Whether this very process was stopped by a signal and not continued.
pub fn is_stopped(key: ProcessKey) -> bool {
    state(key) == Some('T')
}

/// Whether this very process runs no more until somebody lets it: stopped, ended, or waiting where
/// no signal reaches it (for a child of vfork, say).
pub fn stands_still(key: ProcessKey) -> bool {
    !matches!(state(key), Some('R' | 'S'))
}

/// The state of this very process as proc(5) has it; none where it is gone or cannot be read.
fn state(key: ProcessKey) -> Option<char> {
    let stat =
        Process::new(i32::try_from(key.pid).ok()?).and_then(|process| process.stat()).ok()?;
    (stat.starttime == key.start).then_some(stat.state)
}

/// The pids of our parent, its parent, and so on.
pub fn ancestors() -> Vec<u32> {
    let mut all = Vec::new();
    let mut pid = std::process::id();
    // A chain that is longer does not exist; bounded all the same.
    while all.len() < 128
        && let Ok(Some(own)) = facts(pid)
        && own.parent > 0
    {
        pid = own.parent;
        all.push(pid);
    }
    all
}

/// Every process of the host, kernel threads and zombies included.
///
/// # Errors
/// Where `/proc` cannot be listed. A process that vanishes meanwhile is left out.
pub fn snapshot() -> io::Result<Vec<Facts>> {
    let all = procfs::process::all_processes().map_err(into_io)?;
    Ok(all.filter_map(|process| facts_of(&process.ok()?).ok()).collect())
}

/// The process's PSS in bytes, read through its opened folder, which stays that process's; `None` where it has ended. From
/// `/proc/<pid>/smaps_rollup` (Linux 4.14), which waits for the process's memory lock: milliseconds
/// per gigabyte.
///
/// # Errors
/// Where the kernel does not tell it.
pub(crate) fn pss(key: ProcessKey) -> io::Result<Option<u64>> {
    let number = i32::try_from(key.pid).map_err(io::Error::other)?;
    let read = Process::new(number).and_then(|process| {
        let facts = facts_of(&process)?;
        if facts.key != key || facts.dead {
            return Ok(None);
        }
        let rollup = process.smaps_rollup()?;
        let maps = rollup.memory_map_rollup.into_iter();
        Ok(Some(maps.filter_map(|map| map.extension.map.get("Pss").copied()).sum()))
    });
    match read {
        Ok(bytes) => Ok(bytes),
        // It ended between opening its folder and reading the file.
        Err(ProcError::NotFound(_)) if !alive(key) => Ok(None),
        Err(ProcError::Io(error, _)) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn absent_or<T>(error: ProcError) -> io::Result<Option<T>> {
    match error {
        ProcError::NotFound(_) => Ok(None),
        // The process ended between opening its folder and reading the file.
        ProcError::Io(error, _) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        other => Err(into_io(other)),
    }
}

/// A procfs error as an I/O error with its text.
pub(crate) fn into_io(error: ProcError) -> io::Error {
    match error {
        ProcError::Io(error, _) => error,
        ProcError::PermissionDenied(_) => io::ErrorKind::PermissionDenied.into(),
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_live_and_nobody_has_pid_zero() {
        let own = facts(std::process::id()).unwrap().unwrap();
        assert!(alive(own.key) && !own.kernel && !own.dead);
        assert!(!alive(ProcessKey { start: own.key.start + 1, ..own.key }));
        assert_eq!(facts(0).unwrap(), None);
        assert_eq!(facts(u32::MAX).unwrap(), None);
    }

    #[test]
    fn a_zombie_is_dead() {
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        let key = facts(child.id()).unwrap().unwrap().key;
        while alive(key) {
            std::thread::yield_now();
        }
        assert!(facts(key.pid).unwrap().unwrap().dead, "not reaped yet, so still listed");
        child.wait().unwrap();
        assert_eq!(facts(key.pid).unwrap(), None);
    }

    #[test]
    fn our_own_pss_is_above_nothing_and_not_above_rss() {
        let key = facts(std::process::id()).unwrap().unwrap().key;
        let bytes = pss(key).unwrap().expect("we live");
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let rss: u64 = rss.trim().trim_end_matches(" kB").parse().unwrap();
        // Other tests allocate meanwhile.
        assert!(bytes > 100 << 10 && bytes <= (rss << 10) + (64 << 20), "{bytes} of {rss} kB");
        let other = ProcessKey { start: key.start + 1, ..key };
        assert_eq!(pss(other).unwrap(), None, "another process of the same number is not read");
        assert_eq!(pss(ProcessKey { pid: 0x7fff_fff0, start: 1 }).unwrap(), None);
    }
}
