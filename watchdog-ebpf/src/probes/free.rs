//! `sched_process_free`: after the last switch and after reaping, so the run time is final.
//!
//! Each task, thread or leader, is counted here exactly once, whoever waited for it or did not.

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use watchdog_common::table::{Gone, canary, tally};

use crate::fields::{Kernel, load};
use crate::maps::{GONE, PROCS, add, count, entry_of, settle, tell};
use crate::standing;

#[btf_tracepoint(function = "sched_process_free")]
pub fn free(ctx: BtfTracePointContext) -> i32 {
    let task: Kernel = ctx.arg(0);
    let signal = load!(task, task_signal, Kernel);
    let key = signal as u64;
    let tgid = load!(task, task_tgid, u32);
    let leader = load!(task, task_pid, u32) == tgid;
    let runtime = load!(task, task_runtime, u64);
    let Some(entry) = entry_of(&key, tgid) else {
        if !leader {
            late(&key, task, tgid, runtime);
        } else if let Some(stale) = PROCS.get_ptr_mut(&key) {
            // The address is this process's, so the entry's process is long gone.
            settle(stale);
            let _ = PROCS.remove(&key);
        }
        return 0;
    };
    // SAFETY: fields of a map value.
    let (group, before) = unsafe {
        add(&raw mut (*entry).freed_ns, runtime);
        ((*entry).group, (*entry).before_ns)
    };
    if !leader {
        tell(group, runtime);
        return 0;
    }
    // With the leader the threads that died before enrolment leave the living processes' sum.
    tell(group, runtime + before);
    if load!(signal, signal_tasks, u32) > 1 {
        // SAFETY: a helper without arguments.
        let at = unsafe { bpf_ktime_get_boot_ns() };
        let _ = GONE.insert(&key, &Gone { group, tgid, at }, 0);
    }
    if group == canary::GROUP {
        count(tally::CANARY + canary::FREE);
    }
    // Where the exit was before the entry.
    standing::leave(entry);
    let _ = PROCS.remove(&key);
    count(tally::CHANGES);
    0
}

/// A thread freed after its leader.
#[inline(always)]
fn late(key: &u64, task: Kernel, tgid: u32, runtime: u64) {
    if let Some(gone) = GONE.get_ptr(key) {
        // SAFETY: a map value stays readable for the program's run.
        let gone = unsafe { *gone };
        if gone.tgid == tgid && load!(task, task_start, u64) <= gone.at {
            tell(gone.group, runtime);
        }
    }
}
