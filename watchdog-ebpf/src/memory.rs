//! What a process holds in memory, from `mm->rss_stat`.

use watchdog_common::fields::ABSENT;

use crate::fields::{Kernel, load, offset};

/// Slots of `mm->rss_stat` (include/linux/mm_types_task.h).
const FILE: u64 = 0;
const ANON: u64 = 1;
const SWAP: u64 = 2;
const SHMEM: u64 = 3;

/// The memory of a task's process; null where it has none of its own. Between vfork and exec, and
/// under CLONE_VM, a child runs in its parent's, which is counted there.
#[inline(always)]
pub fn own(task: Kernel) -> Kernel {
    let mm = load!(task, task_mm, Kernel);
    let leader = load!(task, task_leader, Kernel);
    let parent = load!(leader, task_parent, Kernel);
    if mm as u64 == load!(parent, task_mm, u64) { core::ptr::null() } else { mm }
}

/// Resident pages: file, anonymous and shared.
#[inline(always)]
pub fn resident(mm: Kernel) -> u64 {
    pages(mm, FILE) + pages(mm, ANON) + pages(mm, SHMEM)
}

/// Swapped-out pages.
#[inline(always)]
pub fn swapped(mm: Kernel) -> u64 {
    pages(mm, SWAP)
}

/// One counter of `mm->rss_stat`; below zero for a moment is zero.
#[inline(always)]
fn pages(mm: Kernel, slot: u64) -> u64 {
    if offset!(mm_rss) == ABSENT {
        return 0;
    }
    let place = mm.wrapping_add((offset!(mm_rss) + slot * offset!(mm_rss_stride)) as usize);
    let value = if offset!(mm_rss_typed) == 1 {
        // SAFETY: the verifier checks the address against the kernel's type.
        unsafe { *(place as *const i64) }
    } else {
        // 6.1 refuses typed loads from an array of atomics.
        // SAFETY: the helper copies from any address or fails.
        unsafe { aya_ebpf::helpers::bpf_probe_read_kernel(place as *const i64) }.unwrap_or(0)
    };
    if value < 0 { 0 } else { value as u64 }
}
