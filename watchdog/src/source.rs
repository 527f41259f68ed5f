//! Where events come from: the interface of every sensor, and the list of them.
//!
//! A source only reports. It never judges, signals or starts anything. Its calls come from the one
//! sensor-and-engine thread; [`Membership`] is the part that the runner's threads may use.

pub mod btf;
mod canary;
mod closer;
mod cost;
pub mod decode;
pub mod fallback;
mod faults;
mod hooks;
pub mod kernel;
mod layout;
mod load;
mod pass;
pub mod refusal;
pub(crate) mod shared;
mod table;
mod upkeep;
mod wants;

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::BootTime;
use crate::event::Event;
use crate::identity::{ProcessKey, ServiceId};

/// A sensor: it follows the processes of services and reports what happens to them.
pub trait Source {
    /// Readable when [`Source::drain`] has something. One wake-up may stand for many events.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Moves what has arrived to `into`, oldest first. Never blocks.
    fn drain(&mut self, into: &mut Vec<Event>);

    /// Looks at every watched process once. What [`Source::drain`] would have given comes first,
    /// then samples, one `Group` per watched service, and `PassEnd`.
    fn pass(&mut self, into: &mut Vec<Event>);

    /// Follows `root` and all its living descendants as the service's group, in place of whatever
    /// group the service had, unless `root` is that group's main process already. A process that
    /// was started under [`Membership::spawning`] and became the root's ancestor or relative stays
    /// a member. `NotFound` where the process is gone or another one has its pid. Where the service
    /// had no group, the descendants may follow with the next other call of this source: all those
    /// of many services at once.
    fn watch(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<()>;

    /// Forgets the service's group, and its limits.
    fn unwatch(&mut self, service: ServiceId);

    /// Sets what is to wake user space at once for this service, in place of what was set before.
    /// A level that is over its limit already is told by the next [`Source::tend`], a rate of forks
    /// by the next fork. A sensor that cannot see between passes ignores it: the rules are judged
    /// each cycle all the same.
    fn limits(&mut self, service: ServiceId, limits: &Limits) -> io::Result<()>;

    /// Looks at one service's processes once: samples, its `Group`, and `Looked`.
    fn look(&mut self, service: ServiceId, into: &mut Vec<Event>);

    /// Adds these processes and their descendants to the service's group, beside its main process:
    /// the service's cgroup holds them, lineage does not. One that is gone, or that another
    /// service's group has, is left out.
    fn enlist(&mut self, service: ServiceId, others: &[ProcessKey]) -> io::Result<()>;

    /// Sets by what to report processes that begin to this service, in place of what was set
    /// before. A sensor that cannot see them begin ignores it: there is a look in each cycle.
    fn want(&mut self, service: ServiceId, by: &[WantBy]);

    /// Upkeep between passes: closer looks at what is near a limit, canaries, processors that come
    /// and go. To be called whenever the loop turns: it knows itself what is due, and returns when
    /// that is next.
    fn tend(&mut self, now: BootTime, into: &mut Vec<Event>) -> Option<BootTime>;

    /// Sets the names of programs that [`ForkLimit::brake`] spares, in place of those before. A
    /// sensor that brakes nobody ignores it.
    fn spare(&mut self, _names: &[String]) -> io::Result<()> {
        Ok(())
    }

    /// What the sensor can do here and what it has cost and lost so far.
    fn health(&self) -> Health;

    /// The part that other threads may hold.
    fn membership(&self) -> Arc<dyn Membership>;
}

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
