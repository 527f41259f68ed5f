//! `sched_process_exec`: a process has become another program.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use watchdog_common::record::{FLAG_MAIN, Kind};
use watchdog_common::table::{canary, tally};

use crate::fields::{Kernel, load};
use crate::maps::{count, entry_of};
use crate::{emit, standing, wanted};

#[btf_tracepoint(function = "sched_process_exec")]
pub fn exec(ctx: BtfTracePointContext) -> i32 {
    let task: Kernel = ctx.arg(0);
    let key = load!(task, task_signal, u64);
    let mut member = false;
    if let Some(entry) = entry_of(&key, load!(task, task_tgid, u32)) {
        // The memory of the former program is gone.
        standing::weigh(entry, 0);
        // SAFETY: a map value stays readable for the program's run.
        let entry = unsafe { &*entry };
        member = entry.group != 0;
        if entry.group == canary::GROUP {
            count(tally::CANARY + canary::EXEC);
        }
        if entry.flags & FLAG_MAIN != 0 && entry.group != 0 {
            emit::event(Kind::Exec, emit::head(Kind::Exec, entry), emit::QUIET);
        }
    }
    wanted::tell(task, ctx.arg(2), member);
    0
}
