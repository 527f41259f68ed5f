//! The kernel's maps as user space sees them, and who is in a service's group.
//!
//! Maps are read with bpf(2) directly and shared by every thread; only the kernel programs write
//! to the table and the counters.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use aya::Ebpf;
use aya::maps::{Map, MapData, PerCpuArray};
use watchdog_common::table::{Control, Counters, Limit, Proc, Wanted, canary, tally};

use super::Membership;
use super::canary::Counts;
use super::load::OpenError;
use crate::identity::{ProcessKey, ServiceId};
use crate::sys::bpf;

/// Bytes of a program's name in the kernel, its end included.
const COMM: usize = 16;

/// The words of one tally.
pub(super) type Words = [u64; tally::COUNT];

/// The maps.
pub(super) struct Table {
    procs: MapData,
    counters: MapData,
    limits: MapData,
    control: MapData,
    wanted: MapData,
    wanting: MapData,
    spawn: MapData,
    protect: MapData,
    tally: PerCpuArray<MapData, Words>,
    groups: u32,
    /// Services that were given members or a root: each gets its counters in every pass.
    known: Mutex<BTreeSet<ServiceId>>,
}

impl Table {
    /// Takes the maps out of the loaded object.
    pub(super) fn take(ebpf: &mut Ebpf, groups: u32) -> Result<Self, OpenError> {
        let mut data = |name| match ebpf.take_map(name) {
            Some(Map::HashMap(data) | Map::Array(data)) => Ok(data),
            _ => Err(OpenError::Mismatch(name)),
        };
        let procs = data("PROCS")?;
        let counters = data("COUNTERS")?;
        let limits = data("LIMITS")?;
        let control = data("CONTROL")?;
        let wanted = data("WANTED")?;
        let wanting = data("WANTING")?;
        let spawn = data("SPAWN")?;
        let protect = data("PROTECT")?;
        let tally = ebpf
            .take_map("TALLY")
            .and_then(|map| PerCpuArray::try_from(map).ok())
            .ok_or(OpenError::Mismatch("TALLY"))?;
        Ok(Self {
            procs,
            counters,
            limits,
            control,
            wanted,
            wanting,
            spawn,
            protect,
            tally,
            groups,
            known: Mutex::default(),
        })
    }

    /// Every process in the table, with the kernel's key.
    pub(super) fn entries(&self) -> io::Result<Vec<(u64, Proc)>> {
        bpf::entries(fd(&self.procs))
    }

    /// Takes an entry out that no program will take out any more.
    pub(super) fn forget(&self, key: u64) {
        // `NotFound` is what was wanted.
        let _ = bpf::delete(fd(&self.procs), &key);
    }

    /// Replaces the program names that the brake spares.
    pub(super) fn spare(&self, names: &[String]) -> io::Result<()> {
        for (name, _) in bpf::entries::<[u8; COMM], u32>(fd(&self.protect))? {
            bpf::delete(fd(&self.protect), &name)?;
        }
        for name in names {
            let mut comm = [0; COMM];
            let kept = name.bytes().take(COMM - 1);
            comm.iter_mut().zip(kept).for_each(|(to, byte)| *to = byte);
            bpf::update(fd(&self.protect), &comm, &0_u32)?;
        }
        Ok(())
    }

    /// A group's counters.
    pub(super) fn counters(&self, service: ServiceId) -> io::Result<Counters> {
        bpf::lookup(fd(&self.counters), &service.group())
    }

    /// The orders and answers of the iterator.
    pub(super) fn control(&self) -> io::Result<Control> {
        bpf::lookup(fd(&self.control), &0_u32)
    }

    /// Reports processes that begin no longer by what is gone, and by what has come; `count` is how
    /// many there are then.
    ///
    /// # Errors
    /// Where there is no room.
    pub(super) fn want(&self, gone: &[Wanted], come: &[Wanted], count: u32) -> io::Result<()> {
        for by in gone {
            // `NotFound` is what was wanted.
            let _ = bpf::delete(fd(&self.wanted), by);
        }
        let result = come.iter().try_for_each(|by| bpf::update(fd(&self.wanted), by, &1_u32));
        bpf::update(fd(&self.wanting), &0_u32, &count)?;
        result
    }

    /// Gives orders to the iterator.
    pub(super) fn order(&self, control: &Control) -> io::Result<()> {
        bpf::update(fd(&self.control), &0_u32, control)
    }

    /// Sets what is to be told of a group between passes. `InvalidInput` as in [`Table::know`].
    pub(super) fn limit(&self, service: ServiceId, limit: &Limit) -> io::Result<()> {
        self.has_room(service)?;
        bpf::update(fd(&self.limits), &service.group(), limit)
    }

