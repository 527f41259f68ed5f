//! `sched_process_exit`: the last thread's exit is the death of the process.
//!
//! Run time is not taken here: it is as of the last tick or switch, a quarter of the truth for
//! short lives. `free` has the final figure.

use aya_ebpf::helpers::bpf_probe_read_kernel_buf;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use watchdog_common::fields::ABSENT;
use watchdog_common::record::{ExitRecord, FLAG_DEAD, FLAG_MAIN, Kind};
use watchdog_common::table::{MEMBER_DEATHS, canary, tally};

use crate::fields::{Kernel, load, offset};
use crate::maps::{COUNTERS, add, count, entry_of};
use crate::{emit, limits, memory, standing};

/// `SIGNAL_GROUP_EXIT` (include/linux/sched/signal.h): the code of the group counts.
const GROUP_EXIT: u32 = 4;

#[btf_tracepoint(function = "sched_process_exit")]
pub fn exit(ctx: BtfTracePointContext) -> i32 {
    let task: Kernel = ctx.arg(0);
    let signal = load!(task, task_signal, Kernel);
    let key = signal as u64;
    let Some(entry) = entry_of(&key, load!(task, task_tgid, u32)) else {
        return 0;
    };
    if load!(signal, signal_live, u32) != 0 {
        return 0; // other threads live
    }
    // SAFETY: the field of a map value.
    let last_seen = unsafe { (*entry).held_pages };
    // Two threads may both find themselves to be the last.
    if !standing::leave(entry) {
        return 0;
    }
    // SAFETY: a map value stays readable for the program's run.
    let process = unsafe { &mut *entry };
    let leader = load!(task, task_leader, Kernel);
    process.leader = leader as u64;
    // A lower bound, should nothing better ever be known.
    let known = load!(signal, signal_runtime, u64) + load!(task, task_runtime, u64);
    if process.last_ns < known {
        process.last_ns = known;
    }
    count(tally::CHANGES);
    if process.group == canary::GROUP {
        count(tally::CANARY + canary::EXIT);
    }
    if process.group == 0 {
        return 0;
    }
    if let Some(counters) = COUNTERS.get_ptr_mut(process.group) {
        // SAFETY: the field of a map value.
        add(unsafe { &raw mut (*counters).exits }, 1);
    }
    let main = process.flags & FLAG_MAIN != 0;
    if main {
        limits::orphan(process.group);
    }
    if !main && !limits::armed(process.group).is_some_and(|limit| limit.flags & MEMBER_DEATHS != 0)
    {
        return 0;
    }
    // As wait(2) does: the group's code where there is one, else the leader's.
    let status = if load!(signal, signal_flags, u32) & GROUP_EXIT != 0 {
        load!(signal, signal_exit_code, u32)
    } else {
        load!(leader, task_exit_code, u32)
    };
    let mut head = emit::head(Kind::Exit, process);
    head.flags |= FLAG_DEAD;
    // Since 6.16 the memory is still there, before it was given up already.
    let mm = memory::own(task);
    let held_pages = if mm.is_null() { last_seen } else { memory::resident(mm) };
    let mut comm = [0; 16];
    if offset!(task_comm) != ABSENT {
        let name = leader.wrapping_add(offset!(task_comm) as usize);
        // SAFETY: the helper copies from any address or fails.
        let _ = unsafe { bpf_probe_read_kernel_buf(name, &mut comm) };
    }
    // Ordinary ends of members wait until user space looks anyway.
    let wake = if main || status != 0 { emit::WAKE } else { emit::QUIET };
    emit::event(Kind::Exit, ExitRecord { head, status, reserved: 0, held_pages, comm }, wake);
    0
}
