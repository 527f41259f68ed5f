//! `iter/task`: looks at tasks when user space asks, and keeps the table right.
//!
//! The kernel calls the program once per task and once more with none at the end. One run at a
//! time: user space holds the orders in `CONTROL`.

use core::ffi::c_void;

use aya_ebpf::helpers::{bpf_for_each_map_elem, bpf_probe_read_kernel_buf};
use watchdog_common::fields::ABSENT;
use watchdog_common::record::{FLAG_BORN, FLAG_DEAD, FLAG_MAIN, Head, Kind, SampleRecord};
use watchdog_common::table::{Control, Proc, canary, mode, tally};

use crate::fields::{Kernel, load, offset};
use crate::maps::{CONTROL, PROCS, add, count, entry_of, settle};
use crate::{emit, limits, memory, standing};

/// `PF_KTHREAD` (include/linux/sched.h).
const KERNEL_THREAD: u32 = 0x0020_0000;
/// Nanoseconds per tick of 10 ms.
const TICK: u64 = 10_000_000;

/// `struct bpf_iter__task`.
#[repr(C)]
pub struct Visit {
    meta: *const c_void,
    task: Kernel,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub fn sample(visit: *const Visit) -> i32 {
    let Some(control) = CONTROL.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: the map's only value; one run at a time.
    let control = unsafe { &mut *control };
    // SAFETY: the context is valid for the program's run.
    let task = unsafe { (*visit).task };
    if task.is_null() {
        end(control);
        return 0;
    }
    match control.mode {
        mode::FULL | mode::ONE => look(control, task),
        mode::ADOPT | mode::INHERIT | mode::JOIN => enrol(control, task),
        _ => {}
    }
    0
}

/// Adds one thread to its process's sum.
#[inline(always)]
fn look(control: &mut Control, task: Kernel) {
    let signal = load!(task, task_signal, Kernel);
    let key = signal as u64;
    let Some(entry) = entry_of(&key, load!(task, task_tgid, u32)) else {
        return;
    };
    // SAFETY: a map value stays usable for the program's run; only this run writes these fields.
    let entry = unsafe { &mut *entry };
    if entry.group == 0 {
        return;
    }
    control.current = key;
    if entry.pass != control.pass {
        entry.pass = control.pass;
        entry.visible_ns = 0;
        entry.threads = 0;
        entry.rss_pages = 0;
        entry.swap_pages = 0;
        (entry.read_bytes, entry.write_bytes) = (0, 0);
    }
    entry.visible_ns += load!(task, task_runtime, u64);
    if load!(task, task_exit_state, u32) == 0 {
        entry.threads += 1;
    }
    // The leader may be a zombie while its threads live: memory is that of any thread that has it.
    let mm = memory::own(task);
    if entry.rss_pages == 0 && !mm.is_null() {
        entry.rss_pages = memory::resident(mm);
        entry.swap_pages = memory::swapped(mm);
    }
    if offset!(task_read) != ABSENT && offset!(task_write) != ABSENT {
        entry.read_bytes += load!(task, task_read, u64);
        entry.write_bytes += load!(task, task_write, u64);
    }
    if load!(task, task_pid, u32) == entry.tgid {
        let parent = load!(task, task_parent, Kernel);
        entry.parent = load!(parent, task_tgid, u32);
        // With the leader, what threads that are gone have moved.
        if offset!(signal_read) != ABSENT && offset!(signal_write) != ABSENT {
            entry.read_bytes += load!(signal, signal_read, u64);
            entry.write_bytes += load!(signal, signal_write, u64);
        }
        if offset!(cred_uid) != ABSENT && offset!(task_cred) != ABSENT {
            let cred = load!(task, task_cred, Kernel);
            entry.uid = load!(cred, cred_uid, u32);
        }
        if offset!(task_comm) != ABSENT {
            let name = task.wrapping_add(offset!(task_comm) as usize);
            // SAFETY: the helper copies from any address or fails.
            let _ = unsafe { bpf_probe_read_kernel_buf(name, &mut entry.comm) };
        }
    }
}

/// Enrols a process that belongs into a group and is not there.
#[inline(always)]
fn enrol(control: &mut Control, task: Kernel) {
    let tgid = load!(task, task_tgid, u32);
    if load!(task, task_pid, u32) != tgid
        || u64::from(tgid) == offset!(daemon)
        || load!(task, task_flags, u32) & KERNEL_THREAD != 0
    {
        return;
    }
    let signal = load!(task, task_signal, Kernel);
    let key = signal as u64;
    let start = load!(task, task_start, u64);
    let named = tgid == control.tgid && start / TICK == control.ticks;
    let root = named && control.mode == mode::ADOPT;
    let joins = named && control.mode == mode::JOIN;
    let (group, generation, born) = if root || joins {
        (control.group, control.generation, 0)
    } else if control.mode == mode::JOIN {
        return;
    } else {
        let parent = load!(task, task_parent, Kernel);
        let (family, parent) = (load!(parent, task_signal, u64), load!(parent, task_tgid, u32));
        let Some(parent) = entry_of(&family, parent) else {
            return;
        };
        // SAFETY: a map value stays readable for the program's run.
        let parent = unsafe { &*parent };
        if parent.group == 0
            || (control.mode == mode::ADOPT
                && (parent.group != control.group || parent.generation != control.generation))
        {
            return;
        }
        (parent.group, parent.generation, parent.flags & FLAG_BORN)
    };
    let main = if root { FLAG_MAIN } else { 0 };
    control.found |= u32::from(root);
    match entry_of(&key, tgid) {
        Some(entry) => {
            // SAFETY: a map value stays usable for the program's run.
            let entry = unsafe { &mut *entry };
            // A descendant that another service watches stays that service's.
            if !root && entry.group != 0 && entry.group != group {
                return;
            }
            if entry.group == group
                && entry.generation == generation
                && (!root || entry.flags & FLAG_MAIN != 0)
            {
                return;
            }
            if control.mode == mode::INHERIT && entry.group == group {
                return;
            }
            if entry.group != group {
                standing::shift(entry, group);
                // What the former group was told is not told to this one again.
                let told = entry.freed_ns;
                entry.before_ns += told;
                add(&raw mut entry.freed_ns, told.wrapping_neg());
                entry.flags = 0;
            }
            entry.generation = generation;
            entry.flags |= main;
        }
        None => {
            // SAFETY: plain numbers, for which zero is a value.
            let mut entry: Proc = unsafe { core::mem::zeroed() };
            entry.group = group;
            entry.generation = generation;
            entry.flags = main | born;
            entry.tgid = tgid;
            entry.start = start;
            entry.before_ns = load!(signal, signal_runtime, u64);
            if load!(signal, signal_live, u32) == 0 {
                (entry.exited, entry.leader) = (1, task as u64);
            }
            if PROCS.insert(&key, &entry, 0).is_err() {
                count(tally::UNTRACKED);
                return;
            }
            if entry.exited == 0 {
                standing::enter(group);
            }
        }
    }
    // Where the last thread exited before the entry was there, the exit program did not see it.
    if root && load!(signal, signal_live, u32) == 0 {
        control.found = 0;
    }
    count(tally::CHANGES);
    control.added += 1;
}

/// The kernel has shown every task.
#[inline(always)]
fn end(control: &mut Control) {
    match control.mode {
        mode::ONE => return one(control),
        mode::JUDGE => return judge(control),
        mode::ADOPT | mode::INHERIT | mode::JOIN => return,
        mode::RECOUNT => (control.pages, control.living) = (0, 0),
        _ => {}
    }
    let before = standing::of(control.group);
    // SAFETY: the map and the callback are this object's own.
    unsafe {
        bpf_for_each_map_elem(
            (&raw const PROCS).cast_mut().cast(),
            each as *mut c_void,
            core::ptr::null_mut(),
            0,
        );
    }
    if control.mode == mode::RECOUNT {
        let (pages, living) = before;
        let by = (control.pages.wrapping_sub(pages), control.living.wrapping_sub(living));
        standing::correct(control.group, by);
    }
}

/// A run bound to one process is over. User space gives the order once and then runs one iterator
/// after the other.
#[inline(always)]
fn one(control: &mut Control) {
    let key = core::mem::take(&mut control.current);
    if key == 0 {
        return;
    }
    if let Some(entry) = PROCS.get_ptr_mut(&key) {
        // SAFETY: a map value stays usable for the program's run.
        report(control, key, unsafe { &mut *entry });
    }
}

/// Puts what a visit has found into the group's sum, and compares what is the process's own.
#[inline(always)]
fn weigh(entry: *mut Proc) {
    // SAFETY: a map value stays readable for the program's run.
    let member = unsafe { &*entry };
    if member.exited != 0 {
        return;
    }
    standing::weigh(entry, member.rss_pages);
    // The sum is of many moments now: it is compared when all have been visited.
    if member.flags & FLAG_MAIN != 0
        && let Some(limit) = limits::armed(member.group)
    {
        limits::memory(limit, member, true, member.rss_pages, 0);
    }
}

/// Compares a group's sums with its limits.
#[inline(always)]
fn judge(control: &Control) {
    let Some(limit) = limits::armed(control.group) else {
        return;
    };
    let (pages, living) = standing::of(control.group);
    // SAFETY: plain numbers, for which zero is a value.
    let mut nobody: Proc = unsafe { core::mem::zeroed() };
    nobody.group = control.group;
    if (pages as i64) > 0 {
        limits::memory(limit, &nobody, false, 0, pages);
    }
    limits::children(limit, living, emit::head(Kind::Crossed, &nobody));
}

/// Each entry of the table at the end of a run. Not 0 ends the walk.
#[inline(never)]
extern "C" fn each(_map: *mut c_void, key: *const u64, entry: *mut Proc, _: *mut c_void) -> i64 {
    let Some(control) = CONTROL.get_ptr_mut(0) else {
        return 1;
    };
    // SAFETY: the map's only value; one run at a time.
    let control = unsafe { &mut *control };
    // SAFETY: the kernel hands over a valid value.
    let entry = unsafe { &mut *entry };
    match control.mode {
        mode::FULL | mode::REST => {
            // SAFETY: the kernel hands over a valid key.
            report(control, unsafe { *key }, entry);
            return i64::from(control.full != 0); // the verifier wants 0 or 1
        }
        mode::SETTLE | mode::DISMISS if entry.group == control.group => {
            if control.mode == mode::DISMISS
                || (entry.generation != control.generation && entry.flags & FLAG_BORN == 0)
            {
                standing::shift(entry, 0);
                entry.flags = 0;
                control.added += 1;
            } else if entry.tgid != control.tgid || entry.start / TICK != control.ticks {
                entry.flags &= !FLAG_MAIN;
            }
        }
        mode::RECOUNT if entry.group == control.group && entry.exited == 0 => {
            control.pages += entry.held_pages;
            control.living += 1;
        }
        _ => {}
    }
    0
}

/// Writes a process's record, once per pass.
#[inline(always)]
fn report(control: &mut Control, key: u64, entry: &mut Proc) {
    if entry.group == 0 || entry.group == canary::GROUP || entry.emitted == control.pass {
        return;
    }
    let visited = entry.pass == control.pass;
    let dead = entry.exited != 0;
    if !visited && !dead {
        return; // born after the walk had passed its pid
    }
    let seen = if visited {
        weigh(entry);
        entry.visible_ns
    } else {
        // No iterator shows a process between reaping and free, but its leader's task is still
        // there and its run time is final.
        match last_of(entry) {
            Some(seen) if PROCS.get_ptr(&key).is_some_and(|still| core::ptr::eq(still, entry)) => {
                seen
            }
            // Freed since we looked: the group's counter has it.
            Some(_) => return,
            None => {
                settle(entry);
                return;
            }
        }
    };
    // A thread between the two is in neither sum: time does not run backwards.
    let now = seen + entry.freed_ns + entry.before_ns;
    if entry.last_ns < now {
        entry.last_ns = now;
    }
    let kind = if visited { Kind::Sample } else { Kind::Limbo };
    let record = SampleRecord {
        head: Head {
            kind: kind as u32,
            group: entry.group,
            tgid: entry.tgid,
            flags: entry.flags | if dead { FLAG_DEAD } else { 0 },
            start: entry.start,
            at: control.at,
        },
        cpu_ns: entry.last_ns,
        freed_ns: entry.freed_ns,
        rss_pages: entry.rss_pages,
        swap_pages: entry.swap_pages,
        parent: entry.parent,
        threads: entry.threads,
        uid: entry.uid,
        reserved: 0,
        comm: entry.comm,
        read_bytes: entry.read_bytes,
        write_bytes: entry.write_bytes,
    };
    if emit::write(record, emit::QUIET) {
        entry.emitted = control.pass;
    } else {
        control.full = 1;
    }
}

/// The run time of a dead process's leader; none where that task is gone.
#[inline(always)]
fn last_of(entry: &Proc) -> Option<u64> {
    if read::<u32>(entry.leader, offset!(task_tgid))? != entry.tgid
        || read::<u64>(entry.leader, offset!(task_start))? != entry.start
    {
        return None;
    }
    read(entry.leader, offset!(task_runtime))
}

/// Copies from a structure that only an address is left of.
#[inline(always)]
fn read<T>(address: u64, offset: u64) -> Option<T> {
    let place = address.wrapping_add(offset) as *const T;
    // SAFETY: the helper copies from any address or fails.
    unsafe { aya_ebpf::helpers::bpf_probe_read_kernel(place) }.ok()
}
