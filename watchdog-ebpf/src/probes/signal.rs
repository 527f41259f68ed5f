//! `signal_generate`: who ended a main process.

use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid, bpf_probe_read_kernel,
};
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use watchdog_common::record::{FLAG_MAIN, Kind, SignalRecord};
use watchdog_common::table::{canary, tally};

use crate::emit;
use crate::fields::{Kernel, load, offset};
use crate::maps::{count, entry_of};

/// Signals whose default is to end the process: 1–9, 11, 14, 15, 24, 25 and 31.
const FATAL: u32 = 0b1000_0011_0000_0000_1100_1011_1111_1110;
/// `SEND_SIG_PRIV` (include/linux/sched/signal.h): no structure, the kernel itself.
const FROM_KERNEL: u64 = 1;
/// `TRACE_SIGNAL_DELIVERED` (include/trace/events/signal.h).
const DELIVERED: u32 = 0;

/// `si_code`. Copied: 6.12 takes this argument for a number, since it may be one.
#[inline(always)]
fn code(info: Kernel) -> i32 {
    let place = info.wrapping_add(offset!(info_code) as usize) as *const i32;
    // SAFETY: the helper copies from any address or fails.
    unsafe { bpf_probe_read_kernel(place) }.unwrap_or(0)
}

#[btf_tracepoint(function = "signal_generate")]
pub fn signal(ctx: BtfTracePointContext) -> i32 {
    let number: u32 = ctx.arg(0);
    if number > 31 || FATAL >> number & 1 == 0 || ctx.arg::<u32>(4) != DELIVERED {
        return 0;
    }
    let task: Kernel = ctx.arg(2);
    let key = load!(task, task_signal, u64);
    let Some(entry) = entry_of(&key, load!(task, task_tgid, u32)) else {
        return 0;
    };
    // SAFETY: a map value stays readable for the program's run.
    let entry = unsafe { &*entry };
    if entry.group == canary::GROUP {
        count(tally::CANARY + canary::SIGNAL);
    }
    if entry.flags & FLAG_MAIN == 0 || entry.group == 0 {
        return 0;
    }
    let info: Kernel = ctx.arg(1);
    // A code above 0 is the kernel's too: a fault, a timer.
    let kernel = info as u64 == FROM_KERNEL || (info as u64 > FROM_KERNEL && code(info) > 0);
    let (sender, sender_uid, sender_comm) = if kernel {
        (0, 0, [0; 16])
    } else {
        (
            (bpf_get_current_pid_tgid() >> 32) as u32,
            bpf_get_current_uid_gid() as u32,
            bpf_get_current_comm().unwrap_or([0; 16]),
        )
    };
    let head = emit::head(Kind::Signal, entry);
    let record =
        SignalRecord { head, signal: number, sender, sender_uid, reserved: 0, sender_comm };
    emit::event(Kind::Signal, record, emit::QUIET);
    0
}
