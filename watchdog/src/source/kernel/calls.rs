//! What others ask of the kernel sensor: the calls of its interface.
//!
//! Not here: reading the ring and visiting processes (`kernel`), enrolling them (`enrolment`).

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use watchdog_common::table::{Control, Counters, Proc, mode, tally};

use super::{KernelSource, ROUNDS};
use crate::clock::{BootTime, boot_now};
use crate::event::Event;
use crate::identity::{ProcessKey, ServiceId};
use crate::process::ancestors;
use crate::source::table::membership;
use crate::source::{Health, Limits, Membership, Source, WantBy};

impl Source for KernelSource {
    fn fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }

    fn drain(&mut self, into: &mut Vec<Event>) {
        self.enrol_kin();
        self.read(into, None);
        self.losses(into);
    }

    fn pass(&mut self, into: &mut Vec<Event>) {
        let begun = boot_now();
        self.drain(into);
        // Before the visits: who is freed meanwhile is missing once rather than counted twice.
        let counters: Vec<(ServiceId, Counters)> = self
            .table
            .known()
            .into_iter()
            .filter_map(|service| Some((service, self.table.counters(service).ok()?)))
            .collect();
        let mut look = self.survey(None, into);
        self.tell_samples(&mut look, into);
        for (service, counters) in counters {
            let seen = look.groups.remove(&service).unwrap_or_default();
            into.push(Event::Group(self.sums.group(service, &counters, &seen)));
        }
        into.push(Event::PassEnd { at: look.at, complete: look.complete });
        self.losses(into);
        let took = boot_now().since(begun);
        self.health.pass = (took, took.max(self.health.pass.1));
    }

    fn watch(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<()> {
        let former = self.roots.get(&service);
        if former == Some(&root) && self.table.members(service)?.contains(&root) {
            return Ok(());
        }
        let first = former.is_none();
        self.table.know(service)?;
        let alone = if first { self.enrol_root(service, root)? } else { None };
        let found = match alone {
            Some(found) => found,
            None => self.enrol(service, root)?,
        };
        if !found {
            let text = format!("no process {} that started at tick {}", root.pid, root.start);
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        self.sums.restart(service);
        self.roots.insert(service, root);
        Ok(())
    }

    fn unwatch(&mut self, service: ServiceId) {
        self.bare.remove(&service);
        self.roots.remove(&service);
        self.closer.disarm(&self.table, service);
        self.table.unknow(service);
        let orders = Control { mode: mode::DISMISS, group: service.group(), ..Control::default() };
        for _ in 0..ROUNDS {
            match self.walker.nowhere(&self.table, orders) {
                Ok(answer) if answer.added > 0 => {}
                Ok(_) => break,
                Err(error) => {
                    log::error!("cannot forget a service's processes: {error}");
                    break;
                }
            }
        }
        if let Ok(counters) = self.table.counters(service) {
            self.sums.dismiss(service, counters);
        }
    }

    fn limits(&mut self, service: ServiceId, limits: &Limits) -> io::Result<()> {
        let mut limits = *limits;
        if let Some(forks) = limits.forks.as_mut().filter(|forks| forks.brake) {
            // Whoever stops our parent may stop us.
            self.enrol_kin();
            let ancestors = ancestors();
            let members = self.table.members(service)?;
            forks.brake = !members.iter().any(|key| ancestors.contains(&key.pid));
        }
        self.closer.arm(&self.table, service, &limits, self.page)
    }

    fn spare(&mut self, names: &[String]) -> io::Result<()> {
        self.table.spare(names)
    }

    fn look(&mut self, service: ServiceId, into: &mut Vec<Event>) {
        self.enrol_kin();
        let counters = self.table.counters(service);
        let mut look = self.survey(Some(service), into);
        self.tell_samples(&mut look, into);
        if let Ok(counters) = counters {
            let seen = look.groups.remove(&service).unwrap_or_default();
            into.push(Event::Group(self.sums.group(service, &counters, &seen)));
        }
        into.push(Event::Looked { service, at: look.at, complete: look.complete });
    }

    fn enlist(&mut self, service: ServiceId, others: &[ProcessKey]) -> io::Result<()> {
        self.enrol_kin();
        let Some(root) = self.roots.get(&service) else { return Ok(()) };
        let entries = self.table.entries()?;
        let of = |entry: &Proc| ProcessKey::from_boot_nanoseconds(entry.tgid, entry.start);
        let members = entries.iter().filter(|(_, entry)| entry.group == service.group());
        let Some(generation) = members
            .clone()
            .find(|(_, entry)| of(entry) == *root)
            .map(|(_, entry)| entry.generation)
        else {
            return Ok(());
        };
        let known: BTreeSet<ProcessKey> = members
            .filter(|(_, entry)| entry.generation == generation)
            .map(|(_, entry)| of(entry))
            .collect();
        let mut new = others.to_vec();
        new.retain(|key| !known.contains(key));
        if new.is_empty() {
            return Ok(());
        }
        let group = service.group();
        let orders = Control { mode: mode::JOIN, group, generation, ..Control::default() };
        self.walker.join(&self.table, &new, orders)?;
        // And what descends from them.
        self.repair()
    }

    fn want(&mut self, service: ServiceId, by: &[WantBy]) {
        if let Err(error) = self.wants.set(&self.table, service, by) {
            // What does not fit is found by the look in each cycle.
            log::warn!("not every process that services wait for can be told: {error}");
        }
    }

    fn tend(&mut self, now: BootTime, into: &mut Vec<Event>) -> Option<BootTime> {
        self.enrol_kin();
        let services = self.closer.due(now);
        if !services.is_empty() {
            let begin = boot_now();
            for service in services {
                self.survey(Some(service), into);
            }
            let end = boot_now();
            self.closer.looked(end, end.since(begin));
        }
        let next = self.upkeep(now, into);
        Some(self.closer.next().map_or(next, |closer| closer.min(next)))
    }

    fn health(&self) -> Health {
        let untracked = self.table.tally()[tally::UNTRACKED];
        let health = Health { untracked, tallies: self.tallies(), ..self.health.clone() };
        self.upkeep.show(health, &self.hooks)
    }

    fn membership(&self) -> Arc<dyn Membership> {
        membership(&self.table)
    }
}
