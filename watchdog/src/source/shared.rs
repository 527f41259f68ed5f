//! Processes that count in several services, over any sensor, which keeps one group for a process.
//!
//! A process is in the group of the nearest service above it. Two services may have the same main
//! process: the second is the *twin* of the first and is told all that the first is told. And the main
//! process of one may descend from another's (a supervisor and what it supervises): the group of the
//! lower one counts in the upper one too, as all descendants do in Monit. Lower groups count at passes
//! and looks; what the kernel compares between them is each group by itself. Not here: groups
//! themselves (`kernel`, `fallback`).

mod spread;
#[cfg(test)]
mod tests;
mod ties;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Health, Limits, Membership, Source, WantBy};
use crate::clock::BootTime;
use crate::event::Event;
use crate::identity::{ProcessKey, ServiceId};
use ties::Ties;

/// Whose group a service has, where it is not its own; for all threads.
#[derive(Debug, Clone, Default)]
struct Twins(Arc<Mutex<BTreeMap<ServiceId, ServiceId>>>);

impl Twins {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServiceId, ServiceId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has the group that the service counts by.
    fn holder(&self, service: ServiceId) -> ServiceId {
        self.lock().get(&service).copied().unwrap_or(service)
    }
}

/// A sensor that several services may share a process by.
pub(crate) struct Shared {
    inner: Box<dyn Source>,
    ties: Ties,
    limits: BTreeMap<ServiceId, Limits>,
    buffer: Vec<Event>,
}

impl Shared {
    pub(crate) fn new(inner: Box<dyn Source>) -> Self {
        Self { inner, ties: Ties::default(), limits: BTreeMap::new(), buffer: Vec::new() }
    }

    /// The twins of a service that has its group no longer: the first takes it over.
    fn hand_over(&mut self, service: ServiceId) {
        let twins = self.ties.twins_of(service);
        let Some((&first, rest)) = twins.split_first() else { return };
        self.ties.part(first);
        let Some(main) = self.ties.main(first) else { return };
        // Where it is gone its services have been told of its end, or the next pass tells it.
        if self.inner.watch(first, main).is_ok() {
            self.ties.follow(first, main);
            for twin in rest {
                self.ties.pair(*twin, first, main);
            }
            let _ = self.arm(first);
        }
    }

    /// Sets what the sensor tells of a group: the limits of the service that has it, and each death
    /// where anybody who counts the group wants that.
    fn arm(&mut self, holder: ServiceId) -> io::Result<()> {
        let mut limits = self.limits.get(&holder).copied().unwrap_or_default();
        limits.member_deaths |= self
            .ties
            .who_count(holder)
            .iter()
            .any(|service| self.limits.get(service).is_some_and(|other| other.member_deaths));
        self.inner.limits(holder, &limits)
    }
}

impl Source for Shared {
    fn fd(&self) -> BorrowedFd<'_> {
        self.inner.fd()
    }

    fn drain(&mut self, into: &mut Vec<Event>) {
        let mut events = std::mem::take(&mut self.buffer);
        self.inner.drain(&mut events);
        self.ties.spread(&mut events, into);
        self.buffer = events;
    }

    fn pass(&mut self, into: &mut Vec<Event>) {
        let mut events = std::mem::take(&mut self.buffer);
        self.inner.pass(&mut events);
        for lower in self.ties.order(&events, into) {
            // Who wants each death may have changed for it.
            let _ = self.arm(lower);
        }
        self.ties.spread_pass(&mut events, into);
        self.buffer = events;
    }

    fn watch(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<()> {
        let holder = self.ties.holder_with(root, service);
        if self.ties.main(service) != Some(root) {
            self.hand_over(service);
        }
        if let Some(holder) = holder {
            if self.inner.membership().service_of(root)? != Some(holder) {
                return Err(io::ErrorKind::NotFound.into());
            }
            if !self.ties.is_twin(service) {
                self.inner.unwatch(service);
            }
            self.ties.pair(service, holder, root);
            return self.arm(holder);
        }
        self.ties.part(service);
        self.inner.watch(service, root)?;
        self.ties.follow(service, root);
        Ok(())
    }

    fn unwatch(&mut self, service: ServiceId) {
        self.limits.remove(&service);
        if self.ties.is_twin(service) {
            self.ties.forget(service);
            return;
        }
        let (main, upper) = (self.ties.main(service), self.ties.upper(service));
        self.inner.unwatch(service);
        self.hand_over(service);
        self.ties.forget(service);
        if let Some((main, upper)) = main.zip(upper)
            && self.ties.holder_with(main, service).is_none()
        {
            // They descend from the upper one still.
            let _ = self.inner.enlist(upper, &[main]);
        }
    }

    fn limits(&mut self, service: ServiceId, limits: &Limits) -> io::Result<()> {
        self.limits.insert(service, *limits);
        for lower in self.ties.lower(self.ties.twins.holder(service)) {
            self.arm(lower)?;
        }
        self.arm(self.ties.twins.holder(service))
    }

    fn look(&mut self, service: ServiceId, into: &mut Vec<Event>) {
        let holder = self.ties.twins.holder(service);
        let lower = self.ties.lower(holder);
        if holder == service && lower.is_empty() {
            let mut events = std::mem::take(&mut self.buffer);
            self.inner.look(service, &mut events);
            self.ties.spread(&mut events, into);
            self.buffer = events;
            return;
        }
        let mut looked = Vec::new();
        for group in std::iter::once(holder).chain(lower) {
            let mut events = std::mem::take(&mut self.buffer);
            self.inner.look(group, &mut events);
            looked.extend(self.ties.split_look(group, &mut events, into));
            self.buffer = events;
        }
        spread::join_look(service, holder, looked, into);
    }

    fn enlist(&mut self, service: ServiceId, others: &[ProcessKey]) -> io::Result<()> {
        self.inner.enlist(self.ties.twins.holder(service), others)
    }

    fn want(&mut self, service: ServiceId, by: &[WantBy]) {
        self.inner.want(service, by);
    }

    fn tend(&mut self, now: BootTime, into: &mut Vec<Event>) -> Option<BootTime> {
        let mut events = std::mem::take(&mut self.buffer);
        let due = self.inner.tend(now, &mut events);
        self.ties.spread(&mut events, into);
        self.buffer = events;
        due
    }

    fn spare(&mut self, names: &[String]) -> io::Result<()> {
        self.inner.spare(names)
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn membership(&self) -> Arc<dyn Membership> {
        Arc::new(SharedMembership {
            inner: self.inner.membership(),
            twins: self.ties.twins.clone(),
        })
    }
}

/// Who is in the group that a service counts by.
struct SharedMembership {
    inner: Arc<dyn Membership>,
    twins: Twins,
}

impl Membership for SharedMembership {
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        self.inner.members(self.twins.holder(service))
    }

    fn braked(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        self.inner.braked(self.twins.holder(service))
    }

    fn service_of(&self, process: ProcessKey) -> io::Result<Option<ServiceId>> {
        self.inner.service_of(process)
    }

    fn spawning(&self, service: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()> {
        self.inner.spawning(service, spawn)
    }
}
