//! The cgroup of a service: where it is, whose it is, and who is in it.
//!
//! Read from the tree of folders itself: no bus, no program, and nothing that could hang. Folders are
//! held open while they are read, so that a cgroup that was removed and made again under the same
//! name is never taken for the former one. A cgroup says who is signalled, so it counts only
//! where nobody but root can put processes into it. Not here: which of them is the main process.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags, Stat, fstat, openat, statat};

use super::hierarchy::Hierarchy;
use crate::process::{Facts, facts};
use crate::service::ProcessService;
use crate::sys::account::user_name;

/// Folders looked at, at most, below a service's cgroup or in search of a unit's.
const FOLDERS: usize = 4096;
/// Depth of them.
const DEPTH: usize = 16;
/// Bytes of one list of processes: half a million pids.
const LIST: u64 = 4 << 20;
/// Who is in it.
const PROCESSES: &str = "cgroup.procs";
/// The same by thread, in version 1.
const TASKS: &str = "tasks";
const FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A service's cgroup, held open.
#[derive(Debug)]
pub(super) struct Cgroup {
    folder: OwnedFd,
    unified: bool,
    /// As people know it: below the root of its hierarchy.
    pub(super) name: PathBuf,
    /// The kernel's number of it, in version 2.
    pub(super) id: Option<u64>,
    /// Who besides root can put processes into it, as half a sentence.
    pub(super) others: Option<String>,
}

/// Where a service's cgroup is.
#[derive(Debug)]
pub(super) enum Located {
    /// It is there.
    There(Cgroup),
    /// It is not there; it would be made under these names in these folders.
    Missing(Vec<(PathBuf, OsString)>),
}

/// The cgroup that `unit` or `cgroup` names, in the first hierarchy where it holds processes, else
/// in the first where it is.
///
/// # Errors
/// Where a folder cannot be read.
pub(super) fn locate(process: &ProcessService, hierarchies: &[Hierarchy]) -> io::Result<Located> {
    let mut empty = None;
    let mut places = Vec::new();
    for hierarchy in hierarchies {
        let path = match (&process.unit, &process.cgroup) {
            (Some(unit), _) => unit_path(&hierarchy.root, unit)?,
            (None, Some(path)) => path.strip_prefix("/").unwrap_or(path).to_path_buf(),
            (None, None) => continue,
        };
        match open(hierarchy, &path)? {
            Some(cgroup) if cgroup.pids().is_ok_and(|pids| !pids.is_empty()) => {
                return Ok(Located::There(cgroup));
            }
            Some(cgroup) => empty = empty.or(Some(cgroup)),
            None => places.extend(place(&hierarchy.root, &path)),
        }
    }
    Ok(empty.map_or(Located::Missing(places), Located::There))
}

/// The folder that is there, and the name that would come into it.
fn place(root: &Path, path: &Path) -> Option<(PathBuf, OsString)> {
    let mut folder = root.to_path_buf();
    for part in path {
        let next = folder.join(part);
        if !next.is_dir() {
            return Some((folder, part.to_owned()));
        }
        folder = next;
    }
    None
}

