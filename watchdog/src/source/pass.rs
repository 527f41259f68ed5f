//! One look at every watched process: which iterator to run, and what its records add up to.
//!
//! Nothing of `/proc` is opened. The kernel sums the threads; here the sums of a group are made.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use watchdog_common::table::{Control, Counters, canary, mode};

use super::table::Table;
use crate::clock::BootTime;
use crate::event::{Group, Sample};
use crate::identity::{ProcessKey, ServiceId};
use crate::sys::bpf;

/// Costs in nanoseconds, measured on 6.18: one bound iterator, one task of a full walk, and one
/// place of the table, used or not, in the walk through it that ends a full walk.
const BOUND: u64 = 5_000;
const TASK: u64 = 350;
const PLACE: u64 = 17;
/// Links kept at most: each is a descriptor.
const LINKS: usize = 256;

/// Runs the iterator program.
pub(super) struct Walker {
    /// Over every task.
    all: OwnedFd,
    /// The program, for links bound to one process.
    program: OwnedFd,
    /// Places in the table.
    places: u32,
    /// Whether this kernel has bound iterators (6.1); false after the first refusal.
    bound: bool,
    /// The number of the last pass, never 0.
    number: u32,
    /// The member list, as long as it is known to hold.
    members: Option<(u64, Vec<Member>)>,
    /// Links bound to members' pids, kept while they are members.
    links: BTreeMap<u32, OwnedFd>,
}

/// One entry of the member list.
#[derive(Clone, Copy)]
struct Member {
    pid: u32,
    group: u32,
    dead: bool,
}

impl Walker {
    pub(super) fn new(all: OwnedFd, program: OwnedFd, places: u32) -> Self {
        Self { all, program, places, bound: true, number: 0, members: None, links: BTreeMap::new() }
    }

    /// Whether iterators bound to one process were refused.
    pub(super) fn unbound(&self) -> bool {
        !self.bound
    }

    /// Gives the orders, runs over every task, and returns the answers.
    pub(super) fn everywhere(&self, table: &Table, orders: Control) -> io::Result<Control> {
        table.order(&orders)?;
        bpf::iterate(self.all.as_fd())?;
        table.control()
    }

    /// Gives orders that need no task but only the end of a run.
    pub(super) fn nowhere(&mut self, table: &Table, orders: Control) -> io::Result<Control> {
        table.order(&orders)?;
        let own = rustix::process::getpid().as_raw_nonzero().get().cast_unsigned();
        if !self.one(own)? {
            bpf::iterate(self.all.as_fd())?;
        }
        table.control()
    }

    /// Gives the orders, runs over one process, and returns the answers. None where this kernel
    /// cannot.
    pub(super) fn on(
        &mut self,
        table: &Table,
        pid: u32,
        orders: Control,
    ) -> io::Result<Option<Control>> {
        table.order(&orders)?;
        match self.one(pid) {
            Ok(true) => table.control().map(Some),
            Ok(false) => Ok(None),
            // Gone meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => table.control().map(Some),
            Err(error) => Err(error),
        }
    }

