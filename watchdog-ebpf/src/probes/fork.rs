//! `sched_process_fork`: a child of a member is born a member.
//!
//! Lineage and not the parent's pid: a daemon that forks twice stays in its group.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use aya_log_ebpf::warn;
use watchdog_common::record::{FLAG_BORN, Head, Kind};
use watchdog_common::table::{NO_LIMIT, Proc, canary, crossing, tally};

use crate::fields::{Kernel, load, offset};
use crate::maps::{COUNTERS, PROCS, SPAWN, add, count, entry_of, settle};
use crate::{brake, emit, limits, standing};

#[btf_tracepoint(function = "sched_process_fork")]
pub fn fork(ctx: BtfTracePointContext) -> i32 {
    let parent: Kernel = ctx.arg(0);
    let child: Kernel = ctx.arg(1);
    let tgid = load!(child, task_tgid, u32);
    if load!(child, task_pid, u32) != tgid {
        return 0; // a thread: it shares the process's entry
    }
    let family = load!(parent, task_signal, u64);
    let member = entry_of(&family, load!(parent, task_tgid, u32));
    let (group, flags, generation) = match member {
        // SAFETY: a map value stays readable for the program's run; its words are read once each.
        Some(member) => unsafe {
            ((*member).group, (*member).flags & FLAG_BORN, (*member).generation)
        },
        None if u64::from(load!(parent, task_tgid, u32)) == offset!(daemon) => {
            match SPAWN.get_ptr(&load!(parent, task_pid, u32)) {
                // SAFETY: as above.
                Some(group) => (unsafe { *group }, FLAG_BORN, 0),
                None => return 0,
            }
        }
        None => return 0,
    };
    if group == 0 {
        return 0;
    }
    let living = born(&ctx, child, Proc { group, flags, tgid, generation, ..blank() });
    if judge(parent, group, living)
        && let Some(forker) = member
    {
        brake::apply(parent, forker);
    }
    0
}

/// Puts the child into the table; gives how many of its group live.
#[inline(always)]
fn born(ctx: &BtfTracePointContext, child: Kernel, mut entry: Proc) -> u64 {
    let key = load!(child, task_signal, u64);
    entry.start = load!(child, task_start, u64);
    count(tally::CHANGES);
    if let Some(counters) = COUNTERS.get_ptr_mut(entry.group) {
        // SAFETY: the field of a map value.
        add(unsafe { &raw mut (*counters).forks }, 1);
    }
    if let Some(stale) = PROCS.get_ptr_mut(&key) {
        settle(stale);
    }
    if entry.group == canary::GROUP {
        count(tally::CANARY + canary::FORK);
    }
    if PROCS.insert(&key, &entry, 0).is_err() {
        if entry.group == canary::GROUP {
            count(tally::CANARY + canary::NO_ROOM);
            return 0;
        }
        count(tally::UNTRACKED);
        // Cold: only where the table is full. Compiled in, silent unless the level is raised.
        warn!(ctx, "no room in the table for pid {} of group {}", entry.tgid, entry.group);
        return 0;
    }
    standing::enter(entry.group)
}

/// Compares forks and children with their limits. True where there were too many forks and user space
/// knows: nobody is stopped of whom nobody would know.
#[inline(always)]
fn judge(parent: Kernel, group: u32, living: u64) -> bool {
    let Some(limit) = limits::armed(group) else {
        return false;
    };
    let head = Head {
        kind: Kind::Crossed as u32,
        group,
        tgid: load!(parent, task_tgid, u32),
        flags: 0,
        start: load!(load!(parent, task_leader, Kernel), task_start, u64),
        at: emit::now(),
    };
    limits::children(limit, living, head);
    if limit.forks != NO_LIMIT
        && let Some(counters) = COUNTERS.get_ptr_mut(group)
    {
        let forks = limits::forked(limit, counters, head.at);
        if forks > limit.forks {
            return limits::tell(limit, crossing::FORKS, forks, head);
        }
    }
    false
}

/// An entry of zeros.
#[inline(always)]
fn blank() -> Proc {
    // SAFETY: plain numbers, for which zero is a value.
    unsafe { core::mem::zeroed() }
}
