//! The one place that writes to the ring, and so the one place that counts what is lost.

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use watchdog_common::record::{Head, Kind};
use watchdog_common::table::{Proc, tally};

use crate::maps::{RING, count};

/// User space is woken at once.
pub const WAKE: u64 = 2;
/// User space finds it when it next looks: a wake-up costs fifty times the record.
pub const QUIET: u64 = 1;
/// What `bpf_ringbuf_query` is asked: bytes not read yet, and the ring's size.
const WAITING: u64 = 0;
const SIZE: u64 = 1;

/// Writes a record of something that happened; a full ring is counted as a loss and gives false.
#[inline(always)]
pub fn event<T: 'static>(kind: Kind, record: T, wake: u64) -> bool {
    count(tally::PRODUCED + kind as usize);
    // Quiet records must not fill the ring while user space sleeps.
    let wake =
        if wake == QUIET && RING.query(WAITING) > RING.query(SIZE) / 2 { WAKE } else { wake };
    let written = write(record, wake);
    if !written {
        count(tally::LOST + kind as usize);
    }
    written
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
    Head {
        kind: kind as u32,
        group: process.group,
        tgid: process.tgid,
        flags: process.flags,
        start: process.start,
        at: now(),
    }
}

/// `CLOCK_BOOTTIME` in nanoseconds.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_boot_ns() }
}
