//! Where events come from: the interface of every sensor, and the list of them.
//!
//! A source only reports. It never judges, signals or starts anything. Its calls come from the one
//! sensor-and-engine thread. Not here: what it is asked and what it says of itself ([`crate::sensor`]).

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

use crate::clock::BootTime;
use crate::event::Event;
use crate::identity::{ProcessKey, ServiceId};

pub use crate::sensor::{
    Cost, ForkLimit, Health, Limits, Membership, Missing, ProgramHealth, Tally, WantBy,
};

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
