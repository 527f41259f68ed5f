//! The one place that writes to the ring, and so the one place that counts what is lost.

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use watchdog_common::record::{Head, Kind};
use watchdog_common::table::{Proc, tally};

use crate::maps::{RING, count};

/// User space is woken at once.
pub const WAKE: u64 = 2;
/// User space finds it when it next looks: a wake-up costs fifty times the record.
pub const QUIET: u64 = 1;

/// Writes a record of something that happened; a full ring is counted as a loss.
#[inline(always)]
pub fn event<T: 'static>(record: T, wake: u64) {
    count(tally::PRODUCED);
    if !write(record, wake) {
        count(tally::LOST);
    }
}

/// Writes a record; false where the ring is full. The records of a pass are asked for again.
#[inline(always)]
pub fn write<T: 'static>(record: T, wake: u64) -> bool {
    match RING.reserve::<T>(0) {
        Some(mut place) => {
            place.write(record);
            place.submit(wake);
            true
        }
        None => false,
    }
}

/// The head of a record about a watched process, stamped now.
#[inline(always)]
pub fn head(kind: Kind, process: &Proc) -> Head {
    // SAFETY: a helper without arguments.
    let at = unsafe { bpf_ktime_get_boot_ns() };
    Head {
        kind: kind as u32,
        group: process.group,
        tgid: process.tgid,
        flags: process.flags,
        start: process.start,
        at,
    }
}