/// Opens folder by folder, and looks at each whose it is.
fn open(hierarchy: &Hierarchy, path: &Path) -> io::Result<Option<Cgroup>> {
    let mut folder = rustix::fs::open(&hierarchy.root, FLAGS, Mode::empty())?;
    let mut others = None;
    let mut left = path.iter().count();
    for part in path {
        // In version 2 a process moves only where its mover may write to the common ancestor's
        // list: whoever owns the last folder cannot bring in anybody from outside.
        others = others.or(whose(&folder)?);
        folder = match openat(&folder, part, FLAGS, Mode::empty()) {
            Ok(next) => next,
            Err(error) if is_gone(error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        left -= 1;
        if left == 0 && !hierarchy.unified {
            others = others.or(whose(&folder)?);
        }
    }
    let id = hierarchy.unified.then(|| fstat(&folder).map(|stat| stat.st_ino)).transpose()?;
    let name = Path::new("/").join(path);
    Ok(Some(Cgroup { folder, unified: hierarchy.unified, name, id, others }))
}

fn is_gone(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NODEV)
}

/// Who besides root can move processes by this folder.
fn whose(folder: &OwnedFd) -> io::Result<Option<String>> {
    let own = fstat(folder)?;
    let mut found = others(&own);
    for name in [PROCESSES, TASKS] {
        match statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => found = found.or(others(&stat)),
            Err(error) if is_gone(error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

fn others(stat: &Stat) -> Option<String> {
    if stat.st_uid != 0 {
        return Some(format!("belongs to '{}'", user_name(stat.st_uid)));
    }
    // Root's own group is root.
    let writable = stat.st_mode & 0o002 != 0 || (stat.st_mode & 0o020 != 0 && stat.st_gid != 0);
    writable.then(|| "can be written by others than root".to_owned())
}

impl Cgroup {
    /// The processes in it and in the cgroups below it, by pid. Only such as still were in it after
    /// they had been looked at: a pid may be another process a moment later.
    ///
    /// # Errors
    /// Where a list cannot be read, or is longer than it may be.
    pub(super) fn members(&self) -> io::Result<BTreeMap<u32, Facts>> {
        let mut found = BTreeMap::new();
        for pid in self.pids()? {
            if let Some(facts) = facts(pid)?.filter(|facts| !facts.dead && !facts.kernel) {
                found.insert(pid, facts);
            }
        }
        if !found.is_empty() {
            let still: std::collections::BTreeSet<u32> = self.pids()?.into_iter().collect();
            found.retain(|pid, _| still.contains(pid));
        }
        Ok(found)
    }

    fn pids(&self) -> io::Result<Vec<u32>> {
        let mut pids = Vec::new();
        let mut folders = VecDeque::from([(self.folder.try_clone()?, 0)]);
        let mut seen = 1;
        while let Some((folder, depth)) = folders.pop_front() {
            read_list(&folder, &mut pids)?;
            if depth == DEPTH {
                continue;
            }
            for name in subfolders(&folder)? {
                if seen == FOLDERS {
                    return Err(io::Error::other(format!("more than {FOLDERS} cgroups below it")));
                }
                seen += 1;
                match openat(&folder, &name, FLAGS, Mode::empty()) {
                    // In version 1 the owner of a folder can bring in any process of his own.
                    Ok(below) if self.unified || whose(&below)?.is_none() => {
                        folders.push_back((below, depth + 1));
                    }
                    Ok(_) => {}
                    Err(error) if is_gone(error) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(pids)
    }
}

/// The pids of one folder. 0 is a process outside of our pid namespace.
fn read_list(folder: &OwnedFd, pids: &mut Vec<u32>) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let list = match openat(folder, PROCESSES, flags, Mode::empty()) {
        Ok(list) => list,
        Err(error) if is_gone(error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut text = Vec::new();
    match std::fs::File::from(list).take(LIST + 1).read_to_end(&mut text) {
        Ok(_) => {}
        // Removed meanwhile; or a threaded cgroup, whose processes its domain lists.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENODEV | libc::EOPNOTSUPP)) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    if text.len() as u64 > LIST {
        return Err(io::Error::other("too many processes in it"));
    }
    let lines = text.split(|byte| *byte == b'\n');
    let number = |line: &[u8]| std::str::from_utf8(line).ok()?.trim().parse::<u32>().ok();
    pids.extend(lines.filter_map(number).filter(|pid| *pid != 0));
    Ok(())
}

fn subfolders(folder: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder.as_fd())? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if is_gone(error) => break,
            Err(error) => return Err(error.into()),
        };
        let name = entry.file_name().to_bytes();
        let is_folder = entry.file_type() == rustix::fs::FileType::Directory;
        if is_folder && name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

/// Where a unit's cgroup is, below the root of a hierarchy. Units are in slices only, and folders of
/// slices are systemd's: what users made further down is not walked into. Where it is nowhere, the
/// place that it usually has.
fn unit_path(root: &Path, unit: &str) -> io::Result<PathBuf> {
    // systemd puts a `_` before names that would be files of the kernel (`cpu.service`).
    let names = [unit.to_owned(), format!("_{unit}")];
    let mut slices = VecDeque::from([PathBuf::from("system.slice"), PathBuf::new()]);
    let mut seen = 0;
    while let Some(slice) = slices.pop_front() {
        let here = root.join(&slice);
        if let Some(name) = names.iter().find(|name| here.join(name).is_dir()) {
            return Ok(slice.join(name));
        }
        let folder = match rustix::fs::open(&here, FLAGS, Mode::empty()) {
            Ok(folder) => folder,
            Err(error) if is_gone(error) => continue,
            Err(error) => return Err(error.into()),
        };
        let depth = slice.iter().count();
        for name in subfolders(&folder)? {
            let path = slice.join(&name);
            let known = path == Path::new("system.slice");
            let slice = name.as_bytes().ends_with(b".slice") && !known;
            if slice && depth < DEPTH && seen < FOLDERS {
                seen += 1;
                slices.push_back(path);
            }
        }
    }
    Ok(Path::new("system.slice").join(unit))
}
