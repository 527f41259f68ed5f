//! The kernel sensor: programs loaded, records drained, passes made.
//!
//! Not here: decoding (`decode`), loading (`load`), how a pass looks at processes (`pass`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use aya_log::EbpfLogger;
use watchdog_common::record::Kind;
use watchdog_common::table::{Control, Counters, Proc, mode, tally};

pub use super::load::OpenError;

use super::closer::Closer;
use super::decode::{Decoded, decode, kind};
use super::hooks::Hooks;
use super::pass::{Seen, Sums, Walker, duplicate};
use super::table::{Table, membership};
use super::upkeep::{Sight, Upkeep};
use super::wants::Wants;
use super::{Health, Limits, Membership, Missing, Source, Tally, WantBy, load};
use crate::clock::{BootTime, boot_now};
use crate::event::{Event, Sample};
use crate::finder::process::ancestors;
use crate::identity::{ProcessKey, ServiceId};

/// How often a closure over the process tree is tried: each round needs another fork in between.
const ROUNDS: u32 = 64;

/// The initial pid namespace's name: `PROC_PID_INIT_INO` (include/linux/proc_ns.h).
const INITIAL: &str = "pid:[4026531836]";

/// Sizes of the kernel's tables, and whether its programs may talk.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Watched processes at a time, of all services.
    pub processes: u32,
    /// Services.
    pub groups: u32,
    /// Bytes of the ring buffer; a power of two and a multiple of the page size.
    pub ring_bytes: u32,
    /// The least important of the programs' own messages to pass to the log; none by default.
    pub messages: Option<log::Level>,
}

impl Default for Options {
    fn default() -> Self {
        Self { processes: 32 * 1024, groups: 1024, ring_bytes: 512 * 1024, messages: None }
    }
}

/// The sensor on eBPF. Dropping it detaches every program.
pub struct KernelSource {
    table: Arc<Table>,
    ring: RingBuf<MapData>,
    walker: Walker,
    sums: Sums,
    closer: Closer,
    upkeep: Upkeep,
    hooks: Hooks,
    roots: BTreeMap<ServiceId, ProcessKey>,
    wants: Wants,
    messages: Option<EbpfLogger<&'static dyn log::Log>>,
    page: u64,
    generation: u32,
    /// Losses told so far.
    told: u64,
    /// A loss that no pass has repaired yet.
    damaged: bool,
    /// Records received, by kind; those of a pass are not counted.
    received: [u64; tally::KINDS],
    health: Health,
    ebpf: Ebpf,
}

/// Whether the pids that the kernel programs see are those of our `/proc`. Where they are not, a
/// process that the kernel names would be another one to us. A `/proc` that cannot be asked counts
/// as the host's.
pub fn in_initial_pid_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/pid").map_or(true, |link| link == Path::new(INITIAL))
}

