//! `mark_victim`: the OOM killer has chosen, the process is not dead yet.
//!
//! The argument is a task since 6.8 and a pid before; which of the two is a constant of this load.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use watchdog_common::record::{Head, Kind};

use crate::emit;
use crate::fields::{Kernel, load, offset};
use crate::maps::entry_of;

#[btf_tracepoint(function = "mark_victim")]
pub fn oom(ctx: BtfTracePointContext) -> i32 {
    if offset!(oom_task) == 1 {
        let task: Kernel = ctx.arg(0);
        let key = load!(task, task_signal, u64);
        if let Some(entry) = entry_of(&key, load!(task, task_tgid, u32)) {
            // SAFETY: a map value stays readable for the program's run.
            let entry = unsafe { &*entry };
            if entry.group != 0 {
                emit::event(Kind::Oom, emit::head(Kind::Oom, entry), emit::WAKE);
            }
        }
    } else {
        let tgid = ctx.arg::<u32>(0);
        let head =
            Head { kind: Kind::Oom as u32, group: 0, tgid, flags: 0, start: 0, at: emit::now() };
        emit::event(Kind::Oom, head, emit::WAKE);
    }
    0
}
