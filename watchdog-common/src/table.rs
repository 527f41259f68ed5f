//! The values of the maps.
//!
//! Who writes what: [`Proc`] and [`Counters`] are the kernel programs' alone, user space only reads
//! them (a map update writes the whole value and would lose increments). [`Limit`] is user space's
//! alone. [`Control`] is written by user space before an iterator runs and by that iterator while it
//! runs.

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
    /// 1 where a fork was answered with SIGSTOP by the brake.
    pub braked: u32,
    /// `task->comm` of the leader.
    pub comm: [u8; 16],
    /// Resident pages that are in [`Counters::rss_pages`] for this process. Atomic.
    pub held_pages: u64,
    /// Bytes that the threads visited caused to be read from storage, the dead ones included.
    pub read_bytes: u64,
    /// Bytes written, likewise.
    pub write_bytes: u64,
}

/// What a group has done, and what it has now by the kernel's own running sums. One per group,
/// index = group. All words are atomic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Counters {
    /// Run time of all tasks freed, in nanoseconds.
    pub dead_ns: u64,
    /// Processes forked.
    pub forks: u64,
    /// Processes exited.
    pub exits: u64,
    /// Sum of [`Proc::held_pages`] of its processes. Two's complement: below zero for a moment.
    pub rss_pages: u64,
    /// Processes that have not exited, the main process included. Two's complement.
    pub living: u64,
    /// The epoch in which the main process died last.
    pub orphaned: u64,
    /// By [`crossing`]: the epoch in which it was told last.
    pub told: [u64; crossing::COUNT as usize],
    /// Forks of the latest sixteenths of the window, each with its number: see [`slot`].
    pub slots: [u64; slot::COUNT as usize],
}

/// What is to be told of a group between passes. One per group, index = group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Limit {
    /// Rises with each arming; a crossing is told once per epoch. 0: nothing is armed.
    pub epoch: u64,
    /// Rises with each arming of [`crossing::NEAR`].
    pub near_epoch: u64,
    /// Told when [`Counters::rss_pages`] is above; [`NO_LIMIT`] is none, here and below.
    pub total_pages: u64,
    /// Told when the main process has more resident pages.
    pub main_pages: u64,
    /// Told when more processes than these live beside the main process.
    pub children: u64,
    /// Told when more processes than these were forked within the window.
    pub forks: u64,
    /// A sixteenth of the window, in nanoseconds. Never 0.
    pub slot_ns: u64,
    /// Changes with the window, so that what was counted by another one counts no more; 8 bits.
    pub scale: u32,
    /// `MEMBER_DEATHS`, `BRAKE_STOP`.
    pub flags: u32,
}

/// A limit that does not exist.
pub const NO_LIMIT: u64 = u64::MAX;
/// The death of each member is told, not only the main process's.
pub const MEMBER_DEATHS: u32 = 1;
/// Beyond the limit of forks a forker gets SIGSTOP.
pub const BRAKE_STOP: u32 = 2;

/// What can be crossed.
pub mod crossing {
    /// Resident pages of the group.
    pub const TOTAL_MEMORY: u32 = 0;
    /// Resident pages of the main process.
    pub const MEMORY: u32 = 1;
    /// Living processes beside the main process.
    pub const CHILDREN: u32 = 2;
    /// Forks within the window.
    pub const FORKS: u32 = 3;
    /// Three quarters of a memory limit: from there on user space looks more closely.
    pub const NEAR: u32 = 4;
    /// How many there are.
    pub const COUNT: u32 = 5;
}

/// A word of [`Counters::slots`]: the window's scale (8 bits), the slot's number on the boot clock
/// (32 bits), and how many forks fell into it (24 bits).
///
/// The slot that runs and the fifteen before it are the window: between fifteen sixteenths and the
/// whole of it. So no fork is counted that lies outside, and a burst of up to fifteen sixteenths of
/// the window is counted whole wherever it falls.
pub mod slot {
    use core::hint::black_box;

