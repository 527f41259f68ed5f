//! The sensor's part of the status document: what the kernel tells us, what it costs, what is missing.
//!
//! Not here: the rest of the document (`view`), and how the sensor knows (`source`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::sensor::{Cost, Health, Missing, ProgramHealth, Tally};

/// The sensor's part.
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorDocument {
    pub mode: String,
    pub kernel: String,
    pub events: u64,
    pub lost: u64,
    pub missing: Vec<MissingDocument>,
    #[serde(default)]
    pub repairs: u64,
    #[serde(default)]
    pub events_per_second: Option<f64>,
    #[serde(default)]
    pub pass_seconds: Option<f64>,
    #[serde(default)]
    pub pass_seconds_max: Option<f64>,
    #[serde(default)]
    pub proved: Option<String>,
    #[serde(default)]
    pub reattached: u64,
    #[serde(default)]
    pub untracked: u64,
    #[serde(default)]
    pub records: Vec<RecordsDocument>,
    #[serde(default)]
    pub programs: Vec<ProgramDocument>,
}

/// One kind of record.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsDocument {
    pub kind: String,
    pub produced: u64,
    pub received: u64,
    pub lost: u64,
}

/// One of the kernel's programs.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramDocument {
    pub name: String,
    pub attached: bool,
    pub runs_per_second: Option<f64>,
    pub run_seconds: Option<f64>,
    pub cpu: Option<f64>,
}

/// One thing that the host does not offer.
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingDocument {
    pub what: String,
    pub why: String,
    pub cure: String,
}

impl RecordsDocument {
    fn of(tally: &Tally) -> Self {
        let Tally { kind, produced, received, lost } = *tally;
        Self { kind: kind.to_owned(), produced, received, lost }
    }
}

impl ProgramDocument {
    fn of(program: &ProgramHealth) -> Self {
        let cost = program.cost.filter(|cost| !cost.over.is_zero());
        let mean = |cost: Cost| cost.time.as_secs_f64() / cost.runs as f64;
        Self {
            name: program.name.to_owned(),
            attached: program.attached,
            runs_per_second: cost.map(|cost| per_second(cost.runs, cost.over)),
            run_seconds: cost.filter(|cost| cost.runs > 0).map(mean),
            cpu: cost.map(|cost| cost.time.as_secs_f64() / cost.over.as_secs_f64()),
        }
    }
}

/// A rate, to a thousandth.
fn per_second(count: u64, over: Duration) -> f64 {
    let rate = count as f64 / over.as_secs_f64().max(1e-9);
    (rate * 1000.0).round() / 1000.0
}

/// Seconds; `None` where nothing was measured yet.
fn seconds(time: Duration) -> Option<f64> {
    (!time.is_zero()).then_some(time.as_secs_f64())
}

impl MissingDocument {
    pub(crate) fn of(missing: &Missing) -> Self {
        let Missing { what, why, cure } = missing.clone();
        Self { what, why, cure }
    }
}

impl SensorDocument {
    pub(super) fn of(health: &Health) -> Self {
        let missing = health.missing.iter().map(MissingDocument::of);
        Self {
            mode: health.mode.to_owned(),
            kernel: health.kernel.clone(),
            events: health.events,
            lost: health.lost,
            missing: missing.collect(),
            repairs: health.repairs,
            events_per_second: health.lately.map(|(events, over)| per_second(events, over)),
            pass_seconds: seconds(health.pass.0),
            pass_seconds_max: seconds(health.pass.1),
            proved: health.proved.map(|at| clock::wall_of(at).to_string()),
            reattached: health.reattached,
            untracked: health.untracked,
            records: health.tallies.iter().map(RecordsDocument::of).collect(),
            programs: health.programs.iter().map(ProgramDocument::of).collect(),
        }
    }
}
