//! What would tell at once that somebody else has started a service: the executable's file and the
//! cgroup as the kernel knows them, and the folders where the service would be named.
//!
//! Hints only: whoever follows one looks again. What cannot be told is found by the look in each
//! cycle.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::company::Around;
use super::hierarchy::device_of_mount;
use crate::message::Presence;
use crate::sensor::WantBy;
use crate::service::ProcessService;

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The folder, which is there.
    pub folder: PathBuf,
    /// What would come or change in it.
    pub name: OsString,
}

/// The traces of a service. By the file that its main process runs, where it is there; else by the
/// one that the configuration names.
pub(super) fn of(
    process: &ProcessService,
    presence: &Presence,
    around: &Around,
) -> (Vec<WantBy>, Vec<Place>) {
    let mut by = Vec::new();
    if let Presence::Present { main, .. } = presence {
        by.extend(file(Path::new(&format!("/proc/{}/exe", main.pid))));
    } else if let Some(exe) = process.matching.as_ref().and_then(|matching| matching.exe.as_ref())
        && glob::Pattern::escape(exe) == *exe
    {
        by.extend(file(Path::new(exe)));
    }
    let mut places = Vec::new();
    match around {
        Around::Cgroup(company) => by.extend(company.id().map(WantBy::Cgroup)),
        Around::Missing { places: missing, .. } => {
            let place = |(folder, name): &(PathBuf, OsString)| Place {
                folder: folder.clone(),
                name: name.clone(),
            };
            places.extend(missing.iter().map(place));
        }
        Around::Nothing => {}
    }
    if let Some(path) = &process.pidfile {
        places.extend(nearest(path));
    }
    (by, places)
}

/// The file system's own device number and the inode. Where a file system numbers inodes otherwise
/// inside than outside (overlayfs over several disks), the kernel never reports it, and the look in
/// each cycle finds the service.
fn file(path: &Path) -> Option<WantBy> {
    let wanted = StatxFlags::INO | StatxFlags::MNT_ID;
    let stat = statx(CWD, path, AtFlags::empty(), wanted).ok()?;
    let device = device_of_mount(stat.stx_mnt_id).ok()??;
    Some(WantBy::File { device, inode: stat.stx_ino })
}

/// The folder of a file, or the nearest one above it that is there.
fn nearest(path: &Path) -> Option<Place> {
    let mut name = path.file_name()?;
    let mut folder = path.parent()?;
    while !folder.is_dir() {
        name = folder.file_name()?;
        folder = folder.parent()?;
    }
    Some(Place { folder: folder.to_path_buf(), name: name.to_owned() })
}
