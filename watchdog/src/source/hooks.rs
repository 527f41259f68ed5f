//! Where our programs hang: on tracepoints, and on the page faults of each processor.
//!
//! What was attached can be attached anew, and a processor that came or went is followed. Not here:
//! whether a hook tells what happens (`canary`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;

use aya::Ebpf;
use aya::programs::BtfTracePoint;
use aya::programs::perf_event::PerfEventLinkId;
use aya::programs::tp_btf::BtfTracePointLinkId;
use aya::util::online_cpus;

use super::faults;
use super::load::program;

/// Which processors are online, in one short line.
const ONLINE: &str = "/sys/devices/system/cpu/online";

/// What is attached.
#[derive(Default)]
pub(super) struct Hooks {
    /// Tracepoint programs that this kernel took, by name; none where one is detached just now.
    points: BTreeMap<&'static str, Option<BtfTracePointLinkId>>,
    /// The fault sampler by processor. Empty where it was refused.
    processors: BTreeMap<u32, PerfEventLinkId>,
    /// The line of `ONLINE` that `processors` follows.
    online: String,
}

impl Hooks {
    /// Notes a tracepoint program that was attached.
    pub(super) fn attached(&mut self, name: &'static str, link: BtfTracePointLinkId) {
        self.points.insert(name, Some(link));
    }

    /// Notes the fault sampler's links.
    pub(super) fn sampling(&mut self, processors: BTreeMap<u32, PerfEventLinkId>) {
        self.processors = processors;
        self.online = fs::read_to_string(ONLINE).unwrap_or_default();
    }

    /// Whether this kernel took the program.
    pub(super) fn has(&self, name: &str) -> bool {
        match name {
            faults::PROGRAM => !self.processors.is_empty(),
            _ => self.points.contains_key(name),
        }
    }

    /// Whether the program hangs where it should.
    pub(super) fn is_attached(&self, name: &str) -> bool {
        match name {
            faults::PROGRAM => !self.processors.is_empty(),
            _ => self.points.get(name).is_some_and(Option::is_some),
        }
    }

    /// Takes a program off its hook. The fault sampler is taken off every processor.
    pub(super) fn detach(&mut self, ebpf: &mut Ebpf, name: &'static str) {
        if name == faults::PROGRAM {
            for (_, link) in std::mem::take(&mut self.processors) {
                faults::detach(ebpf, link);
            }
        } else if let Some(link) = self.points.get_mut(name).and_then(Option::take)
            && let Ok(point) = program::<BtfTracePoint>(ebpf, name)
        {
            // An error says that it hangs there no more, which is what is wanted.
            let _ = point.detach(link);
        }
    }

    /// Hangs a program up again.
    pub(super) fn attach(&mut self, ebpf: &mut Ebpf, name: &'static str) -> Result<(), String> {
        self.detach(ebpf, name);
        if name == faults::PROGRAM {
            self.online.clear();
            return self.follow(ebpf).map_err(|why| why.unwrap_or_default());
        }
        let point: &mut BtfTracePoint = program(ebpf, name).map_err(|error| error.to_string())?;
        let link = point.attach().map_err(|error| error.to_string())?;
        self.attached(name, link);
        Ok(())
    }

    /// Follows the processors that came and went. An error without a text: nothing is sampled here.
    pub(super) fn follow(&mut self, ebpf: &mut Ebpf) -> Result<(), Option<String>> {
        let online = fs::read_to_string(ONLINE).map_err(|error| Some(error.to_string()))?;
        if online == self.online {
            return Ok(());
        }
        let cpus = online_cpus().map_err(|(what, error)| Some(format!("{what}: {error}")))?;
        // The event of a processor that was gone meanwhile is dead, also where it is back.
        let gone: Vec<u32> =
            self.processors.keys().copied().filter(|cpu| !cpus.contains(cpu)).collect();
        for link in gone.iter().filter_map(|cpu| self.processors.remove(cpu)) {
            faults::detach(ebpf, link);
        }
        for cpu in cpus {
            if let Entry::Vacant(place) = self.processors.entry(cpu) {
                let link = faults::attach(ebpf, cpu)
                    .map_err(|error| Some(format!("processor {cpu}: {error}")))?;
                place.insert(link);
            }
        }
        self.online = online;
        Ok(())
    }
}
