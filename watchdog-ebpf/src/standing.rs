//! The running sums of a group: who lives, and how much memory they hold.
//!
//! A sum is always that of its members' own words: each change exchanges a member's word first and
//! adds the difference after, so that two CPUs cannot lose one. Only a member that changes its group
//! at that very moment could be counted wrongly; user space has the sums made anew after that.

use watchdog_common::table::Proc;

use crate::maps::{COUNTERS, add, exchange, sum};

/// The member holds so many pages now; gives the group's sum.
#[inline(always)]
pub fn weigh(entry: *mut Proc, pages: u64) -> u64 {
    // SAFETY: fields of a map value; `held_pages` is aligned to 8.
    let (group, before) =
        unsafe { ((*entry).group, exchange(&raw mut (*entry).held_pages, pages)) };
    let Some(counters) = COUNTERS.get_ptr_mut(group) else {
        return 0;
    };
    let by = pages.wrapping_sub(before);
    // SAFETY: the field of a map value.
    let total = sum(unsafe { &raw mut (*counters).rss_pages }, by);
    if (total as i64) < 0 { 0 } else { total }
}

/// One more member lives; gives how many do.
#[inline(always)]
pub fn enter(group: u32) -> u64 {
    match COUNTERS.get_ptr_mut(group) {
        // SAFETY: the field of a map value.
        Some(counters) => sum(unsafe { &raw mut (*counters).living }, 1),
        None => 0,
    }
}

/// The member is dead or no longer counts. True the first time.
#[inline(always)]
pub fn leave(entry: *mut Proc) -> bool {
    weigh(entry, 0);
    // SAFETY: fields of a map value; `exited` is aligned to 8.
    let (group, first) = unsafe { ((*entry).group, exchange(&raw mut (*entry).exited, 1) == 0) };
    if first && let Some(counters) = COUNTERS.get_ptr_mut(group) {
        // SAFETY: the field of a map value.
        add(unsafe { &raw mut (*counters).living }, 1_u64.wrapping_neg());
    }
    first
}

/// The member goes into another group; 0 is nobody's.
#[inline(always)]
pub fn shift(entry: &mut Proc, group: u32) {
    let (pages, lives) = (entry.held_pages, u64::from(entry.exited == 0));
    if let Some(counters) = COUNTERS.get_ptr_mut(entry.group) {
        // SAFETY: fields of a map value.
        unsafe {
            add(&raw mut (*counters).rss_pages, pages.wrapping_neg());
            add(&raw mut (*counters).living, lives.wrapping_neg());
        }
    }
    entry.group = group;
    if let Some(counters) = COUNTERS.get_ptr_mut(group) {
        // SAFETY: fields of a map value.
        unsafe {
            add(&raw mut (*counters).rss_pages, pages);
            add(&raw mut (*counters).living, lives);
        }
    }
}

/// A group's sums: resident pages, and how many live.
#[inline(always)]
pub fn of(group: u32) -> (u64, u64) {
    match COUNTERS.get_ptr(group) {
        // SAFETY: a map value stays readable for the program's run.
        Some(counters) => unsafe { ((*counters).rss_pages, (*counters).living) },
        None => (0, 0),
    }
}

/// Adds what a recount has found to be missing.
#[inline(always)]
pub fn correct(group: u32, (pages, living): (u64, u64)) {
    if let Some(counters) = COUNTERS.get_ptr_mut(group) {
        // SAFETY: fields of a map value.
        unsafe {
            add(&raw mut (*counters).rss_pages, pages);
            add(&raw mut (*counters).living, living);
        }
    }
}
