//! What is done to a service: orders to the runner, and its answers.
//!
//! Not here: doing it (`crate::runner`, `crate::action`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::BootTime;
use crate::identity::{ProcessKey, ServiceId};
use crate::service::{BrakeHow, Program, Service};

/// Number of an action, unique in one run of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u64);

/// What is done to a service as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// End leftovers of a dead main process, run the start program, wait until it is there.
    Start,
    /// Run the stop program or signal the group, wait until all are gone.
    Stop,
    /// Stop, then start; or the restart program.
    Restart,
}

impl Verb {
    /// `start`, `stop`, `restart`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// An order to act on a service.
#[derive(Debug, Clone)]
pub struct Act {
    /// Its number, for the answer.
    pub id: ActionId,
    /// The service as configured.
    pub service: Arc<Service>,
    /// What to do.
    pub verb: Verb,
    /// The main process as last known alive.
    pub main: Option<ProcessKey>,
    /// The main process that died a moment ago, by the kernel's word. `/proc` may still show it as
    /// alive: it is not the service. A start then does not walk through all processes first to see
    /// whether somebody else has started it.
    pub dead: Option<ProcessKey>,
    /// A start program that a former run of the daemon left running: ended first.
    pub leftover: Option<ProcessKey>,
    /// A brake is in force: what it holds is ended first.
    pub braked: bool,
    /// Why.
    pub context: Context,
}

/// An order to hold a service's processes.
#[derive(Debug, Clone)]
pub struct BrakeOrder {
    /// Its number, for the answer.
    pub id: ActionId,
    /// The service as configured.
    pub service: Arc<Service>,
    /// By what means.
    pub how: BrakeHow,
    /// The main process.
    pub main: Option<ProcessKey>,
    /// Processes younger than this are the storm's.
    pub storm: BootTime,
}

/// An order to let go of a service's processes.
#[derive(Debug, Clone)]
pub struct ReleaseOrder {
    /// Its number, for the answer.
    pub id: ActionId,
    /// The service as configured.
    pub service: Arc<Service>,
    /// The main process as last known.
    pub main: Option<ProcessKey>,
    /// What is held as far as was noted.
    pub held: Held,
    /// Noted by a former run, which may have known less than it held.
    pub former: bool,
}

/// What a brake holds. Hostile input when read back: each process is believed by its identity, a
/// cgroup only where it is one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Folder of the frozen cgroup.
    pub frozen: Option<String>,
    /// Processes that got SIGSTOP from user space.
    pub stopped: Vec<ProcessKey>,
}

/// A brake is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Braked {
    /// The order.
    pub id: ActionId,
    /// The service.
    pub service: ServiceId,
    /// What is held.
    pub held: Held,
    /// `Ok`: what was done, in one line. `Err`: what could not be held, in one line.
    pub result: Result<String, String>,
}

/// A brake is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The order.
    pub id: ActionId,
    /// The service.
    pub service: ServiceId,
    /// `Ok`: what was done, in one line. `Err`: what could not be released, in one line.
    pub result: Result<String, String>,
}

/// An order to run a rule's program.
#[derive(Debug, Clone)]
pub struct RunProgram {
    /// Its number, for the answer.
    pub id: ActionId,
    /// The service as configured.
    pub service: Arc<Service>,
    /// What to run.
    pub program: Program,
    /// Why.
    pub context: Context,
}

/// Why something is done, for an action's environment (`WATCHDOG_*`, `MONIT_*`) and for texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    /// Monit's event text, such as `Resource limit matched`.
    pub event: String,
    /// One line: what happened.
    pub description: String,
    /// `restart`, `exec`, …
    pub action: String,
    /// The rule's text.
    pub rule: String,
    /// The value that was judged, as text with its unit.
    pub value: String,
    /// The limit, as text with its unit.
    pub limit: String,
    /// The main process, where there is one.
    pub pid: Option<u32>,
    /// RSS of the main process in kB.
    pub memory_kb: Option<u64>,
    /// Descendants.
    pub children: Option<u64>,
    /// CPU of the main process in percent.
    pub cpu_percent: Option<f64>,
    /// How the program of a program service ended last; -1 where it could not be run to its end.
    pub program_status: Option<i32>,
    /// Moment of the event.
    pub at: BootTime,
}

impl Context {
    /// What happened without a rule behind it, and that people are told of it.
    pub fn plain(event: &str, description: String, at: BootTime) -> Self {
        Self {
            event: event.to_owned(),
            description,
            action: "alert".to_owned(),
            at,
            ..Self::default()
        }
    }
}

/// How an action is getting on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The action.
    pub id: ActionId,
    /// The service.
    pub service: ServiceId,
    /// The step.
    pub step: Step,
}

/// A step of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A program is about to run, or signals are sent: text for the log (`stop: '/etc/init.d/x'`).
    Doing(String),
    /// The start program runs as this process.
    Spawned(ProcessKey),
    /// The service's processes are gone; a start will follow.
    Gone,
}

/// An action has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// The action.
    pub id: ActionId,
    /// The service.
    pub service: ServiceId,
    /// How.
    pub outcome: Outcome,
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The service is up: answer to start and restart.
    Started {
        /// The main process.
        main: ProcessKey,
        /// How many roots matched.
        candidates: u32,
    },
    /// All its processes are gone: answer to stop.
    Stopped,
    /// A program ended with status 0: a rule's, or that of a service which is no process.
    Ran,
    /// It went wrong.
    Failed {
        /// Which part.
        part: Part,
        /// One line in Monit's words: `(exit status 3) -- '/etc/init.d/x start': cannot …`.
        message: String,
    },
}

/// The part of an action that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Stopping; starting was not tried.
    Stop,
    /// Starting, or waiting for the process.
    Start,
    /// A rule's program.
    Exec,
}
