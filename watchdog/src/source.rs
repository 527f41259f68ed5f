//! Where events come from: the interface of every sensor, and the list of them.
//!
//! A source only reports. It never judges, signals or starts anything. Its calls come from the one
//! sensor-and-engine thread; [`Membership`] is the part that the runner's threads may use.

pub mod btf;
pub mod decode;
pub mod kernel;
mod layout;
mod load;
mod pass;
mod table;

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

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
    /// a member. `NotFound` where the process is gone or another one has its pid.
    fn watch(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<()>;

    /// Forgets the service's group.
    fn unwatch(&mut self, service: ServiceId);

    /// What the sensor can do here and what it has cost and lost so far.
    fn health(&self) -> Health;

    /// The part that other threads may hold.
    fn membership(&self) -> Arc<dyn Membership>;
}

/// Who is in a service's group now, asked by the threads that start and stop services.
pub trait Membership: Send + Sync {
    /// Every living process of the group, the main process included.
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>>;

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
    /// What the host does not offer, with cause and cure.
    pub missing: Vec<Missing>,
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
