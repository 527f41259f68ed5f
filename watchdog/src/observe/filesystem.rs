//! Mounted file systems: where one is mounted, how full it is, and what was read and written.
//!
//! Whether it is mounted is told by the mount table, which no server can hold up. Everything that
//! asks the file system itself goes to a blocking thread and is waited for a few seconds; while one
//! such call hangs no second one is made for the service. Not here: what is too full (`check`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{StatVfs, major, minor, statvfs};

use super::Scene;
use crate::check;
use crate::check::filesystem::{Counts, Facts, Filesystem, Rates, Space};
use crate::clock::boot_id;
use crate::clock::boot_now;
use crate::escape;
use crate::mounts::{Mount, mounts};

mod counts;

/// How long a file system may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Looks for it and at it.
pub(super) async fn observe(scene: &Arc<Scene>, what: &Filesystem) -> Facts {
    let before = match scene.before.as_ref().map(|before| &before.facts) {
        Some(check::Facts::Filesystem(facts)) if facts.source == what.source => (**facts).clone(),
        _ => Facts::default(),
    };
    let source = what.source.clone();
    let unknown = |trouble: Option<String>| Facts {
        source: source.clone(),
        flags: before.flags.clone(),
        trouble,
        ..Facts::default()
    };
    let named = source.clone();
    let table = tokio::task::spawn_blocking(move || {
        mounts().map(|mounts| chosen(&mounts, OsStr::new(&named), None).cloned())
    });
    let mount = match table.await {
        Ok(Ok(mount)) => mount,
        Ok(Err(error)) => return unknown(Some(format!("the mount table: {error}"))),
        Err(_) => return unknown(None),
    };
    let mut facts = mount.as_ref().map_or_else(|| unknown(None), |mount| mounted(&source, mount));
    // Resolving a name may hang as well as asking the file system.
    let (named, known, seen) = (source.clone(), mount.clone(), Arc::clone(scene));
    let call = scene
        .tools
        .calls
        .begin_one(&scene.service.name, "filesystem", move || ask(&seen, &named, known));
    let answer = match call {
        Some(call) => tokio::time::timeout(ANSWER, call).await,
        None => {
            facts.trouble = Some("an earlier look at it still hangs".to_owned());
            return facts;
        }
    };
    match answer {
        Ok(Ok(Answer::Gone)) => Facts { exists: Some(false), ..unknown(None) },
        Ok(Ok(Answer::There { mount, space, counts, attributes })) => {
            facts = mounted(&source, &mount);
            facts.attributes = attributes;
            match space {
                Ok(numbers) => (facts.space, facts.inodes) = spaces(&numbers),
                Err(why) => facts.trouble = Some(why),
            }
            let former = before.counts.filter(|_| before.device == facts.device);
            facts.rates = former.zip(counts.as_ref()).and_then(|(f, c)| Rates::between(&f, c));
            facts.counts = counts;
            facts
        }
        Ok(Err(_)) => facts,
        Err(_) => {
            facts.trouble = Some(format!("no answer within {} s", ANSWER.as_secs()));
            facts
        }
    }
}

/// What a file system's own answer was.
enum Answer {
    /// Nothing of this name is mounted.
    Gone,
    There {
        mount: Box<Mount>,
        space: Result<StatVfs, String>,
        counts: Option<Counts>,
        attributes: Option<Box<check::file::Facts>>,
    },
}

/// Asks the file system. May hang.
fn ask(scene: &Scene, source: &str, known: Option<Mount>) -> Answer {
    let Some(mount) = known.or_else(|| resolved(source)) else { return Answer::Gone };
    let space = statvfs(Path::new(&mount.place)).map_err(|error| error.to_string());
    let counts = counts::read(&mount).map(|counts| Counts {
        boot: boot_id().unwrap_or_default(),
        at: boot_now().0,
        ..counts
    });
    // Of the path as it is configured, as in Monit: of a device its node.
    let path = Path::new(source);
    let attributes = path.is_absolute().then(|| super::file::attributes(scene, path)).flatten();
    let attributes = attributes.map(Box::new);
    Answer::There { mount: Box::new(mount), space, counts, attributes }
}

/// By another name for the same place or device, such as `/dev/disk/by-uuid/…`.
fn resolved(source: &str) -> Option<Mount> {
    let path = Path::new(source).is_absolute().then(|| Path::new(source).canonicalize())?.ok()?;
    let device = device_of(&path);
    let mounts = mounts().ok()?;
    chosen(&mounts, path.as_os_str(), device).cloned()
}

/// The number of a block device.
pub(super) fn device_of(path: &Path) -> Option<(u32, u32)> {
    let data = std::fs::metadata(path).ok()?;
    data.file_type().is_block_device().then(|| (major(data.rdev()), minor(data.rdev())))
}

