//! What a sensor is asked and what it says of itself: limits, who belongs to whom, health. Plain data,
//! and the one interface that the threads of actions may use ([`Membership`]).
//!
//! Not here: the sensors (`source`), and what happened to processes (`event`).

use std::io;
use std::time::Duration;

use crate::clock::BootTime;
use crate::identity::{ProcessKey, ServiceId};

/// What is to be told between passes. `None`: not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes: told when the group's RSS sum is above.
    pub total_memory: Option<u64>,
    /// Bytes: told when the main process's RSS is above.
    pub memory: Option<u64>,
    /// Told when there are more living descendants.
    pub children: Option<u64>,
    /// Told when there are more forks within the window.
    pub forks: Option<ForkLimit>,
    /// Whether the death of each member is told, not only the main process's.
    pub member_deaths: bool,
}

/// Forks within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkLimit {
    /// More than so many
    pub count: u64,
    /// within this.
    pub window: Duration,
    /// Whether each process of the group that forks from the crossing on gets SIGSTOP by the kernel
    /// itself. Only for the opt-in brake.
    pub brake: bool,
}

/// By what a process that begins is known to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WantBy {
    /// The executable's file.
    File {
        /// The file system's device as the kernel keeps it: `major << 20 | minor`.
        device: u32,
        /// Inode number.
        inode: u64,
    },
    /// The cgroup (v2) that it is in: the inode of its folder. Reported of processes that no
    /// service's group has.
    Cgroup(u64),
}

/// Who is in a service's group now, asked by the threads that start and stop services.
pub trait Membership: Send + Sync {
    /// Every living process of the group, the main process included.
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>>;

    /// Living processes of the group that the kernel has stopped for [`ForkLimit::brake`], released
    /// meanwhile or not.
    fn braked(&self, _service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        Ok(Vec::new())
    }

    /// The service whose group this process is in; `None`: none's.
    fn service_of(&self, process: ProcessKey) -> io::Result<Option<ServiceId>>;

    /// Runs `spawn` so that each process the calling thread forks in it is born a member of the
    /// service's group: no descendant of a start program can be missed.
    fn spawning(&self, service: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()>;
}

/// The sensor's state for `status` and `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// `ebpf` or `fallback`.
    pub mode: &'static str,
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: String,
    /// Records received.
    pub events: u64,
    /// Records lost and repaired by a pass.
    pub lost: u64,
    /// Repair passes made after a loss.
    pub repairs: u64,
    /// Processes that did not fit into the table.
    pub untracked: u64,
    /// By kind of record. Once all is read, what was produced was received or lost.
    pub tallies: Vec<Tally>,
    /// What the host does not offer, with cause and cure.
    pub missing: Vec<Missing>,
    /// The kernel's programs. Empty in the fallback.
    pub programs: Vec<ProgramHealth>,
    /// Hooks attached anew because they no longer told.
    pub reattached: u64,
    /// When every hook was last proved to tell.
    pub proved: Option<BootTime>,
    /// Records received lately: how many, in how long.
    pub lately: Option<(u64, Duration)>,
    /// How long the last pass took, and the longest one.
    pub pass: (Duration, Duration),
}

/// One of the kernel's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramHealth {
    /// `fork`, `exit`, …
    pub name: &'static str,
    /// Whether it hangs where it should.
    pub attached: bool,
    /// What it cost when that was last counted.
    pub cost: Option<Cost>,
}

/// What a program cost in a stretch of time, by the kernel's own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The stretch.
    pub over: Duration,
    /// Runs.
    pub runs: u64,
    /// Run time of all of them; the counting itself is about 30 ns of each.
    pub time: Duration,
}

/// One kind of record, those of a pass aside: they are asked for until they have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// `exit`, `exec`, `signal`, `oom`, `crossed`.
    pub kind: &'static str,
    /// Records that the kernel tried to write.
    pub produced: u64,
    /// Records that came.
    pub received: u64,
    /// Records lost because the ring was full.
    pub lost: u64,
}

/// One thing that the host does not offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The hook, field or right that is missing.
    pub what: String,
    /// What was tried and what the kernel answered.
    pub why: String,
    /// What the administrator can do.
    pub cure: String,
}
