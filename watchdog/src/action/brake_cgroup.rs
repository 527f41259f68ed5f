//! Freezing a service's own cgroup: v2's `cgroup.freeze`, v1's freezer.
//!
//! Own means that every process in it and below it is the service's, and that it is not the root:
//! nobody else is ever held. Not here: stopping processes one by one (`brake`).

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use procfs::process::Process;
use rustix::fs::{Mode, OFlags, fstatfs, open, openat};

use crate::identity::ProcessKey;
use crate::process::alive;

/// `CGROUP2_SUPER_MAGIC` and `CGROUP_SUPER_MAGIC` (linux/magic.h).
const V2: i64 = 0x6367_7270;
const V1: i64 = 0x0027_e0eb;
/// Cgroups below the service's own that are looked at; with more of them it counts as shared.
const MOST_FOLDERS: usize = 256;

/// A cgroup that can be frozen.
#[derive(Debug)]
pub(super) struct Freezer {
    pub(super) folder: PathBuf,
    open: OwnedFd,
    v2: bool,
}

impl Freezer {
    /// The cgroup of `process` in the hierarchy that can freeze; v2's before v1's.
    fn all_of(process: ProcessKey) -> Vec<Self> {
        let Some(process) = i32::try_from(process.pid).ok().and_then(|p| Process::new(p).ok())
        else {
            return Vec::new();
        };
        let (Ok(groups), Ok(mounts)) =
            (process.cgroups(), Process::myself().and_then(|own| own.mountinfo()))
        else {
            return Vec::new();
        };
        let mounted = |kind: &str, controller: Option<&str>| {
            mounts.0.iter().find(|mount| {
                mount.fs_type == kind
                    && mount.root == "/"
                    && controller.is_none_or(|name| mount.super_options.contains_key(name))
            })
        };
        let mut found = Vec::new();
        for group in groups.0 {
            let mount = if group.hierarchy == 0 {
                mounted("cgroup2", None)
            } else if group.controllers.iter().any(|name| name == "freezer") {
                mounted("cgroup", Some("freezer"))
            } else {
                continue;
            };
            // Of a foreign namespace, or the root, where everybody is.
            let inner = group.pathname.trim_start_matches('/');
            if let Some(mount) = mount
                && !inner.is_empty()
                && !inner.split('/').any(|part| part == "..")
                && let Ok(freezer) = Self::at(&mount.mount_point.join(inner))
            {
                found.push(freezer);
            }
        }
        found.sort_by_key(|freezer| !freezer.v2);
        found
    }

    /// The cgroup at a folder. `InvalidInput` where the folder is none.
    pub(super) fn at(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = open(folder, flags, Mode::empty())?;
        let v2 = match fstatfs(&open)?.f_type {
            V2 => true,
            V1 => false,
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(Self { folder: folder.to_owned(), open, v2 })
    }

    /// Freezes or thaws everything in it.
    ///
    /// # Errors
    /// The kernel's, by what it cannot be written: no such control, no right.
    pub(super) fn set(&self, frozen: bool) -> io::Result<()> {
        let (name, text) = match (self.v2, frozen) {
            (true, true) => ("cgroup.freeze", "1"),
            (true, false) => ("cgroup.freeze", "0"),
            (false, true) => ("freezer.state", "FROZEN"),
            (false, false) => ("freezer.state", "THAWED"),
        };
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(self.open.as_fd(), name, flags, Mode::empty())?;
        rustix::io::write(&file, text.as_bytes())?;
        Ok(())
    }

    /// Whether somebody has frozen it already: it is not ours to thaw then.
    fn is_frozen(&self) -> bool {
        let name = if self.v2 { "cgroup.freeze" } else { "freezer.state" };
        std::fs::read_to_string(self.folder.join(name))
            .is_ok_and(|text| !matches!(text.trim(), "0" | "THAWED"))
    }

    /// Everybody in it and below it.
    pub(super) fn processes(&self) -> io::Result<Vec<u32>> {
        let mut pids = Vec::new();
        let mut folders = vec![self.folder.clone()];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            seen += 1;
            if seen > MOST_FOLDERS {
                return Err(io::Error::other("too many cgroups below it"));
            }
            let text = std::fs::read_to_string(folder.join("cgroup.procs"))?;
            pids.extend(text.lines().filter_map(|line| line.trim().parse::<u32>().ok()));
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        Ok(pids)
    }
}

/// The cgroup of the service's own that its main process is in, if there is one.
///
/// `members` is asked twice, around the look at the cgroup: who was born meanwhile is known by
/// the second, who died by neither and is dead.
pub(super) fn own(
    main: ProcessKey,
    members: &dyn Fn() -> Vec<ProcessKey>,
) -> Option<(Freezer, HashSet<u32>)> {
    Freezer::all_of(main).into_iter().find_map(|freezer| {
        let mut known: HashSet<u32> = members().iter().map(|key| key.pid).collect();
        let inside = freezer.processes().ok()?;
        known.extend(members().iter().map(|key| key.pid));
        let strangers = inside.iter().any(|pid| !known.contains(pid) && lives(*pid));
        let own = inside.contains(&main.pid) && !strangers && !freezer.is_frozen();
        own.then(|| (freezer, inside.into_iter().collect()))
    })
}

fn lives(pid: u32) -> bool {
    let facts = crate::process::facts(pid);
    match facts {
        Ok(Some(facts)) => alive(facts.key),
        Ok(None) => false,
        Err(_) => true,
    }
}
