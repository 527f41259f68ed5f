//! The sum over the host's whole disks, from `/proc/diskstats`.
//!
//! Not counted are partitions (their disk counts), what is made of other disks (device mapper, md: a
//! write would count twice), and what is no disk (loop, ram, zram). Not here: rates (`engine`).

use std::collections::BTreeMap;
use std::path::Path;

use crate::message::DiskCounts;

/// The kernel's sectors in this file, whatever the disk's own are.
const SECTOR: u64 = 512;

/// Which names are whole disks: asked once each, of sysfs.
#[derive(Debug, Default)]
pub(super) struct Disks(BTreeMap<String, bool>);

impl Disks {
    pub(super) fn sum(&mut self, text: &str) -> DiskCounts {
        self.sum_by(text, &is_whole)
    }

    fn sum_by(&mut self, text: &str, is_whole: &dyn Fn(&str) -> bool) -> DiskCounts {
        let mut sum = DiskCounts::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace().skip(2);
            let Some(name) = words.next() else { continue };
            let whole = match self.0.get(name) {
                Some(whole) => *whole,
                None => *self.0.entry(name.to_owned()).or_insert(is_whole(name)),
            };
            if !whole {
                continue;
            }
            let mut numbers = words.map(|word| word.parse::<u64>().unwrap_or(0));
            let mut next = |skip: usize| numbers.nth(skip).unwrap_or(0);
            sum.reads = sum.reads.wrapping_add(next(0));
            sum.read_bytes = sum.read_bytes.wrapping_add(next(1).wrapping_mul(SECTOR));
            sum.writes = sum.writes.wrapping_add(next(1));
            sum.write_bytes = sum.write_bytes.wrapping_add(next(1).wrapping_mul(SECTOR));
        }
        sum
    }
}

fn is_whole(name: &str) -> bool {
    if ["loop", "ram", "zram"].iter().any(|no_disk| name.starts_with(no_disk)) {
        return false;
    }
    // A slash in a disk's name is an exclamation mark in sysfs.
    let path = Path::new("/sys/block").join(name.replace('/', "!"));
    let stacked =
        std::fs::read_dir(path.join("slaves")).is_ok_and(|mut slaves| slaves.next().is_some());
    path.exists() && !stacked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_stacked_disks_do_not_count_twice() {
        let text = "   8       0 sda 10 1 100 5 20 2 200 6 0 7 8 0 0 0 0 0 0\n   \
                       8       1 sda1 9 1 90 5 19 2 190 6 0 7 8 0 0 0 0 0 0\n \
                     253       0 dm-0 9 1 90 5 19 2 190 6 0 7 8\n 259 0 nvme0n1 1 0 8 0 2 0 16 0 0 0 0\n";
        let mut disks = Disks::default();
        let sum = disks.sum_by(text, &|name| ["sda", "nvme0n1"].contains(&name));
        let expect = DiskCounts {
            reads: 11,
            read_bytes: 108 * SECTOR,
            writes: 22,
            write_bytes: 216 * SECTOR,
        };
        assert_eq!(sum, expect);
        assert_eq!(disks.sum("garbage\n1 2\n"), DiskCounts::default());
    }
}
