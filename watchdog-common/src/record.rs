//! The records of the ring buffer.
//!
//! Every record begins with a [`Head`]; its `kind` says which type the bytes are. Numbers are in
//! the kernel's byte order, which is the machine's. Not here: decoding (`watchdog::source::decode`).

use bytemuck::{Pod, Zeroable};

use crate::table::Wanted;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// [`SampleRecord`]: one process at a pass.
    Sample = 1,
    /// [`SampleRecord`]: reaped, but its last `sched_process_free` is still to come.
    Limbo = 2,
    /// [`ExitRecord`]: a main process is dead, or a member whose death is wanted.
    Exit = 3,
    /// [`Head`] alone: a main process has called exec.
    Exec = 4,
    /// [`SignalRecord`]: a fatal signal is on its way to a main process.
    Signal = 5,
    /// [`Head`] alone: the OOM killer has chosen this process. Group 0: find the group by pid.
    Oom = 6,
    /// [`CrossedRecord`]: a limit was crossed.
    Crossed = 7,
    /// [`WantedRecord`]: a process that a service waits for has begun. Group 0.
    Wanted = 8,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Sample,
        Self::Limbo,
        Self::Exit,
        Self::Exec,
        Self::Signal,
        Self::Oom,
        Self::Crossed,
        Self::Wanted,
    ];
}

impl TryFrom<u32> for Kind {
    type Error = u32;

    fn try_from(raw: u32) -> Result<Self, u32> {
        Ok(match raw {
            1 => Self::Sample,
            2 => Self::Limbo,
            3 => Self::Exit,
            4 => Self::Exec,
            5 => Self::Signal,
            6 => Self::Oom,
            7 => Self::Crossed,
            8 => Self::Wanted,
            other => return Err(other),
        })
    }
}

/// The process is the service's main process.
pub const FLAG_MAIN: u32 = 1;
/// The process was born of a start program, under the daemon's own hand.
pub const FLAG_BORN: u32 = 2;
/// The last thread has exited.
pub const FLAG_DEAD: u32 = 4;

/// The beginning of every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Head {
    /// A [`Kind`].
    pub kind: u32,
    /// The service's group number; 0 is "not watched".
    pub group: u32,
    /// The process id, in the initial pid namespace.
    pub tgid: u32,
    /// `FLAG_*`.
    pub flags: u32,
    /// `start_boottime` of the process in nanoseconds.
    pub start: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds when it happened; of a sample: when its pass began.
    pub at: u64,
}

/// One process of a watched group, summed over its threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct SampleRecord {
    /// The beginning.
    pub head: Head,
    /// Run time of all threads since the start of the process, in nanoseconds.
    pub cpu_ns: u64,
    /// The part of `cpu_ns` that `Counters::dead_ns` holds too: threads already freed.
    pub freed_ns: u64,
    /// Resident pages: file, anonymous and shared.
    pub rss_pages: u64,
    /// Swapped-out pages.
    pub swap_pages: u64,
    /// The parent's pid.
    pub parent: u32,
    /// Threads that have not exited.
    pub threads: u32,
    /// Real user id.
    pub uid: u32,
    /// Zero.
    pub reserved: u32,
    /// `task->comm` of the leader.
    pub comm: [u8; 16],
    /// Bytes that it caused to be read from storage; 0 where the kernel keeps no account.
    pub read_bytes: u64,
    /// Bytes that it caused to be written to storage.
    pub write_bytes: u64,
}

/// The death of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ExitRecord {
    /// The beginning.
    pub head: Head,
    /// Status in wait(2)'s encoding.
    pub status: u32,
    /// Zero.
    pub reserved: u32,
    /// Resident pages: at its end where it still had its memory, else as last seen. 0: not known.
    pub held_pages: u64,
    /// `task->comm` of the leader.
    pub comm: [u8; 16],
}

/// A limit that a group has crossed. The head's process is the one that ran; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct CrossedRecord {
    /// The beginning.
    pub head: Head,
    /// The value above the limit: pages, processes, or forks within the window.
    pub value: u64,
    /// A constant of [`crate::table::crossing`].
    pub crossing: u32,
    /// Zero.
    pub reserved: u32,
}

/// The exec of a program, or in a cgroup, that a service waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct WantedRecord {
    /// The beginning.
    pub head: Head,
    /// What it was known by.
    pub by: Wanted,
}

/// A fatal signal to a main process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct SignalRecord {
    /// The beginning; the process is the receiver.
    pub head: Head,
    /// The signal's number.
    pub signal: u32,
    /// The sender's pid; 0 is the kernel.
    pub sender: u32,
    /// The sender's real user id.
    pub sender_uid: u32,
    /// Zero.
    pub reserved: u32,
    /// `task->comm` of the sending thread.
    pub sender_comm: [u8; 16],
}

const _: () = assert!(size_of::<Head>() == 32);
const _: () = assert!(size_of::<SampleRecord>() == 112);
const _: () = assert!(size_of::<ExitRecord>() == 64);
const _: () = assert!(size_of::<CrossedRecord>() == 48);
const _: () = assert!(size_of::<SignalRecord>() == 64);
const _: () = assert!(size_of::<WantedRecord>() == 48);
