//! Who is put into the table: roots, what descends from them, and what was missed.
//!
//! Births of members are not here: the fork program puts them in.

use std::collections::BTreeMap;
use std::io;

use watchdog_common::table::{Control, mode};

use super::{KernelSource, ROUNDS};
use crate::identity::{ProcessKey, ServiceId};

impl KernelSource {
    /// Puts the table right: enrols members' children that are not in it.
    pub(super) fn repair(&mut self) -> io::Result<()> {
        let orders = Control { mode: mode::INHERIT, ..Control::default() };
        for _ in 0..ROUNDS {
            if self.walker.everywhere(&self.table, orders)?.added == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Makes the running sums right of each of these groups in which they differ from the table.
    pub(super) fn recount(
        &mut self,
        services: impl IntoIterator<Item = ServiceId>,
    ) -> io::Result<()> {
        let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (_, entry) in self.table.entries()? {
            if entry.exited == 0 {
                let (pages, living) = sums.entry(entry.group).or_default();
                (*pages, *living) = (pages.saturating_add(entry.held_pages), *living + 1);
            }
        }
        for service in services {
            let group = service.group();
            let counters = self.table.counters(service)?;
            let expected = sums.get(&group).copied().unwrap_or_default();
            if (counters.rss_pages, counters.living) != expected {
                let orders = Control { mode: mode::RECOUNT, group, ..Control::default() };
                self.walker.nowhere(&self.table, orders)?;
            }
        }
        Ok(())
    }

    /// The orders that make this process the root of the service's next tree.
    fn adoption(&mut self, service: ServiceId, root: ProcessKey) -> Control {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        Control {
            mode: mode::ADOPT,
            group: service.group(),
            generation: self.generation,
            tgid: root.pid,
            ticks: root.start,
            ..Control::default()
        }
    }

    /// Enrols the root alone into a group that has none: what descends from it follows with that of
    /// all others ([`Self::enrol_kin`]). None where this kernel cannot.
    pub(super) fn enrol_root(
        &mut self,
        service: ServiceId,
        root: ProcessKey,
    ) -> io::Result<Option<bool>> {
        let orders = self.adoption(service, root);
        let answer = self.walker.on(&self.table, root.pid, orders)?;
        self.bare.insert(service);
        Ok(answer.map(|answer| answer.found != 0))
    }

    /// Enrols what descends from roots that were enrolled alone: one walk for all of them, so that
    /// the start of ten thousand services is not ten thousand walks.
    pub(super) fn enrol_kin(&mut self) {
        if self.bare.is_empty() {
            return;
        }
        let services = std::mem::take(&mut self.bare);
        if let Err(error) = self.repair().and_then(|()| self.recount(services)) {
            log::error!("the processes of new services cannot be followed: {error}");
            // The next pass is a repair.
            self.damaged = true;
        }
    }

    /// Enrols the root and its descendants until a walk finds nothing new.
    pub(super) fn enrol(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<bool> {
        let orders = self.adoption(service, root);
        for _ in 0..ROUNDS {
            let answer = self.walker.everywhere(&self.table, orders)?;
            if answer.found == 0 {
                return Ok(false);
            }
            if answer.added == 0 {
                break;
            }
        }
        self.walker.nowhere(&self.table, Control { mode: mode::SETTLE, ..orders })?;
        self.walker.nowhere(&self.table, Control { mode: mode::RECOUNT, ..orders })?;
        Ok(true)
    }
}
