//! What the kernel told us, decoded: the user-space words for the records of `watchdog-common`.
//!
//! Every event about a process came through the ring buffer and `source::decode`; nothing here was
//! read from `/proc`. Not here: what an event means for a rule (`engine`).

use crate::clock::BootTime;
use crate::identity::{ProcessKey, ServiceId};

/// One thing that the kernel side reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// One process of a watched service, as a pass found it.
    Sample(Sample),
    /// A service's own counters, once per pass and after its samples.
    Group(Group),
    /// The end of a pass. Levels are known as of `at`.
    PassEnd {
        /// When the pass began.
        at: BootTime,
        /// False where the pass could not see every watched process: keep the former values.
        complete: bool,
    },
    /// A watched process is dead (its last thread has exited).
    Exited(Exited),
    /// A watched main process has replaced its program by `exec`.
    Executed {
        /// The service.
        service: ServiceId,
        /// The process; pid and start time stay over an exec.
        process: ProcessKey,
        /// When.
        at: BootTime,
    },
    /// A signal that ends processes was sent to a watched main process.
    Signalled(Signalled),
    /// The OOM killer has chosen a watched process.
    OomVictim {
        /// The service.
        service: ServiceId,
        /// The victim.
        process: ProcessKey,
        /// When.
        at: BootTime,
    },
    /// A limit set by `Source::limits` was crossed. Latched: told once until it is set again.
    Crossed(Crossed),
    /// One service was looked at between passes (`Source::look`): its samples and its `Group` came
    /// before. Its levels are known as of `at`.
    Looked {
        /// The service.
        service: ServiceId,
        /// When the look began.
        at: BootTime,
        /// False where not every process could be seen: keep the former values.
        complete: bool,
    },
    /// A process that `Source::want` asked for has begun: somebody may have started a service.
    Wanted {
        /// The service that asked.
        service: ServiceId,
        /// The process.
        process: ProcessKey,
        /// When.
        at: BootTime,
    },
    /// Other groups count in this service's from here on, or no longer: what it used until now
    /// and what it uses from now on are of different sets of processes.
    Regrouped {
        /// The service.
        service: ServiceId,
    },
    /// A hook of the sensor no longer tells what happens.
    Blind {
        /// The hook, or `sensor` for all of them.
        hook: String,
        /// What was seen, and what is done about it, in one line.
        why: String,
    },
    /// A hook that was blind tells again.
    Sighted {
        /// The hook, as in `Blind`.
        hook: String,
    },
    /// So many records were lost because the ring was full; a pass will repair the table.
    Lost {
        /// Records lost since the last such event.
        records: u64,
    },
}

/// One process of a watched service at a pass, summed over its threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The service whose group the process is in.
    pub service: ServiceId,
    /// The process.
    pub process: ProcessKey,
    /// Its parent's pid now (0 where not visible).
    pub parent: u32,
    /// Whether it is the service's main process (the enrolled root).
    pub main: bool,
    /// Run time of all its threads, dead ones included, in nanoseconds since its start.
    pub cpu_ns: u64,
    /// Resident memory in bytes (file, anonymous and shared pages).
    pub rss_bytes: u64,
    /// Swapped-out memory in bytes.
    pub swap_bytes: u64,
    /// Bytes that it caused to be read from storage since its start (`task->ioac`, CONFIG_TASK_IO_ACCOUNTING).
    pub read_bytes: u64,
    /// Bytes that it caused to be written to storage since its start.
    pub write_bytes: u64,
    /// Open descriptors and the soft limit of their number, where a rule asks for them.
    pub descriptors: Option<(u64, u64)>,
    /// Live threads.
    pub threads: u32,
    /// Whether it has exited and only waits to be reaped.
    pub zombie: bool,
    /// Real user id.
    pub uid: u32,
    /// Program name as the kernel keeps it: up to 15 bytes of hostile text.
    pub comm: [u8; 16],
}

/// Counters of a service that are not any living process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The service.
    pub service: ServiceId,
    /// Run time of its members that are dead and gone, in nanoseconds since enrolment. With the sum
    /// of `Sample::cpu_ns` minus the sum at enrolment this is the group's CPU time.
    pub dead_cpu_ns: u64,
    /// Processes forked in the group since enrolment.
    pub forks: u64,
    /// Processes of the group that exited since enrolment.
    pub exits: u64,
}

/// The death of a watched process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exited {
    /// The service.
    pub service: ServiceId,
    /// The process.
    pub process: ProcessKey,
    /// Whether it was the service's main process.
    pub main: bool,
    /// How it ended.
    pub status: ExitStatus,
    /// Resident memory in bytes when the kernel last looked; `None` where it did not.
    pub held_bytes: Option<u64>,
    /// Program name as the kernel keeps it: up to 15 bytes of hostile text.
    pub comm: [u8; 16],
    /// When.
    pub at: BootTime,
}

/// How a process ended, from the kernel's `task->exit_code` (wait(2) encoding).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It returned this code.
    Code(u8),
    /// This signal ended it.
    Signal {
        /// The signal's number.
        number: u8,
        /// Whether a core was dumped.
        core: bool,
    },
    /// It is dead, and nobody who saw how can be asked (the fallback sensor on older kernels).
    Unknown,
}

impl ExitStatus {
    /// From the wait(2) encoding: low 7 bits signal, bit 7 core, next 8 bits the code.
    pub fn from_wait(raw: u32) -> Self {
        match raw & 0x7f {
            0 => Self::Code(((raw >> 8) & 0xff) as u8),
            number => Self::Signal { number: number as u8, core: raw & 0x80 != 0 },
        }
    }
}

/// A fatal signal on its way to a watched main process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signalled {
    /// The service.
    pub service: ServiceId,
    /// The receiver.
    pub process: ProcessKey,
    /// The signal's number.
    pub signal: u8,
    /// The sender's pid (0: the kernel).
    pub sender: u32,
    /// The sender's real user id.
    pub sender_uid: u32,
    /// The sender's program name: up to 15 bytes of hostile text.
    pub sender_comm: [u8; 16],
    /// When.
    pub at: BootTime,
}

/// A limit that a service has crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossed {
    /// The service.
    pub service: ServiceId,
    /// Which limit.
    pub crossing: Crossing,
    /// The value that was over the limit: bytes, processes, or forks within the window.
    pub value: u64,
    /// The process that was running when it was crossed (pid 0: not one process).
    pub by: ProcessKey,
    /// When.
    pub at: BootTime,
}

/// What can be crossed between two cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Crossing {
    /// The RSS sum of the group.
    TotalMemory,
    /// The RSS of the main process.
    Memory,
    /// Living descendants.
    Children,
    /// Forks within a window.
    Forks,
}
