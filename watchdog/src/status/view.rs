//! The JSON document of `GET /api/v1/status` and `status --json`: a snapshot in public words.
//!
//! Base units: bytes, seconds, ratios 0–1; RFC 3339 times in UTC; what is not known is `null`.
//! Fields are only ever added. `docs/status.md` says what each means.

use serde::{Deserialize, Serialize, Serializer};

use super::death::DeathDocument;
use super::metrics::MetricsDocument;
use super::page::{self, PageDocument};
use super::sensor::SensorDocument;
use crate::clock::{self, BootTime};
use crate::message::{RuleView, ServiceView, Snapshot};

/// What the document shows besides the engine's snapshot.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// Requests refused because the inbox was full.
    pub inbox_refused: u64,
    /// Counters of alert delivery.
    pub notify: Option<serde_json::Value>,
}

/// The whole document.
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub version: String,
    pub host: String,
    #[serde(serialize_with = "number")]
    pub cycle_seconds: f64,
    pub cycles: u64,
    pub uptime_seconds: u64,
    pub config_generation: u64,
    pub sensor: SensorDocument,
    pub services: Vec<ServiceDocument>,
    #[serde(default)]
    pub memory_total_bytes: Option<u64>,
    #[serde(default)]
    pub inbox: InboxDocument,
    #[serde(default)]
    pub notify: Option<serde_json::Value>,
    /// Where only one page was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageDocument>,
}

/// The inbox's part.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxDocument {
    pub refused: u64,
}

/// One service.
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceDocument {
    pub name: String,
    pub kind: String,
    pub status: String,
    pub monitored: bool,
    pub group: Vec<String>,
    pub pid: Option<u32>,
    pub uptime_seconds: Option<u64>,
    pub restarts: u64,
    pub metrics: MetricsDocument,
    pub rules: Vec<RuleDocument>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub unmonitored_since: Option<String>,
    #[serde(default)]
    pub waits_for: Option<String>,
    #[serde(default)]
    pub last_death: Option<String>,
    /// What should be changed about it, with the cure.
    #[serde(default)]
    pub advice: Option<String>,
    #[serde(default)]
    pub death: Option<DeathDocument>,
    #[serde(default)]
    pub acting: Option<String>,
    #[serde(default)]
    pub next_attempt: Option<String>,
    #[serde(default)]
    pub braked_until: Option<String>,
    #[serde(default)]
    pub candidates: u32,
    #[serde(default)]
    pub mode: String,
    #[serde(default)]
    pub onreboot: String,
    /// What was observed last; its names depend on the kind.
    #[serde(default)]
    pub observed: serde_json::Map<String, serde_json::Value>,
}

/// One rule.
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDocument {
    #[serde(rename = "if")]
    pub text: String,
    pub state: String,
    pub failing_cycles: u32,
    pub then: String,
    #[serde(default)]
    pub implicit: bool,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub actions: Vec<String>,
    #[serde(default)]
    pub description: Option<String>,
}

impl Document {
    /// The document of a snapshot.
    pub fn of(snapshot: &Snapshot, extras: Extras) -> Self {
        Self::with(snapshot, extras, snapshot.services.iter())
    }

    /// One page of it.
    pub fn page(snapshot: &Snapshot, extras: Extras, number: usize) -> Self {
        let (services, page) = page::take(&snapshot.services, number);
        Self { page: Some(page), ..Self::with(snapshot, extras, services.into_iter()) }
    }

    fn with<'a>(
        snapshot: &Snapshot,
        extras: Extras,
        services: impl Iterator<Item = &'a ServiceView>,
    ) -> Self {
        let Snapshot { at, host, started, cycle_seconds, cycles, config_generation, .. } = snapshot;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host.clone(),
            cycle_seconds: *cycle_seconds,
            cycles: *cycles,
            uptime_seconds: at.since(*started).as_secs(),
            config_generation: *config_generation,
            sensor: SensorDocument::of(&snapshot.sensor),
            services: services.map(|view| ServiceDocument::of(view, *at)).collect(),
            inbox: InboxDocument { refused: extras.inbox_refused },
            notify: extras.notify,
            memory_total_bytes: snapshot.memory_total_bytes,
            page: None,
        }
    }
}

impl ServiceDocument {
    /// That of the service of this name.
    pub fn named(snapshot: &Snapshot, name: &str) -> Option<Self> {
        let view = snapshot.services.iter().find(|view| view.name == name)?;
        Some(Self::of(view, snapshot.at))
    }

    fn of(view: &ServiceView, at: BootTime) -> Self {
        Self {
            name: view.name.clone(),
            kind: view.kind.to_owned(),
            status: view.status.word().to_owned(),
            monitored: view.monitored,
            unmonitored_since: view.unmonitored_since.map(whole_second),
            group: view.groups.clone(),
            pid: view.main.map(|main| main.pid),
            uptime_seconds: view.since.map(|since| at.since(since).as_secs()),
            restarts: view.restarts,
            metrics: MetricsDocument::of(&view.metrics, view.kind == "system"),
            rules: view.rules.iter().map(RuleDocument::of).collect(),
            reason: view.reason.clone(),
            waits_for: view.waits_for.clone(),
            last_death: view.last_death.clone(),
            advice: view.advice.clone(),
            death: view.death.as_ref().map(DeathDocument::of),
            acting: view.acting.map(|verb| verb.word().to_owned()),
            next_attempt: view.next_attempt.map(whole_second),
            braked_until: view.braked_until.map(whole_second),
            candidates: view.candidates,
            mode: view.mode.to_owned(),
            onreboot: view.onreboot.to_owned(),
            observed: observed(view),
        }
    }
}

/// What was observed of a service, by the names that its kind gives.
fn observed(view: &ServiceView) -> serde_json::Map<String, serde_json::Value> {
    let shown = view.observed.iter().flat_map(|observed| observed.shown());
    shown.map(|(name, value)| (name.to_owned(), value)).collect()
}

impl RuleDocument {
    fn of(view: &RuleView) -> Self {
        Self {
            text: view.text.clone(),
            state: view.state.word().to_owned(),
            failing_cycles: view.failing_cycles,
            then: view.then.clone(),
            implicit: view.implicit,
            title: view.title.to_owned(),
            name: view.name.clone(),
            actions: view.actions.iter().map(|action| (*action).to_owned()).collect(),
            description: view.description.clone(),
        }
    }

    /// All that it does, as a list in words.
    pub fn all_actions(&self) -> String {
        // An older daemon told the first only.
        if self.actions.is_empty() { self.then.clone() } else { self.actions.join(", ") }
    }
}

/// A moment in RFC 3339, in UTC.
pub(super) fn whole_second(at: BootTime) -> String {
    format!("{:.0}", clock::wall_of(at))
}

/// A whole number without `.0`.
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let whole = *value as u64;
    let same = (whole as f64 - *value).abs() < f64::EPSILON;
    if same { serializer.serialize_u64(whole) } else { serializer.serialize_f64(*value) }
}
