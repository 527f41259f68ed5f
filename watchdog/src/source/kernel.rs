//! The kernel sensor: programs loaded, records drained, passes made.
//!
//! Not here: decoding (`decode`), loading (`load`), how a pass looks at processes (`pass`).

mod calls;
mod enrolment;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use aya_log::EbpfLogger;
use watchdog_common::record::Kind;
use watchdog_common::table::{Control, mode, tally};

pub use super::load::OpenError;

use super::closer::Closer;
use super::decode::{Decoded, decode, kind};
use super::hooks::Hooks;
use super::pass::{Seen, Sums, Walker, duplicate};
use super::table::Table;
use super::upkeep::{Sight, Upkeep};
use super::wants::Wants;
use super::{Health, Missing, Source, Tally, load};
use crate::clock::{BootTime, boot_now};
use crate::event::{Event, Sample};
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
    /// Groups of which only the root is enrolled so far.
    bare: BTreeSet<ServiceId>,
    wants: Wants,
    messages: Option<EbpfLogger<&'static dyn log::Log>>,
    page: u64,
    generation: u32,
    /// Losses told so far.
    told: u64,
    /// A loss that no pass has repaired yet.
    damaged: bool,
    /// Room for the samples of the next pass: thirty thousand are megabytes that would be asked of the host,
    /// page by page, in each cycle.
    room: Vec<Sample>,
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
            bare: BTreeSet::new(),
            wants: Wants::default(),
            messages: loaded.messages,
            page: rustix::param::page_size() as u64,
            generation: 0,
            told: 0,
            damaged: false,
            room: Vec::new(),
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

    /// Hands the samples on; their room is kept for the next pass.
    fn tell_samples(&mut self, look: &mut Look, into: &mut Vec<Event>) {
        into.extend(look.samples.drain(..).map(Event::Sample));
        self.room = std::mem::take(&mut look.samples);
    }

    /// Looks at every watched process, or at one service's. `complete` where each could be seen.
    fn survey(&mut self, service: Option<ServiceId>, into: &mut Vec<Event>) -> Look {
        self.read(into, None);
        let at = boot_now();
        let samples = std::mem::take(&mut self.room);
        let mut look = Look { at, complete: false, samples, groups: BTreeMap::new() };
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
                    self.recount(self.table.known())?;
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
}

/// What one pass has found so far.
struct Look {
    at: BootTime,
    complete: bool,
    samples: Vec<Sample>,
    groups: BTreeMap<ServiceId, Seen>,
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