    /// The tallies summed over all CPUs.
    pub(super) fn tally(&self) -> Words {
        let mut sums = [0; tally::COUNT];
        if let Ok(values) = self.tally.get(&0, 0) {
            for words in values.iter() {
                for (sum, word) in sums.iter_mut().zip(words) {
                    *sum += *word;
                }
            }
        }
        sums
    }

    /// What the programs have counted of the canary.
    pub(super) fn canary(&self) -> Counts {
        let mut counts = [0; canary::WORDS];
        counts.copy_from_slice(&self.tally()[tally::CANARY..tally::CANARY + canary::WORDS]);
        counts
    }

    /// Processors that this kernel may ever have.
    pub(super) fn processors(&self) -> u64 {
        self.tally.get(&0, 0).map_or(1, |values| values.len() as u64)
    }

    /// Forks a canary from the calling thread, has it exec, and kills it. May wait for a disk.
    pub(super) fn fly(&self) -> io::Result<()> {
        let mut flown = Err(io::ErrorKind::Other.into());
        self.births(canary::GROUP, &mut || {
            // Killed before it can read a single argument; should it not be, it does nothing.
            let mut command = Command::new("/proc/self/exe");
            command.arg("--help").env_clear();
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            flown = command.spawn().and_then(|mut canary| {
                canary.kill()?;
                canary.wait()
            });
        })?;
        flown.map(drop)
    }

    /// Takes canaries out that no program took out.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for (key, _) in self.entries()?.iter().filter(|(_, entry)| entry.group == canary::GROUP) {
            self.forget(*key);
        }
        Ok(())
    }

    /// Runs `spawn`; what the calling thread forks in it is born into the group.
    fn births(&self, group: u32, spawn: &mut dyn FnMut()) -> io::Result<()> {
        let thread = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        bpf::update(fd(&self.spawn), &thread, &group)?;
        let _over = Over { table: self, thread };
        spawn();
        Ok(())
    }

    /// Forks, exits and frees of watched processes so far.
    pub(super) fn changes(&self) -> u64 {
        self.tally()[tally::CHANGES]
    }

    /// The services that a pass reports on.
    pub(super) fn known(&self) -> Vec<ServiceId> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Reports on a service from now on. `InvalidInput` where there is no room for its group.
    pub(super) fn know(&self, service: ServiceId) -> io::Result<()> {
        self.has_room(service)?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(service);
        Ok(())
    }

    fn has_room(&self, service: ServiceId) -> io::Result<()> {
        if service.group() > self.groups {
            let text = format!("the kernel's table has room for {} services", self.groups);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(())
    }

    /// Reports on a service no more.
    pub(super) fn unknow(&self, service: ServiceId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&service);
    }
}

fn fd(map: &MapData) -> BorrowedFd<'_> {
    map.fd().as_fd()
}

impl Membership for Table {
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        let living = |entry: &Proc| entry.group == service.group() && entry.exited == 0;
        Ok(self
            .entries()?
            .into_iter()
            .filter(|(_, entry)| living(entry))
            .map(|(_, entry)| ProcessKey::from_boot_nanoseconds(entry.tgid, entry.start))
            .collect())
    }

    fn braked(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        let braked =
            |entry: &Proc| entry.group == service.group() && entry.exited == 0 && entry.braked != 0;
        let keys = self.entries()?.into_iter().filter(|(_, entry)| braked(entry));
        Ok(keys
            .map(|(_, entry)| ProcessKey::from_boot_nanoseconds(entry.tgid, entry.start))
            .collect())
    }

    fn service_of(&self, process: ProcessKey) -> io::Result<Option<ServiceId>> {
        let same =
            |entry: &Proc| ProcessKey::from_boot_nanoseconds(entry.tgid, entry.start) == process;
        let found = self.entries()?.into_iter().find(|(_, entry)| same(entry));
        Ok(found.and_then(|(_, entry)| ServiceId::from_group(entry.group)))
    }

    fn spawning(&self, service: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()> {
        self.know(service)?;
        self.births(service.group(), spawn)
    }
}

/// Ends the time of births, also where `spawn` panics.
struct Over<'a> {
    table: &'a Table,
    thread: u32,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let _ = bpf::delete(fd(&self.table.spawn), &self.thread);
    }
}

/// The part of the table that other threads may hold.
pub(super) fn membership(table: &Arc<Table>) -> Arc<dyn Membership> {
    Arc::clone(table) as Arc<dyn Membership>
}
