//! Whether a process that has just called exec is one that a service waits for.
//!
//! A hint to look, no more: a file system may number its files otherwise inside than outside.

use watchdog_common::fields::ABSENT;
use watchdog_common::record::{Head, Kind, WantedRecord};
use watchdog_common::table::Wanted;

use crate::emit;
use crate::fields::{Kernel, load, offset};
use crate::maps::{WANTED, WANTING};

/// Tells of the process where it is wanted by its program's file or, unless it is a `member` of a
/// group, by its cgroup.
#[inline(always)]
pub fn tell(task: Kernel, program: Kernel, member: bool) {
    // SAFETY: a map value stays readable for the program's run.
    let wanting = WANTING.get_ptr(0).is_some_and(|count| unsafe { *count } != 0);
    if !wanting {
        return;
    }
    if offset!(program_file) != ABSENT
        && offset!(file_inode) != ABSENT
        && offset!(inode_number) != ABSENT
        && offset!(inode_super) != ABSENT
        && offset!(super_device) != ABSENT
    {
        let file = load!(program, program_file, Kernel);
        let inode = load!(file, file_inode, Kernel);
        let disk = load!(inode, inode_super, Kernel);
        let space = u64::from(load!(disk, super_device, u32));
        told(task, Wanted { space, number: load!(inode, inode_number, u64) });
    }
    if !member
        && offset!(task_cgroups) != ABSENT
        && offset!(cgroups_unified) != ABSENT
        && offset!(cgroup_node) != ABSENT
        && offset!(node_id) != ABSENT
    {
        let cgroups = load!(task, task_cgroups, Kernel);
        let cgroup = load!(cgroups, cgroups_unified, Kernel);
        let node = load!(cgroup, cgroup_node, Kernel);
        told(task, Wanted { space: Wanted::CGROUP, number: load!(node, node_id, u64) });
    }
}

#[inline(always)]
fn told(task: Kernel, by: Wanted) {
    if WANTED.get_ptr(&by).is_none() {
        return;
    }
    let head = Head {
        kind: Kind::Wanted as u32,
        group: 0,
        tgid: load!(task, task_tgid, u32),
        flags: 0,
        start: load!(task, task_start, u64),
        at: emit::now(),
    };
    emit::event(Kind::Wanted, WantedRecord { head, by }, emit::WAKE);
}