/// The mount that is meant: the last one at the place of this name, since it hides those before;
/// else the first one of a device or source of this name.
fn chosen<'a>(mounts: &'a [Mount], name: &OsStr, device: Option<(u32, u32)>) -> Option<&'a Mount> {
    // What is mounted only when somebody looks is not mounted.
    let real = || mounts.iter().filter(|mount| mount.kind != "autofs");
    let place = trimmed(name);
    if let Some(mount) = real().rfind(|mount| mount.place == place) {
        return Some(mount);
    }
    let is_path = name.as_bytes().starts_with(b"/");
    let is_source = |mount: &&Mount| {
        // Any user may call what he mounts by FUSE as he likes.
        let fake = is_path && mount.kind.starts_with("fuse") && mount.kind != "fuseblk";
        !fake && (mount.source == name || device == Some(mount.device))
    };
    // A mount that shows the whole of it before one that shows a part.
    real().filter(is_source).find(|mount| mount.root == "/").or_else(|| real().find(is_source))
}

/// Without slashes at the end, as the table writes places.
fn trimmed(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    let end = bytes.iter().rposition(|byte| *byte != b'/').map_or(1, |last| last + 1);
    OsStr::from_bytes(bytes.get(..end).unwrap_or(bytes)).to_owned()
}

/// What the table says.
fn mounted(source: &str, mount: &Mount) -> Facts {
    let text = |text: &OsStr| escape::bytes(text.as_bytes());
    let mut flags: Vec<&str> = Vec::new();
    for option in mount.options.split(',').chain(mount.super_options.split(',')) {
        if !flags.contains(&option) {
            flags.push(option);
        }
    }
    Facts {
        exists: Some(true),
        source: source.to_owned(),
        place: Some(text(&mount.place)),
        device: Some(text(&mount.source)),
        kind: Some(mount.kind.clone()),
        flags: Some(flags.join(",")),
        ..Facts::default()
    }
}

/// Space in bytes, and inodes where there is a limit on them.
fn spaces(numbers: &StatVfs) -> (Option<Space>, Option<Space>) {
    let block = if numbers.f_frsize > 0 { numbers.f_frsize } else { numbers.f_bsize };
    let bytes = |blocks: u64| blocks.saturating_mul(block);
    let space = Space {
        total: bytes(numbers.f_blocks),
        free: bytes(numbers.f_bfree),
        available: bytes(numbers.f_bavail),
    };
    let inodes =
        Space { total: numbers.f_files, free: numbers.f_ffree, available: numbers.f_favail };
    (Some(space), Some(inodes).filter(|inodes| inodes.total > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounts::parse;

    const TABLE: &[u8] =
        b"27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n\
        30 27 8:2 /sub /part rw - ext4 /dev/sda2 rw\n\
        31 27 8:2 / /data\\040x rw,noatime - ext4 /dev/sda2 rw\n\
        32 27 0:50 / /mnt rw - autofs systemd-1 rw,fd=3\n\
        33 27 0:51 / /mnt/nas rw - nfs4 nas:/export rw,vers=4.2\n\
        34 27 0:52 / /home/u/m rw,user_id=1000 - fuse.evil /dev/sdb1 rw\n\
        35 27 0:53 / /data\\040x ro - tmpfs tmpfs rw,size=8k\n\
        36 27 0:54 / /bt rw - btrfs /dev/sdc rw\n";

    fn id(name: &str, device: Option<(u32, u32)>) -> Option<u64> {
        chosen(&parse(TABLE), OsStr::new(name), device).map(|mount| mount.id)
    }

    #[test]
    fn a_place_a_device_or_a_source() {
        assert_eq!(id("/", None), Some(27));
        assert_eq!(id("/data x/", None), Some(35), "the last mount hides those before");
        assert_eq!(id("/dev/sda2", None), Some(31), "the whole before a part");
        assert_eq!(id("nas:/export", None), Some(33));
        assert_eq!(id("/mnt", None), None, "mounted when somebody looks is not mounted");
        assert_eq!(id("/dev/sdb1", None), None, "any user can name what he mounts by FUSE");
        assert_eq!(id("/dev/disk/by-uuid/x", Some((8, 1))), Some(27));
        assert_eq!(id("/nowhere", None), None);
    }

    #[test]
    fn flags_are_those_of_the_mount_and_of_the_file_system() {
        let mount = parse(TABLE).into_iter().next().expect("a line");
        let facts = mounted("/", &mount);
        assert_eq!(facts.flags.as_deref(), Some("rw,relatime,errors=remount-ro"));
        assert_eq!((facts.exists, facts.device.as_deref()), (Some(true), Some("/dev/sda1")));
    }
}
