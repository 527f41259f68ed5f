//! Where this host has its cgroups: version 2, version 1, or both beside each other.
//!
//! Told by the mount table alone. Not here: which cgroup is a service's, and who is in it (`cgroup`).

use std::io;
use std::path::PathBuf;

use crate::mounts::{Mount, TABLE};

/// One hierarchy of cgroups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Where it is mounted.
    pub(super) root: PathBuf,
    /// Whether it is version 2: the kernel itself keeps outsiders out of a delegated part of it.
    pub(super) unified: bool,
    /// Lower is asked first: version 2, then systemd's own of version 1, then the controllers'.
    rank: u8,
}

/// The hierarchies of this host, in the order in which to ask them.
///
/// # Errors
/// Where the mount table cannot be read.
pub(super) fn hierarchies() -> io::Result<Vec<Hierarchy>> {
    std::fs::read(TABLE).map(|mounts| parse(&mounts))
}

/// The versions of cgroups on this host: 1, 2 or both.
///
/// # Errors
/// Where the mount table cannot be read.
pub(crate) fn versions() -> io::Result<Vec<u8>> {
    hierarchies().map(|all| versions_of(&all))
}

fn versions_of(hierarchies: &[Hierarchy]) -> Vec<u8> {
    let mut versions: Vec<u8> =
        hierarchies.iter().map(|one| if one.unified { 2 } else { 1 }).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

/// From the text of a mount table. A mount that shows only a part of its hierarchy comes after one
/// that shows it whole.
pub(super) fn parse(mounts: &[u8]) -> Vec<Hierarchy> {
    let mut found: Vec<(bool, Hierarchy)> =
        mounts.split(|byte| *byte == b'\n').filter_map(mount).collect();
    found.sort_by_key(|(part, hierarchy)| (hierarchy.rank, *part));
    found.into_iter().map(|(_, hierarchy)| hierarchy).collect()
}

/// One line of the mount table, where it is a cgroup hierarchy: whether it shows only a part of it.
fn mount(line: &[u8]) -> Option<(bool, Hierarchy)> {
    let mount = Mount::parse(line)?;
    let named = |name: &str| mount.super_options.split(',').any(|option| option == name);
    let (unified, rank) = match mount.kind.as_str() {
        "cgroup2" => (true, 0),
        "cgroup" if named("name=systemd") => (false, 1),
        "cgroup" => (false, 2),
        _ => return None,
    };
    Some((mount.root != "/", Hierarchy { root: mount.place.into(), unified, rank }))
}

/// Where the mount table shows a file system's own device number: `major << 20 | minor`, by the
/// number of the mount. A file's `st_dev` is another one on btrfs, for one.
pub(super) fn device_of_mount(id: u64) -> io::Result<Option<u32>> {
    let mounts = std::fs::read(TABLE)?;
    Ok(mounts.split(|byte| *byte == b'\n').find_map(|line| device(line, id)))
}

fn device(line: &[u8], id: u64) -> Option<u32> {
    let mut fields = std::str::from_utf8(line.get(..line.len().min(64))?.trim_ascii())
        .unwrap_or_default()
        .split(' ');
    if fields.next()?.parse() != Ok(id) {
        return None;
    }
    let (major, minor) = fields.nth(1)?.split_once(':')?;
    let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    (major < 1 << 12 && minor < 1 << 20).then_some(major << 20 | minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(mounts: &str) -> Vec<(String, bool)> {
        let found = parse(mounts.as_bytes());
        found.into_iter().map(|h| (h.root.display().to_string(), h.unified)).collect()
    }

    #[test]
    fn the_three_layouts_are_told_apart() {
        let pure =
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(roots(pure), [("/sys/fs/cgroup".to_owned(), true)]);
        let hybrid = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                      32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                      40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime a:1 b:2 - cgroup2 cgroup2 rw\n";
        let names: Vec<_> = roots(hybrid).into_iter().map(|(root, _)| root).collect();
        assert_eq!(
            names,
            ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/cpu"]
        );
        let legacy = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
        assert_eq!(roots(legacy), [("/sys/fs/cgroup/systemd".to_owned(), false)]);
        let part =
            "9 1 0:1 /docker/x /part rw - cgroup2 none rw\n10 1 0:1 / /whole rw - cgroup2 none rw";
        assert_eq!(roots(part)[0].0, "/whole");
    }

    #[test]
    fn versions_of_control_groups() {
        let control_groups = |mounts: &str| versions_of(&parse(mounts.as_bytes()));
        let one = "34 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let two = "35 31 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let other = "20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\nodd\n";
        assert!(control_groups(other).is_empty());
        assert_eq!(control_groups(&format!("{one}{one}{other}")), [1]);
        assert_eq!(control_groups(two), [2]);
        assert_eq!(control_groups(&format!("{two}{one}")), [1, 2]);
    }

    #[test]
    fn odd_lines_and_names_do_no_harm() {
        let odd = "1 2 0:3 / /a\\040b\\012c\\134d rw - cgroup2 x rw\n";
        assert_eq!(roots(odd)[0].0, "/a b\nc\\d");
        let broken =
            ["", " ", "1 2 3", "- - - - - - -", "1 2 0:3 / /x rw -", "1 2 0:3 / /x rw - cgroup2"];
        for line in broken {
            assert_eq!(parse(line.as_bytes()), [], "{line:?}");
        }
        assert_eq!(parse(b"1 2 0:3 / /\xff\\9 rw - cgroup2 x rw").len(), 1);
    }

    #[test]
    fn a_mounts_device_is_the_kernels() {
        assert_eq!(device(b"41 31 8:3 / / rw - ext4 /dev/sda3 rw", 41), Some(8 << 20 | 3));
        assert_eq!(device(b"41 31 8:3 / / rw - ext4 /dev/sda3 rw", 4), None);
        assert_eq!(device(b"41 31 nonsense", 41), None);
    }
}
