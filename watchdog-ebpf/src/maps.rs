//! The maps. Sizes here are defaults; user space sets them at load.

use crate::standing;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf};
use watchdog_common::table::{Control, Counters, Gone, Limit, Proc, Wanted, tally};

/// Watched processes by the address of `task->signal`. Never an LRU: eviction would lose members.
#[map]
pub static PROCS: HashMap<u64, Proc> = HashMap::with_max_entries(32 * 1024, 0);

/// By group.
#[map]
pub static COUNTERS: Array<Counters> = Array::with_max_entries(1024 + 1, 0);

/// By group; user space writes, the programs read.
#[map]
pub static LIMITS: Array<Limit> = Array::with_max_entries(1024 + 1, 0);

/// Program names that are never braked, as `task->comm` has them; user space writes.
#[map]
pub static PROTECT: HashMap<[u8; 16], u32> = HashMap::with_max_entries(256, 0);

/// The group into which the next forks of a thread of the daemon are born, by thread id.
#[map]
pub static SPAWN: HashMap<u32, u32> = HashMap::with_max_entries(256, 0);

/// Freed processes whose other threads may still come, by the address of `task->signal`. An entry
/// matters for some milliseconds, so eviction of the oldest is right here.
#[map]
pub static GONE: LruHashMap<u64, Gone> = LruHashMap::with_max_entries(1024, 0);

/// One value; its words are in `watchdog_common::table::tally`.
#[map]
pub static TALLY: PerCpuArray<[u64; tally::COUNT]> = PerCpuArray::with_max_entries(1, 0);

/// What a process that begins may be waited for by; user space writes.
#[map]
pub static WANTED: HashMap<Wanted, u32> = HashMap::with_max_entries(1024, 0);

/// How many that are: without any, an exec is not looked at.
#[map]
pub static WANTING: Array<u32> = Array::with_max_entries(1, 0);

/// Orders to the iterator.
#[map]
pub static CONTROL: Array<Control> = Array::with_max_entries(1, 0);

/// The one door to user space.
#[map]
pub static RING: RingBuf = RingBuf::with_byte_size(512 * 1024, 0);

/// Adds to a counter that several CPUs write.
#[inline(always)]
pub fn add(counter: *mut u64, by: u64) {
    use core::intrinsics::{AtomicOrdering, atomic_xadd};
    // SAFETY: the pointer is into a map value, aligned to 8; the verifier checks its bounds.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(counter, by) };
}

/// Adds to a counter that several CPUs write, and gives the sum.
#[inline(always)]
pub fn sum(counter: *mut u64, by: u64) -> u64 {
    use core::intrinsics::{AtomicOrdering, atomic_xadd};
    // With the relaxed order LLVM 22 picks the instruction that does not give the former value
    // back, also where that is used.
    // SAFETY: as in `add`.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::AcqRel }>(counter, by) }.wrapping_add(by)
}

/// Counts on this CPU.
#[inline(always)]
pub fn count(word: usize) {
    if let Some(tally) = TALLY.get_ptr_mut(0) {
        // SAFETY: a per-CPU value of this CPU; programs do not migrate.
        let tally = unsafe { &mut *tally };
        if let Some(value) = tally.get_mut(word) {
            *value += 1;
        }
    }
}

/// Sets a word and gives what was there.
#[inline(always)]
pub fn exchange(word: *mut u64, to: u64) -> u64 {
    use core::intrinsics::{AtomicOrdering, atomic_xchg};
    // SAFETY: as in `add`.
    unsafe { atomic_xchg::<u64, { AtomicOrdering::Relaxed }>(word, to) }
}

/// The entry of a task's process. The address may have been another process's before, should the
/// kernel ever not have told of that one's free: the pid tells.
#[inline(always)]
pub fn entry_of(key: &u64, tgid: u32) -> Option<*mut Proc> {
    let entry = PROCS.get_ptr_mut(key)?;
    // SAFETY: a map value stays readable for the program's run.
    if unsafe { (*entry).tgid } == tgid { Some(entry) } else { None }
}

/// Adds run time to a group's dead.
#[inline(always)]
pub fn tell(group: u32, runtime: u64) {
    if group == 0 {
        return;
    }
    if let Some(counters) = COUNTERS.get_ptr_mut(group) {
        // SAFETY: the field of a map value.
        add(unsafe { &raw mut (*counters).dead_ns }, runtime);
    }
}

/// Closes the account of a process whose free was not told, with what is known of its run time.
#[inline(always)]
pub fn settle(entry: *mut Proc) {
    standing::leave(entry);
    // SAFETY: the fields of a map value, which stays usable for the program's run.
    let (group, rest) = unsafe {
        let group = (*entry).group;
        (*entry).group = 0;
        (group, (*entry).last_ns.saturating_sub((*entry).freed_ns))
    };
    tell(group, rest);
    count(tally::CHANGES);
}
