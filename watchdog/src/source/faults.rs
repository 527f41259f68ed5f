//! The page-fault sampler: one perf event per processor, counted in software.
//!
//! Not here: what the program does with a sample (`watchdog-ebpf`, `probes/faults.rs`).

use std::collections::BTreeMap;

use aya::Ebpf;
use aya::programs::perf_event::{
    PerfEventConfig, PerfEventLinkId, PerfEventScope, SamplePolicy, SoftwareEvent,
};
use aya::programs::{PerfEvent, ProgramError};
use aya::util::online_cpus;

use super::Missing;
use super::load::program;

/// The program's name.
pub(super) const PROGRAM: &str = "faults";
/// Every so many page faults of a processor are looked at: 256 KiB of small pages.
const PERIOD: u64 = 64;

/// Loads the program and attaches it on every processor that is online. Gives the links, and what
/// is missing.
pub(super) fn start(ebpf: &mut Ebpf) -> (BTreeMap<u32, PerfEventLinkId>, Vec<Missing>) {
    let mut links = BTreeMap::new();
    let loaded = match program::<PerfEvent>(ebpf, PROGRAM) {
        Ok(program) => program.load().map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = loaded {
        return (links, vec![blind(why)]);
    }
    let cpus = match online_cpus() {
        Ok(cpus) => cpus,
        Err((what, error)) => return (links, vec![blind(format!("{what}: {error}"))]),
    };
    let mut missing = Vec::new();
    for cpu in cpus {
        match attach(ebpf, cpu) {
            Ok(link) => drop(links.insert(cpu, link)),
            Err(error) if missing.is_empty() => {
                missing.push(blind(format!("processor {cpu}: {error}")));
            }
            // One reason is enough.
            Err(_) => {}
        }
    }
    (links, missing)
}

/// Takes the program off a processor that is gone, or for a moment.
pub(super) fn detach(ebpf: &mut Ebpf, link: PerfEventLinkId) {
    if let Ok(program) = program::<PerfEvent>(ebpf, PROGRAM) {
        // An error says that it hangs there no more, which is what is wanted.
        let _ = program.detach(link);
    }
}

/// Attaches the program on one processor. Needs CAP_PERFMON; perf events must be compiled in.
pub(super) fn attach(ebpf: &mut Ebpf, cpu: u32) -> Result<PerfEventLinkId, ProgramError> {
    let program: &mut PerfEvent = program(ebpf, PROGRAM).map_err(|_| ProgramError::NotLoaded)?;
    program.attach(
        PerfEventConfig::Software(SoftwareEvent::PageFaults),
        PerfEventScope::AllProcessesOneCpu { cpu },
        SamplePolicy::Period(PERIOD),
        false,
    )
}

fn blind(why: String) -> Missing {
    Missing {
        what: "samples of page faults".to_owned(),
        why,
        cure: "perf events in software (CONFIG_PERF_EVENTS) and CAP_PERFMON; until then memory is \
               looked at in each cycle only"
            .to_owned(),
    }
}