    /// Enrols these processes by the orders' group and generation.
    pub(super) fn join(
        &mut self,
        table: &Table,
        keys: &[ProcessKey],
        orders: Control,
    ) -> io::Result<()> {
        for key in keys {
            table.order(&Control { tgid: key.pid, ticks: key.start, ..orders })?;
            match self.one(key.pid) {
                Ok(true) => {}
                Ok(false) => bpf::iterate(self.all.as_fd())?,
                // Gone meanwhile.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Visits every watched process, or those of one group at least; the records are in the ring
    /// then. `full` in the answer asks for draining and [`Walker::rest`]. With `walk` every task of
    /// the host is visited.
    pub(super) fn visit(
        &mut self,
        table: &Table,
        at: BootTime,
        group: Option<u32>,
        walk: bool,
    ) -> io::Result<Control> {
        self.number = self.number.checked_add(1).unwrap_or(1);
        let orders =
            Control { mode: mode::FULL, pass: self.number, at: at.0, ..Control::default() };
        let mut members = self.list(table)?;
        members.retain(|member| group.is_none_or(|group| member.group == group));
        let bound = members.len() as u64 * BOUND;
        let end = u64::from(self.places) * PLACE;
        let dear = || bound > end + u64::from(rustix::system::sysinfo().procs) * TASK;
        if walk || !self.bound || bound > end && dear() {
            return self.everywhere(table, orders);
        }
        let orders = Control { mode: mode::ONE, ..orders };
        table.order(&orders)?;
        for member in members.iter().filter(|member| !member.dead) {
            if !self.one(member.pid)? {
                return self.everywhere(table, Control { mode: mode::FULL, ..orders });
            }
        }
        // Zombies, and processes between reaping and free, are rare: they are looked for apart.
        for member in members.iter().filter(|member| member.dead) {
            self.one(member.pid)?;
        }
        let answer = table.control()?;
        if members.iter().any(|member| member.dead) && answer.full == 0 {
            return self.rest(table, at);
        }
        Ok(answer)
    }

    /// Writes the records of the pass that did not fit before.
    pub(super) fn rest(&mut self, table: &Table, at: BootTime) -> io::Result<Control> {
        let orders =
            Control { mode: mode::REST, pass: self.number, at: at.0, ..Control::default() };
        self.nowhere(table, orders)
    }

    /// Takes out what a complete walk of this pass did not find and that has not exited: its
    /// process is gone and no program will take it out any more.
    pub(super) fn prune(&self, table: &Table, at: BootTime) -> io::Result<()> {
        for (key, entry) in table.entries()? {
            let found = entry.group == 0 || entry.exited != 0 || entry.pass == self.number;
            if !found && entry.start < at.0 {
                table.forget(key);
            }
        }
        Ok(())
    }

    /// The members, read anew only where something has changed since.
    fn list(&mut self, table: &Table) -> io::Result<Vec<Member>> {
        let changes = table.changes();
        if let Some((seen, members)) = &self.members
            && *seen == changes
        {
            return Ok(members.clone());
        }
        let members: Vec<Member> = table
            .entries()?
            .into_iter()
            .filter(|(_, entry)| entry.group != 0 && entry.group != canary::GROUP)
            .map(|(_, entry)| Member {
                pid: entry.tgid,
                group: entry.group,
                dead: entry.exited != 0,
            })
            .collect();
        let pids: BTreeSet<u32> = members.iter().map(|member| member.pid).collect();
        self.links.retain(|pid, _| pids.contains(pid));
        self.members = Some((changes, members.clone()));
        Ok(members)
    }

    /// Runs the iterator over one process. False where this kernel cannot.
    fn one(&mut self, pid: u32) -> io::Result<bool> {
        if !self.bound {
            return Ok(false);
        }
        if let Some(link) = self.links.get(&pid) {
            return bpf::iterate(link.as_fd()).map(|()| true);
        }
        match bpf::iterator_link(self.program.as_fd(), Some(pid)) {
            Ok(link) => {
                bpf::iterate(link.as_fd())?;
                if self.links.len() < LINKS {
                    self.links.insert(pid, link);
                }
                Ok(true)
            }
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                self.bound = false;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// Keeps a program's descriptor beyond the borrow of the object.
pub(super) fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    fd.try_clone_to_owned()
}

/// What is known of each group between passes.
#[derive(Default)]
pub(super) struct Sums {
    /// The counters when a group was dismissed: the next service of that number starts at zero.
    base: BTreeMap<ServiceId, Counters>,
    /// The greatest run time of the group so far: what is between reaping and free, and seen
    /// nowhere, must not let it run backwards.
    greatest: BTreeMap<ServiceId, u64>,
}

impl Sums {
    /// The group has another tree now: its run time may be less than before.
    pub(super) fn restart(&mut self, service: ServiceId) {
        self.greatest.remove(&service);
    }

    /// The group was dismissed with these counters.
    pub(super) fn dismiss(&mut self, service: ServiceId, counters: Counters) {
        self.restart(service);
        self.base.insert(service, counters);
    }

    /// A group's counters from what a pass has found.
    pub(super) fn group(&mut self, service: ServiceId, counters: &Counters, seen: &Seen) -> Group {
        let base = self.base.get(&service).copied().unwrap_or(bytemuck::Zeroable::zeroed());
        // Threads freed in living processes are in their samples already.
        let dead = counters.dead_ns.wrapping_sub(base.dead_ns).saturating_add(seen.limbo_ns);
        let dead = dead.saturating_sub(seen.freed_ns);
        let greatest = self.greatest.entry(service).or_default();
        *greatest = (*greatest).max(dead.saturating_add(seen.living_ns));
        Group {
            service,
            dead_cpu_ns: greatest.saturating_sub(seen.living_ns),
            forks: counters.forks.wrapping_sub(base.forks),
            exits: counters.exits.wrapping_sub(base.exits),
        }
    }
}

/// What the records of one pass add up to for one group.
#[derive(Default)]
pub(super) struct Seen {
    living_ns: u64,
    freed_ns: u64,
    limbo_ns: u64,
    /// Resident bytes of all.
    pub(super) rss_bytes: u64,
    /// Resident bytes of the main process.
    pub(super) main_bytes: u64,
    /// Living processes beside the main process.
    pub(super) children: u64,
}

impl Seen {
    pub(super) fn sample(&mut self, sample: &Sample, freed_ns: u64) {
        self.living_ns = self.living_ns.saturating_add(sample.cpu_ns);
        self.freed_ns = self.freed_ns.saturating_add(freed_ns);
        self.rss_bytes = self.rss_bytes.saturating_add(sample.rss_bytes);
        if sample.main {
            self.main_bytes = sample.rss_bytes;
        } else if !sample.zombie {
            self.children += 1;
        }
    }

    pub(super) fn limbo(&mut self, cpu_ns: u64) {
        self.limbo_ns = self.limbo_ns.saturating_add(cpu_ns);
    }
}
