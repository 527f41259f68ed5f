//! Every 64th page fault of a CPU: memory that grows crosses its limit here and not at the next pass.
//!
//! A perf event that counts in software, so no hardware counters are needed. Blind to what comes
//! without faults of its own (MAP_POPULATE, mlock) and slow to see huge pages: user space looks more
//! closely where a limit is near.

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use aya_ebpf::macros::perf_event;
use aya_ebpf::programs::PerfEventContext;
use watchdog_common::record::FLAG_MAIN;
use watchdog_common::table::{canary, tally};

use crate::fields::{Kernel, load};
use crate::maps::{count, entry_of};
use crate::{limits, memory, standing};

#[perf_event]
pub fn faults(_: PerfEventContext) -> u32 {
    count(tally::CANARY + canary::FAULTS);
    // SAFETY: a helper without arguments.
    let task = unsafe { bpf_get_current_task_btf() } as Kernel;
    let key = load!(task, task_signal, u64);
    let Some(entry) = entry_of(&key, load!(task, task_tgid, u32)) else {
        return 0; // nobody's: nearly every run ends here
    };
    // SAFETY: a map value stays readable for the program's run.
    let member = unsafe { &*entry };
    let mm = memory::own(task);
    if member.group == 0 || member.exited != 0 || mm.is_null() {
        return 0;
    }
    let pages = memory::resident(mm);
    let sum = standing::weigh(entry, pages);
    if let Some(limit) = limits::armed(member.group) {
        limits::memory(limit, member, member.flags & FLAG_MAIN != 0, pages, sum);
    }
    0
}