    /// Slots kept.
    pub const COUNT: u64 = 16;
    /// The bits that count.
    const FORKS: u64 = (1 << 24) - 1;

    /// The word of an empty slot.
    pub const fn empty(scale: u32, number: u64) -> u64 {
        (scale as u64) << 56 | (number & 0xffff_ffff) << 24
    }

    /// Forks in a word that is of this very slot, given by its empty word.
    #[inline(always)]
    pub const fn same(word: u64, empty: u64) -> Option<u64> {
        if word & !FORKS == empty { Some(word & FORKS) } else { None }
    }

    /// Forks in a word that is within the window that ends in this slot; 0 where it is not.
    #[inline(always)]
    pub const fn within(word: u64, empty: u64) -> u64 {
        // Of another scale, or of long ago: far away. Without a branch: sixteen of them in a row
        // are 65,536 ways through a program, more than the verifier of 6.1 has patience for. The
        // black box keeps the compiler from making it a branch again.
        let beyond = black_box((empty.wrapping_sub(word & !FORKS) >> 24).wrapping_sub(COUNT));
        word & FORKS & 0_u64.wrapping_sub(beyond >> 63)
    }
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

/// By what a process that begins may be waited for. The key of a map that user space writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Wanted {
    /// The device of the executable's file system (`super_block.s_dev`), or [`Wanted::CGROUP`].
    pub space: u64,
    /// The executable's inode, or the number of a cgroup of version 2.
    pub number: u64,
}

impl Wanted {
    /// Not a device: those have 32 bits.
    pub const CGROUP: u64 = u64::MAX;
}

/// Words of each CPU's tally.
pub mod tally {
    /// Forks, exits and frees of watched processes: while it stands still, so does the member list.
    pub const CHANGES: usize = 0;
    /// Processes that did not fit into the table.
    pub const UNTRACKED: usize = 1;
    /// Plus the kind: records that a program tried to write, those of a pass not counted.
    pub const PRODUCED: usize = 2;
    /// Plus the kind: records lost because the ring was full.
    pub const LOST: usize = PRODUCED + KINDS;
    /// Room for kinds of records.
    pub const KINDS: usize = 16;
    /// Plus a word of [`super::canary`].
    pub const CANARY: usize = LOST + KINDS;
    /// How many words there are.
    pub const COUNT: usize = CANARY + super::canary::WORDS;
}

/// The canary: a child of the daemon's own, in a group that is no service's.
pub mod canary {
    /// Its group.
    pub const GROUP: u32 = u32::MAX;
    /// It was forked.
    pub const FORK: usize = 0;
    /// It called exec.
    pub const EXEC: usize = 1;
    /// It was sent a fatal signal.
    pub const SIGNAL: usize = 2;
    /// It exited.
    pub const EXIT: usize = 3;
    /// It was freed.
    pub const FREE: usize = 4;
    /// There was no room for it in the table.
    pub const NO_ROOM: usize = 5;
    /// Samples of page faults, anybody's.
    pub const FAULTS: usize = 6;
    /// How many words there are.
    pub const WORDS: usize = 8;
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
    /// Compare one group with its limits.
    pub const JUDGE: u32 = 8;
    /// Make one group's running sums anew from its processes.
    pub const RECOUNT: u32 = 9;
    /// Enrol the one process that the iterator is bound to beside a group's main process.
    pub const JOIN: u32 = 10;
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
    /// Scratch of a recount: resident pages.
    pub pages: u64,
    /// Scratch of a recount: processes that have not exited.
    pub living: u64,
}

const _: () = assert!(size_of::<Proc>() == 152);
const _: () = assert!(size_of::<Counters>() == 216);
const _: () = assert!(size_of::<Gone>() == 16);
const _: () = assert!(size_of::<Control>() == 72);
const _: () = assert!(size_of::<Limit>() == 64);
