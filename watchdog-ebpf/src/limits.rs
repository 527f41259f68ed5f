//! Limits that user space has armed: compared at the event, told once per epoch.
//!
//! Nothing here decides what a crossing means: user space looks and judges.

use watchdog_common::record::{CrossedRecord, Head, Kind};
use watchdog_common::table::{Counters, Limit, Proc, crossing, slot};

use crate::emit;
use crate::maps::{COUNTERS, LIMITS, add, exchange};

/// The group's limits; none where nothing is armed.
#[inline(always)]
pub fn armed(group: u32) -> Option<&'static Limit> {
    let limit = LIMITS.get_ptr(group)?;
    // SAFETY: a map value stays readable for the program's run.
    let limit = unsafe { &*limit };
    if limit.epoch == 0 { None } else { Some(limit) }
}

/// Tells a crossing, where it was not told in this epoch yet. False where it could not be told.
#[inline(always)]
pub fn tell(limit: &Limit, which: u32, value: u64, head: Head) -> bool {
    let Some(counters) = COUNTERS.get_ptr_mut(head.group) else {
        return false;
    };
    // SAFETY: a map value stays usable for the program's run; `told` is aligned to 8.
    let Some(told) = (unsafe { (*counters).told.get_mut(which as usize) }) else {
        return false;
    };
    let epoch = if which == crossing::NEAR { limit.near_epoch } else { limit.epoch };
    // The plain look first: it is what nearly every run above the limit comes to.
    if *told >= epoch || exchange(told, epoch) >= epoch {
        return true;
    }
    let record = CrossedRecord { head, value, crossing: which, reserved: 0 };
    let sent = emit::event(Kind::Crossed, record, emit::WAKE);
    if !sent {
        exchange(told, 0); // the next event tells it
    }
    sent
}

/// Compares memory with its limits; `pages` are the member's own, `sum` is the group's.
#[inline(always)]
pub fn memory(limit: &Limit, member: &Proc, main: bool, pages: u64, sum: u64) {
    if sum > limit.total_pages {
        tell(limit, crossing::TOTAL_MEMORY, sum, emit::head(Kind::Crossed, member));
    }
    if main && pages > limit.main_pages {
        tell(limit, crossing::MEMORY, pages, emit::head(Kind::Crossed, member));
    }
    if sum > near(limit.total_pages) || main && pages > near(limit.main_pages) {
        tell(limit, crossing::NEAR, sum, emit::head(Kind::Crossed, member));
    }
}

/// Three quarters of a limit.
#[inline(always)]
fn near(limit: u64) -> u64 {
    limit - limit / 4
}

/// The main process is dead: until user space arms anew, all who live are children.
#[inline(always)]
pub fn orphan(group: u32) {
    if let (Some(limit), Some(counters)) = (armed(group), COUNTERS.get_ptr_mut(group)) {
        // SAFETY: the field of a map value; only deaths of main processes write it.
        unsafe { (*counters).orphaned = limit.epoch };
    }
}

/// Compares the number of living processes beside the main process with its limit.
#[inline(always)]
pub fn children(limit: &Limit, living: u64, head: Head) {
    let Some(counters) = COUNTERS.get_ptr(head.group) else {
        return;
    };
    // SAFETY: a map value stays readable for the program's run.
    let orphaned = unsafe { (*counters).orphaned } == limit.epoch;
    let children = living.wrapping_sub(u64::from(!orphaned));
    if (children as i64) > 0 && children > limit.children {
        tell(limit, crossing::CHILDREN, children, head);
    }
}

/// Counts one fork and gives how many there were within the window, as far as [`slot`] goes.
#[inline(always)]
pub fn forked(limit: &Limit, counters: *mut Counters, now: u64) -> u64 {
    let number = now.checked_div(limit.slot_ns).unwrap_or(0);
    let empty = slot::empty(limit.scale, number);
    // SAFETY: a map value stays usable for the program's run; the words are aligned to 8.
    let slots = unsafe { &mut (*counters).slots };
    let Some(word) = slots.get_mut((number % slot::COUNT) as usize) else {
        return 0;
    };
    if slot::same(*word, empty).is_some() {
        add(word, 1);
    } else if let Some(counted) = slot::same(exchange(word, empty + 1), empty) {
        add(word, counted); // another CPU had begun the slot in between
    }
    let mut forks = 0;
    for word in slots.iter() {
        forks += slot::within(*word, empty);
    }
    forks
}