impl KernelSource {
    /// Loads the programs and attaches them.
    ///
    /// Kernel 5.15 with type information (CONFIG_DEBUG_INFO_BTF), CAP_BPF and CAP_PERFMON. What is
    /// missing beyond that is named in [`Source::health`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        if !in_initial_pid_namespace() {
            return Err(OpenError::Namespace);
        }
        let mut loaded = load::load(options)?;
        let table = Arc::new(Table::take(&mut loaded.ebpf, options.groups)?);
        let ring = loaded
            .ebpf
            .take_map("RING")
            .and_then(|map| RingBuf::try_from(map).ok())
            .ok_or(OpenError::Mismatch("RING"))?;
        let program = loaded
            .ebpf
            .program("sample")
            .and_then(|program| program.fd().ok())
            .ok_or(OpenError::Mismatch("iterator"))?;
        let program = duplicate(program.as_fd()).map_err(OpenError::Kernel)?;
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let mut source = Self {
            table,
            ring,
            walker: Walker::new(loaded.all, program, options.processes),
            sums: Sums::default(),
            closer: Closer::default(),
            upkeep: Upkeep::new(boot_now()),
            hooks: loaded.hooks,
            roots: BTreeMap::new(),
            wants: Wants::default(),
            messages: loaded.messages,
            page: rustix::param::page_size() as u64,
            generation: 0,
            told: 0,
            damaged: false,
            received: [0; tally::KINDS],
            health: Health { mode: "ebpf", kernel, missing: loaded.missing, ..Health::default() },
            ebpf: loaded.ebpf,
        };
        // An order that does nothing shows whether this kernel can bind an iterator.
        source.walker.nowhere(&source.table, Control::default()).map_err(OpenError::Kernel)?;
        if source.walker.unbound() {
            source.health.missing.push(Missing {
                what: "iterators bound to one process".to_owned(),
                why: "the kernel refused the link (they came with 6.1)".to_owned(),
                cure: "nothing is lost: each pass looks at every task of the host instead"
                    .to_owned(),
            });
        }
        Ok(source)
    }

    /// The loaded object, for its programs' run times.
    pub fn object(&self) -> &Ebpf {
        &self.ebpf
    }

    /// Takes a program off its hook, as if it had been lost: for tests.
    #[doc(hidden)]
    pub fn detach(&mut self, name: &'static str) {
        self.hooks.detach(&mut self.ebpf, name);
    }

    /// Canaries, processors that come and go, and what it all costs.
    fn upkeep(&mut self, now: BootTime, into: &mut Vec<Event>) -> BootTime {
        let sight = self.upkeep.tend(now, &self.table, &mut self.hooks, &mut self.ebpf, into);
        if sight == Sight::Blind {
            // What was not told meanwhile is seen: the pass is the repair.
            self.damaged = true;
            self.pass(into);
        }
        self.upkeep.lately(now, self.health.events);
        self.upkeep.next()
    }

    /// Records that the kernel tried to write and those of them that were lost, passes aside.
    pub fn produced_and_lost(&self) -> (u64, u64) {
        let tallies = self.tallies();
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum();
        (sum(|tally| tally.produced), sum(|tally| tally.lost))
    }

    /// What became of the records, by kind.
    fn tallies(&self) -> Vec<Tally> {
        let words = self.table.tally();
        let word = |index: usize| words.get(index).copied().unwrap_or(0);
        Kind::ALL
            .into_iter()
            .filter_map(|kind| {
                let index = kind as usize;
                Some(Tally {
                    kind: name(kind)?,
                    produced: word(tally::PRODUCED + index),
                    received: self.received.get(index).copied().unwrap_or(0),
                    lost: word(tally::LOST + index),
                })
            })
            .collect()
    }

    /// Empties the ring. Events go to `into`, what belongs to a pass to `pass`.
    fn read(&mut self, into: &mut Vec<Event>, mut pass: Option<&mut Look>) {
        while let Some(item) = self.ring.next() {
            if let Some(count) = kind(&item).and_then(|kind| self.received.get_mut(kind as usize)) {
                *count += 1;
            }
            match decode(&item, self.page) {
                Some(Decoded::Event(event)) => {
                    self.health.events += 1;
                    into.push(event);
                }
                Some(Decoded::Near { service }) => {
                    self.health.events += 1;
                    self.closer.near(service);
                }
                Some(Decoded::Wanted { by, process, at }) => {
                    self.health.events += 1;
                    let wanted = |service| Event::Wanted { service, process, at };
                    into.extend(self.wants.of(by).map(wanted));
                }
                Some(Decoded::OomPid { pid, at }) => {
                    self.health.events += 1;
                    into.extend(victim(&self.table, pid, at));
                }
                Some(Decoded::Sampled { sample, pass: at, freed_ns }) => {
                    if let Some(look) = pass.as_deref_mut().filter(|look| look.at == at) {
                        look.groups.entry(sample.service).or_default().sample(&sample, freed_ns);
                        look.samples.push(sample);
                    }
                }
                Some(Decoded::Limbo { service, pass: at, cpu_ns }) => {
                    if let Some(look) = pass.as_deref_mut().filter(|look| look.at == at) {
                        look.groups.entry(service).or_default().limbo(cpu_ns);
                    }
                }
                None => log::warn!("a record of the kernel programs is not understood"),
            }
        }
        if let Some(messages) = &mut self.messages {
            messages.flush();
        }
    }

    /// Tells what was lost since it was told last.
    fn losses(&mut self, into: &mut Vec<Event>) {
        let words = self.table.tally();
        let lost = words[tally::LOST..tally::LOST + tally::KINDS].iter().sum::<u64>()
            + words[tally::UNTRACKED];
        if lost > self.told {
            into.push(Event::Lost { records: lost - self.told });
            (self.told, self.health.lost, self.damaged) = (lost, lost, true);
        }
    }

    /// Looks at every watched process, or at one service's. `complete` where each could be seen.
    fn survey(&mut self, service: Option<ServiceId>, into: &mut Vec<Event>) -> Look {
        self.read(into, None);
        let at = boot_now();
        let mut look = Look { at, complete: false, samples: Vec::new(), groups: BTreeMap::new() };
        look.complete = self.visit(service, into, &mut look).unwrap_or_else(|error| {
            log::error!("a look at the watched processes failed: {error}");
            false
        });
        if let Some(service) = service {
            look.samples.retain(|sample| sample.service == service);
            look.groups.retain(|seen, _| *seen == service);
            look.groups.entry(service).or_default();
        }
        if look.complete {
            for (service, seen) in &look.groups {
                if self.closer.found(&self.table, *service, seen) {
                    let (mode, group) = (mode::JUDGE, service.group());
                    let orders = Control { mode, group, ..Control::default() };
                    if let Err(error) = self.walker.nowhere(&self.table, orders) {
                        log::error!("limits cannot be compared: {error}");
                    }
                }
            }
            // What was over its limit is in the ring now.
            self.read(into, None);
        }
        look
    }

    /// Visits every watched process, or one service's. True where every one of them could be seen.
    fn visit(
        &mut self,
        service: Option<ServiceId>,
        into: &mut Vec<Event>,
        look: &mut Look,
    ) -> io::Result<bool> {
        let repair = service.is_none() && std::mem::take(&mut self.damaged);
        if repair {
            self.health.repairs += 1;
            self.repair()?;
        }
        let group = service.map(ServiceId::group);
        let mut answer = self.walker.visit(&self.table, look.at, group, repair)?;
        for _ in 0..ROUNDS {
            let before = look.samples.len();
            self.read(into, Some(look));
            if answer.full == 0 {
                if repair {
                    self.walker.prune(&self.table, look.at)?;
                    self.recount()?;
                }
                return Ok(true);
            }
            if look.samples.len() == before {
                break;
            }
            answer = self.walker.rest(&self.table, look.at)?;
        }
        Ok(false)
    }

    /// Puts the table right: enrols members' children that are not in it.
    fn repair(&mut self) -> io::Result<()> {
        let orders = Control { mode: mode::INHERIT, ..Control::default() };
        for _ in 0..ROUNDS {
            if self.walker.everywhere(&self.table, orders)?.added == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Makes the running sums right of each group in which they differ from the table.
    fn recount(&mut self) -> io::Result<()> {
        let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (_, entry) in self.table.entries()? {
            if entry.exited == 0 {
                let (pages, living) = sums.entry(entry.group).or_default();
                (*pages, *living) = (pages.saturating_add(entry.held_pages), *living + 1);
            }
        }
        for service in self.table.known() {
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

    /// Enrols the root and its descendants until a walk finds nothing new.
    fn enrol(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<bool> {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let orders = Control {
            mode: mode::ADOPT,
            group: service.group(),
            generation: self.generation,
            tgid: root.pid,
            ticks: root.start,
            ..Control::default()
        };
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

/// What one pass has found so far.
struct Look {
    at: BootTime,
    complete: bool,
    samples: Vec<Sample>,
    groups: BTreeMap<ServiceId, Seen>,
}

impl Source for KernelSource {
    fn fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }

    fn drain(&mut self, into: &mut Vec<Event>) {
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
        into.extend(look.samples.into_iter().map(Event::Sample));
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
        let entries = self.table.entries()?;
        let living = entries.iter().any(|(_, entry)| {
            entry.group == service.group()
                && entry.exited == 0
                && ProcessKey::from_boot_nanoseconds(entry.tgid, entry.start) == root
        });
        if living && self.roots.get(&service) == Some(&root) {
            return Ok(());
        }
        self.table.know(service)?;
        if !self.enrol(service, root)? {
            let text = format!("no process {} that started at tick {}", root.pid, root.start);
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        self.sums.restart(service);
        self.roots.insert(service, root);
        Ok(())
    }

    fn unwatch(&mut self, service: ServiceId) {
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
        let counters = self.table.counters(service);
        let mut look = self.survey(Some(service), into);
        into.extend(look.samples.into_iter().map(Event::Sample));
        if let Ok(counters) = counters {
            let seen = look.groups.remove(&service).unwrap_or_default();
            into.push(Event::Group(self.sums.group(service, &counters, &seen)));
        }
        into.push(Event::Looked { service, at: look.at, complete: look.complete });
    }

    fn enlist(&mut self, service: ServiceId, others: &[ProcessKey]) -> io::Result<()> {
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

/// What a kind of record is called; none for those of a pass.
fn name(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Sample | Kind::Limbo => return None,
        Kind::Exit => "exit",
        Kind::Exec => "exec",
        Kind::Signal => "signal",
        Kind::Oom => "oom",
        Kind::Crossed => "crossed",
        Kind::Wanted => "wanted",
    })
}

/// The OOM killer's choice by pid, where a watched process has it.
fn victim(table: &Table, pid: u32, at: BootTime) -> Option<Event> {
    let entries = table.entries().ok()?;
    let (_, entry) = entries.into_iter().find(|(_, entry)| entry.tgid == pid)?;
    let process = ProcessKey::from_boot_nanoseconds(pid, entry.start);
    Some(Event::OomVictim { service: ServiceId::from_group(entry.group)?, process, at })
}
