//! Where the running kernel keeps what we read: byte offsets, patched into the object at load.
//!
//! The programs see them as a frozen constant, so each load is checked by the verifier against the
//! kernel's own type information; a wrong offset is refused, never garbage.

use bytemuck::{Pod, Zeroable};

/// The offset of a field that this kernel does not have.
pub const ABSENT: u64 = u64::MAX;

/// Offsets in bytes and the few other facts that the programs need to know of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Fields {
    /// `task_struct.pid`
    pub task_pid: u64,
    /// `task_struct.tgid`
    pub task_tgid: u64,
    /// `task_struct.flags`
    pub task_flags: u64,
    /// `task_struct.signal`
    pub task_signal: u64,
    /// `task_struct.mm`
    pub task_mm: u64,
    /// `task_struct.start_boottime`
    pub task_start: u64,
    /// `task_struct.real_parent`
    pub task_parent: u64,
    /// `task_struct.group_leader`
    pub task_leader: u64,
    /// `task_struct.real_cred`
    pub task_cred: u64,
    /// `task_struct.se.sum_exec_runtime`
    pub task_runtime: u64,
    /// `task_struct.exit_code`
    pub task_exit_code: u64,
    /// `task_struct.exit_state`
    pub task_exit_state: u64,
    /// `task_struct.comm`
    pub task_comm: u64,
    /// `task_struct.ioac.read_bytes`
    pub task_read: u64,
    /// `task_struct.ioac.write_bytes`
    pub task_write: u64,
    /// `cred.uid`
    pub cred_uid: u64,
    /// `signal_struct.live`
    pub signal_live: u64,
    /// `signal_struct.flags`
    pub signal_flags: u64,
    /// `signal_struct.group_exit_code`
    pub signal_exit_code: u64,
    /// `signal_struct.sigcnt`
    pub signal_tasks: u64,
    /// `signal_struct.sum_sched_runtime`
    pub signal_runtime: u64,
    /// `signal_struct.ioac.read_bytes`
    pub signal_read: u64,
    /// `signal_struct.ioac.write_bytes`
    pub signal_write: u64,
    /// `kernel_siginfo.si_code`
    pub info_code: u64,
    /// `linux_binprm.file`
    pub program_file: u64,
    /// `file.f_inode`
    pub file_inode: u64,
    /// `inode.i_ino`
    pub inode_number: u64,
    /// `inode.i_sb`
    pub inode_super: u64,
    /// `super_block.s_dev`
    pub super_device: u64,
    /// `task_struct.cgroups`
    pub task_cgroups: u64,
    /// `css_set.dfl_cgrp`
    pub cgroups_unified: u64,
    /// `cgroup.kn`
    pub cgroup_node: u64,
    /// `kernfs_node.id`
    pub node_id: u64,
    /// The first of the four counters in `mm_struct.rss_stat`
    pub mm_rss: u64,
    /// From one counter to the next
    pub mm_rss_stride: u64,
    /// 1 where the counters are structures that typed loads may read (6.2 and later)
    pub mm_rss_typed: u64,
    /// 1 where `mark_victim` hands over a task (6.8 and later), 0 where it hands over a pid
    pub oom_task: u64,
    /// The daemon's own process id: it is never a member, and its forks are looked up by thread
    pub daemon: u64,
}

const _: () = assert!(size_of::<Fields>() == 38 * 8);
