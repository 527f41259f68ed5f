//! The page-fault sampler: one perf event per processor, counted in software.
//!
//! Not here: what the program does with a sample (`watchdog-ebpf`, `probes/faults.rs`).

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

/// Loads the program and attaches it on every processor that is online. Gives what is missing.
pub(super) fn start(ebpf: &mut Ebpf) -> Vec<Missing> {
    let loaded = match program::<PerfEvent>(ebpf, PROGRAM) {
        Ok(program) => program.load().map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = loaded {
        return vec![blind(why)];
    }
    let cpus = match online_cpus() {
        Ok(cpus) => cpus,
        Err((what, error)) => return vec![blind(format!("{what}: {error}"))],
    };
    let refused = |cpu| attach(ebpf, cpu).err().map(|error| (cpu, error));
    let refused: Vec<_> = cpus.into_iter().filter_map(refused).collect();
    let first = refused.first().map(|(cpu, error)| blind(format!("processor {cpu}: {error}")));
    first.into_iter().collect()
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
