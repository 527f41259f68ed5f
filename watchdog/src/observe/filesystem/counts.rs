//! What was read from and written to a file system: by its block device in `/proc/diskstats`
//! (Documentation/admin-guide/iostats.rst), of a network share by `/proc/self/mountstats` (nfs(5)).
//!
//! Other file systems are not counted by the kernel. Not here: what that is a second (`check`).

use std::path::Path;

use super::device_of;
use crate::check::filesystem::Counts;
use crate::mounts::{Mount, unescape};

/// The kernel's sectors in this file, whatever the disk's own are.
const SECTOR: u64 = 512;

/// None where the kernel counts nothing for it. When that was is for the caller to say.
pub(super) fn read(mount: &Mount) -> Option<Counts> {
    if mount.kind.starts_with("nfs") {
        return share(&std::fs::read("/proc/self/mountstats").ok()?, mount);
    }
    let device = match mount.device {
        // Of btrfs the table shows no device: it may have several.
        (0, _) => device_of(Path::new(&mount.source))?,
        device => device,
    };
    disk(&std::fs::read_to_string("/proc/diskstats").ok()?, device)
}

fn disk(text: &str, (major, minor): (u32, u32)) -> Option<Counts> {
    let numbers = |line: &str| -> Vec<u64> {
        let words = line.split_ascii_whitespace().enumerate().filter(|(at, _)| *at != 2);
        words.map_while(|(_, word)| word.parse().ok()).collect()
    };
    let own = |numbers: &Vec<u64>| numbers.starts_with(&[major.into(), minor.into()]);
    let numbers = text.lines().map(numbers).find(own)?;
    let at = |field: usize| numbers.get(field + 1).copied();
    Some(Counts {
        reads: at(1)?,
        read_bytes: at(3)?.saturating_mul(SECTOR),
        writes: at(5)?,
        write_bytes: at(7)?.saturating_mul(SECTOR),
        took: at(4)?.saturating_add(at(8)?),
        ..Counts::default()
    })
}

fn share(text: &[u8], mount: &Mount) -> Option<Counts> {
    // device nas:/export mounted on /mnt/nas with fstype nfs4 statvers=1.1
    let is_own = |line: &[u8]| {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        words.first() == Some(&b"device".as_slice())
            && words.get(4).is_some_and(|place| unescape(place) == mount.place)
    };
    let mut counts = Counts::default();
    let mut bytes = false;
    // Where something is mounted over something the last one is meant.
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let begin = lines.iter().rposition(|line| is_own(line))? + 1;
    for line in lines.iter().skip(begin).take_while(|line| !line.starts_with(b"device ")) {
        let line = String::from_utf8_lossy(line);
        let Some((name, rest)) = line.trim().split_once(':') else { continue };
        let numbers: Vec<u64> =
            rest.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
        let at = |field: usize| numbers.get(field).copied().unwrap_or(0);
        match name {
            // What the server gave and took, not what the cache did.
            "bytes" => {
                (counts.read_bytes, counts.write_bytes) = (at(4), at(5));
                bytes = true;
            }
            // Operations, …, and as the eighth the milliseconds from the request to its answer.
            "READ" => {
                counts.reads = at(0);
                counts.took = counts.took.saturating_add(at(7));
            }
            "WRITE" => {
                counts.writes = at(0);
                counts.took = counts.took.saturating_add(at(7));
            }
            _ => {}
        }
    }
    bytes.then_some(counts)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn disks_and_their_partitions() {
        let text = "   8       0 sda 10 1 100 5 20 2 200 6 0 7 8 0 0 0 0 0 0\n   \
                       8       1 sda1 9 1 90 4 19 2 190 3 0 7 8 0 0 0 0 0 0\nnonsense\n";
        let counts = disk(text, (8, 1)).expect("a partition");
        assert_eq!((counts.reads, counts.read_bytes), (9, 90 * 512));
        assert_eq!((counts.writes, counts.write_bytes, counts.took), (19, 190 * 512, 7));
        assert_eq!(disk(text, (8, 2)), None);
        assert_eq!(disk("8 2 sda2 1 2\n", (8, 2)), None, "too short to be true");
    }

    #[test]
    fn network_shares() {
        let text = b"device rootfs mounted on / with fstype rootfs\n\
            device nas:/old mounted on /mnt/n\\040s with fstype nfs4 statvers=1.1\n\
            \tbytes:\t1 1 1 1 1 1 1 1\n\
            device nas:/export mounted on /mnt/n\\040s with fstype nfs4 statvers=1.1\n\
            \topts:\trw,vers=4.2\n\
            \tbytes:\t11 12 13 14 4096 8192 17 18\n\
            \tper-op statistics\n\
            \t        READ: 5 5 0 600 700 1 20 30 0\n\
            \t       WRITE: 7 7 0 600 700 1 20 40 0\n\
            device tmpfs mounted on /x with fstype tmpfs\n";
        let mount = |place: &str| Mount {
            id: 1,
            device: (0, 51),
            root: "/".into(),
            place: OsString::from(place),
            options: String::new(),
            kind: "nfs4".into(),
            source: "nas:/export".into(),
            super_options: String::new(),
        };
        let counts = share(text, &mount("/mnt/n s")).expect("counted");
        assert_eq!((counts.read_bytes, counts.write_bytes), (4096, 8192));
        assert_eq!((counts.reads, counts.writes, counts.took), (5, 7, 70));
        assert_eq!(share(text, &mount("/x")), None, "nothing is counted for it");
        assert_eq!(share(text, &mount("/y")), None);
    }
}
