//! The values of the maps.
//!
//! Who writes what: [`Proc`] and [`Counters`] are the kernel programs' alone, user space only reads
//! them (a map update writes the whole value and would lose increments). [`Control`] is written by
//! user space before an iterator runs and by that iterator while it runs.

use bytemuck::{Pod, Zeroable};

/// A process of a watched group. The key is the address of its `task->signal`: all threads share
/// it, and it is pinned until the last `sched_process_free` of the process. A pid would not do, it
/// can belong to the next process before the former one is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Proc {
    /// `start_boottime` in nanoseconds.
    pub start: u64,
    /// Run time of threads that were dead before enrolment, in nanoseconds.
    pub before_ns: u64,
    /// Run time of threads freed since enrolment, in nanoseconds. Atomic.
    pub freed_ns: u64,
    /// The greatest run time of the whole process seen so far, in nanoseconds.
    pub last_ns: u64,
    /// The service's group; 0 where the process is no longer watched.
    pub group: u32,
    /// `FLAG_MAIN`, `FLAG_BORN`. Written by the iterator alone once the entry is in the table.
    pub flags: u32,
    /// The process id in the initial pid namespace.
    pub tgid: u32,
    /// Which enrolment put it into its group.
    pub generation: u32,
    /// 1 when the last thread has exited. Atomic.
    pub exited: u64,
    /// Address of the leader's task, set with `exited`. Valid as long as the entry is there.
    pub leader: u64,
    /// The pass that visited it last; what follows is that pass's sum.
    pub pass: u32,
    /// The pass whose record has been written.
    pub emitted: u32,
    /// Run time of the threads visited, in nanoseconds.
    pub visible_ns: u64,
    /// Resident pages.
    pub rss_pages: u64,
    /// Swapped-out pages.
    pub swap_pages: u64,
    /// Threads visited that have not exited.
    pub threads: u32,
    /// The parent's pid.
    pub parent: u32,
    /// Real user id.
    pub uid: u32,
    /// Zero.
    pub reserved: u32,
    /// `task->comm` of the leader.
    pub comm: [u8; 16],
}

/// What a group has done that no living process shows. One per group, index = group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Counters {
    /// Run time of all tasks freed, in nanoseconds.
    pub dead_ns: u64,
    /// Processes forked.
    pub forks: u64,
    /// Processes exited.
    pub exits: u64,
    /// Zero.
    pub reserved: u64,
}

/// A process that is freed while some of its threads may not be: RCU keeps no order among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Gone {
    /// The group.
    pub group: u32,
    /// The process id.
    pub tgid: u32,
    /// `CLOCK_BOOTTIME` of the leader's free: a thread that started later is another process's.
    pub at: u64,
}

/// Index into the per-CPU tallies.
pub mod tally {
    /// Records that a program tried to write, those of a pass not counted.
    pub const PRODUCED: u32 = 0;
    /// Records lost because the ring was full.
    pub const LOST: u32 = 1;
    /// Processes that did not fit into the table.
    pub const UNTRACKED: u32 = 2;
    /// Forks, exits and frees of watched processes: while it stands still, so does the member list.
    pub const CHANGES: u32 = 3;
    /// How many there are.
    pub const COUNT: u32 = 4;
}

/// What an iterator run is to do.
pub mod mode {
    /// Sum every watched process; write the records at the end.
    pub const FULL: u32 = 1;
    /// Sum the one process that the iterator is bound to; write its record at the end.
    pub const ONE: u32 = 2;
    /// Write the records that did not fit into the ring before.
    pub const REST: u32 = 3;
    /// Enrol one process as a group's main process, and its descendants.
    pub const ADOPT: u32 = 4;
    /// Enrol the unknown children of members: repair after the table was full.
    pub const INHERIT: u32 = 5;
    /// Drop from one group what is neither of this generation nor born of a start program.
    pub const SETTLE: u32 = 6;
    /// Drop everything from one group.
    pub const DISMISS: u32 = 7;
}

/// Orders to the iterator program, and its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Control {
    /// A constant of [`mode`].
    pub mode: u32,
    /// The number of the pass, never 0.
    pub pass: u32,
    /// The group to enrol into or to drop from.
    pub group: u32,
    /// The enrolment's number.
    pub generation: u32,
    /// The main process's id.
    pub tgid: u32,
    /// Answer: 1 where the main process was found and lives.
    pub found: u32,
    /// Answer: how many processes were enrolled.
    pub added: u32,
    /// Answer: 1 where the ring was full.
    pub full: u32,
    /// The main process's start in ticks of 10 ms.
    pub ticks: u64,
    /// When the pass began.
    pub at: u64,
    /// Scratch: the entry that a bound run has summed.
    pub current: u64,
}

const _: () = assert!(size_of::<Proc>() == 128);
const _: () = assert!(size_of::<Counters>() == 32);
const _: () = assert!(size_of::<Gone>() == 16);
const _: () = assert!(size_of::<Control>() == 56);
