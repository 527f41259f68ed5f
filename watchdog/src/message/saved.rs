//! What must survive the daemon.
//!
//! Not here: files (`crate::state`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Held;
use crate::check::Observation;
use crate::identity::ProcessKey;

/// What must survive the daemon. Hostile input when read back: nothing in it is believed without
/// its boot id and the identity of each process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct SavedState {
    /// By service name.
    pub services: BTreeMap<String, SavedService>,
    /// When the processes in it were last known to live: boot time in nanoseconds, at the start of
    /// its minute, so that the file is not written anew for it all the time. Of this boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// It is of an earlier boot, or there was none.
    #[serde(skip)]
    pub rebooted: bool,
}

/// What may have changed of that since it was noted last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// By service name: those that there are, and no other.
    pub services: BTreeMap<String, SavedService>,
    /// As in [`SavedState`]; none: as it was.
    pub seen: Option<u64>,
}

/// What must survive of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedService {
    /// Is it monitored?
    pub monitored: bool,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmonitored: Option<Box<SavedUnwatched>>,
    /// Our restarts since the state began.
    pub restarts: u64,
    /// Attempts to start in a row without life.
    pub attempts: u32,
    /// Did we give up?
    pub given_up: bool,
    /// The main process as last known; of this boot only.
    pub main: Option<ProcessKey>,
    /// Its end was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// The end of the last main process. Of this boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub death: Option<Box<SavedDeath>>,
    /// An action was under way.
    pub acting: Option<SavedAction>,
    /// Processes may be held: by a brake in force, or by one that the kernel was to set. Of this
    /// boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<Held>,
    /// What `observed`, `bases` and `told` are about: a checksum of how the rule file names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<u32>,
    /// What was observed last, for what has changed meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Arc<Observation>>,
    /// What rules about changes last told of, where that is not `observed`: by the rule's text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, Arc<Observation>>,
    /// When it was tried last, where we gave up: boot time in nanoseconds. Of this boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<u64>,
    /// What is to be done as soon as other services allow it. Of this boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<SavedTurn>,
    /// Rules whose failure people were told of, and not yet that it is over. Of this boot only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<SavedRule>,
}

impl Default for SavedService {
    /// A service that nothing is known of: it is monitored.
    fn default() -> Self {
        Self {
            monitored: true,
            unmonitored: None,
            restarts: 0,
            attempts: 0,
            given_up: false,
            main: None,
            ended: false,
            death: None,
            acting: None,
            brake: None,
            about: None,
            observed: None,
            bases: BTreeMap::new(),
            tried: None,
            turn: None,
            told: Vec::new(),
        }
    }
}

/// How a main process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedDeath {
    /// In one line, for people.
    pub text: String,
}

/// Why nobody watches a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedUnwatched {
    /// On whose word, for people.
    pub why: String,
    /// Since when: boot time in nanoseconds. Of this boot only.
    pub at: Option<u64>,
}

/// A rule of whose failure people were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedRule {
    /// The rule's sentence.
    pub rule: String,
    /// It was failing; otherwise an action had let it start afresh.
    pub failing: bool,
}

/// An action that waited for other services when the state was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedTurn {
    /// `start`, `stop` or `restart`.
    pub verb: String,
    /// For the sake of another that is restarted: after a stop comes a start.
    pub above: bool,
}

/// An action that was under way when the state was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedAction {
    /// `start`, `stop` or `restart`.
    pub verb: String,
    /// Boot time in nanoseconds when it began; of this boot only.
    pub since: u64,
    /// The start program's process, once it ran.
    pub program: Option<ProcessKey>,
}
