//! The opt-in brake: whoever of a group forks beyond its limit is stopped on the spot.
//!
//! The signal goes to the process that runs, which is the forker. The kernel itself refuses it for
//! pid 1 and its own threads; the daemon is no member. Not here: letting go (user space).

use aya_ebpf::helpers::bpf_probe_read_kernel_buf;
use aya_ebpf::helpers::generated::bpf_send_signal;
use watchdog_common::fields::ABSENT;
use watchdog_common::table::{BRAKE_STOP, Proc};

use crate::fields::{Kernel, load, offset};
use crate::limits;
use crate::maps::PROTECT;

const SIGSTOP: u32 = 19;

/// Brakes the forker, where its service wants that.
#[inline(always)]
pub fn apply(task: Kernel, forker: *mut Proc) {
    // SAFETY: a map value stays usable for the program's run.
    let forker = unsafe { &mut *forker };
    let Some(limit) = limits::armed(forker.group) else {
        return;
    };
    if limit.flags & BRAKE_STOP == 0 {
        return;
    }
    let name = name(load!(task, task_leader, Kernel));
    // SAFETY: the value is not kept.
    if unsafe { PROTECT.get(&name) }.is_some() {
        return;
    }
    forker.braked = 1;
    // SAFETY: a helper that takes a number. Where it fails user space brakes all the same.
    unsafe { bpf_send_signal(SIGSTOP) };
}

/// The program's name with nothing behind its end.
#[inline(always)]
fn name(leader: Kernel) -> [u8; 16] {
    let mut name = [0; 16];
    if offset!(task_comm) != ABSENT {
        let place = leader.wrapping_add(offset!(task_comm) as usize);
        // SAFETY: the helper checks the address; where it fails the name stays empty.
        let _ = unsafe { bpf_probe_read_kernel_buf(place, &mut name) };
    }
    let mut ended = false;
    for byte in &mut name {
        ended |= *byte == 0;
        if ended {
            *byte = 0;
        }
    }
    name
}
