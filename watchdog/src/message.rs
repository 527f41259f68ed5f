//! What crosses the inbox: stamped inputs in, decisions out. Plain data, no behaviour.
//!
//! The engine (pure) turns one into the other; the daemon and the runner do everything else.

mod act;
mod command;
mod host;
mod saved;
mod told;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::Observation;
use crate::clock::BootTime;
use crate::clock::Minute;
use crate::event::{Crossed, Event};
use crate::identity::{ProcessKey, ServiceId};
use crate::sensor::{Limits, WantBy};
use crate::service::Service;

pub use crate::service::LogLevel as Level;
pub use act::{
    Act, Acted, ActionId, BrakeOrder, Braked, Context, Held, Outcome, Part, Progress, ReleaseOrder,
    Released, RunProgram, Step, Verb,
};
pub use command::{Command, CommandVerb, RequestId};
pub use host::{CpuTicks, DiskCounts, HostSample, StallLimit, Stalls};
pub use saved::{
    Changes, SavedAction, SavedDeath, SavedRule, SavedService, SavedState, SavedTurn,
    SavedUnwatched,
};
pub use told::{Alert, LogLine, Receiver, SurveyBy};
pub use view::{
    DeathView, Metrics, RuleStatus, RuleView, Running, SenderView, ServiceView, Snapshot, Status,
    Top, first_action,
};

/// One line of the inbox.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// When it was put in.
    pub at: BootTime,
    /// What it is.
    pub input: Input,
}

/// Everything that the engine can be told.
#[derive(Debug, Clone)]
pub enum Input {
    /// From the sensor.
    Event(Event),
    /// A limit was crossed and the service has been looked at since: judge what is judged at once.
    Crossed(Crossed),
    /// Work stood still for so long within ten seconds: judge what is judged then.
    Stalled(StallLimit),
    /// Something has changed where this service's process would be named (its pidfile, its cgroup).
    Stirred(String),
    /// What people should change about the service with this name, or that there is nothing.
    Advised {
        /// The service's name.
        service: String,
        /// In one line, with the cure.
        text: Option<String>,
    },
    /// Answer to [`Decision::Measure`].
    Measured(Measured),
    /// Answer to [`Decision::Observe`].
    Observed(Observed),
    /// Names of the host's user ids, for texts: at the start and after a reload.
    Users(Arc<BTreeMap<u32, String>>),
    /// The host's own numbers, once per pass.
    Host(Box<HostSample>),
    /// Answer to [`Decision::Find`].
    Found(Found),
    /// How an action of ours is getting on.
    Progress(Progress),
    /// An action of ours has ended: answer to [`Decision::Act`] and [`Decision::Exec`].
    Acted(Acted),
    /// A brake is on: answer to [`Decision::Brake`].
    Braked(Braked),
    /// A brake is off: answer to [`Decision::Release`].
    Released(Released),
    /// From an operator.
    Command(Command),
    /// The pass of a cycle is complete: judge everything.
    Cycle,
    /// A pass between two cycles is complete: judge rules in time.
    Sampled,
    /// Another minute of local time has begun, and a pass is complete: judge what waited for it.
    Minute(Minute),
    /// A moment that [`crate::engine::Engine::next_wake`] asked for has come.
    Wake,
}

/// What is to be observed.
#[derive(Debug, Clone)]
pub struct Observe {
    /// The service, with the rules that say what is worth looking at.
    pub service: Arc<Service>,
    /// The observation before this one: where reading goes on.
    pub before: Option<Arc<Observation>>,
    /// The main process, where it is a process.
    pub main: Option<ProcessKey>,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The service.
    pub service: ServiceId,
    /// When it began: an action since then makes it old.
    pub began: BootTime,
    /// What.
    pub observation: Arc<Observation>,
}

/// The proportional set size of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The service.
    pub service: ServiceId,
    /// When the reading began.
    pub at: BootTime,
    /// PSS in bytes by process.
    pub members: Vec<(ProcessKey, u64)>,
    /// Processes that live and could not be read; those that ended are in neither list.
    pub unread: Vec<ProcessKey>,
}

/// The answer of a look for a service's main process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// When the look began: an action since then makes it old.
    pub looked: BootTime,
    /// The service.
    pub service: ServiceId,
    /// What was found.
    pub presence: Presence,
    /// Processes in the service's cgroup that neither are its main process nor descend from it.
    pub others: Vec<ProcessKey>,
    /// By what the kernel would know its processes when they begin, as far as can be told.
    pub by: Vec<WantBy>,
}

/// Whether a service's main process is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Present {
        /// The main process.
        main: ProcessKey,
        /// How many roots matched; the oldest was taken.
        candidates: u32,
    },
    /// It is not.
    Absent {
        /// In one line, why we think so (`pidfile … does not exist`).
        why: String,
    },
    /// Something is there but may not be believed (a pidfile that is not root's). Nothing is
    /// started or signalled.
    Untrusted {
        /// The cause and the cure, in one line.
        why: String,
    },
}

/// Everything that the engine can ask for. The order in a list is the order to carry them out in:
/// a `Save` stands before the deed it must survive.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Look for the service's main process once.
    Find {
        /// The service.
        service: Arc<Service>,
        /// The main process as last known, from this run or from the saved state of this boot.
        known: Option<ProcessKey>,
        /// Processes that have just begun. Where only `match` names the service, it is looked for
        /// among these alone; none: among all.
        begun: Vec<ProcessKey>,
    },
    /// Follow this process and its descendants.
    Watch {
        /// The service.
        service: ServiceId,
        /// Its main process.
        main: ProcessKey,
    },
    /// Follow these processes and their descendants as well.
    Enlist {
        /// The service.
        service: ServiceId,
        /// Processes in its cgroup that do not descend from its main process.
        others: Vec<ProcessKey>,
    },
    /// Follow the service no longer.
    Unwatch(ServiceId),
    /// Tell what is crossed between cycles: in place of the service's former limits.
    Arm {
        /// The service.
        service: ServiceId,
        /// What to tell.
        limits: Limits,
    },
    /// Report processes that begin: in place of the service's former list.
    Want {
        /// The service that waits.
        service: ServiceId,
        /// By what they are known.
        by: Vec<WantBy>,
    },
    /// Read the proportional set size of these processes, off the main path. Always answered.
    Measure {
        /// The service.
        service: ServiceId,
        /// The group's processes as of the last look.
        members: Vec<ProcessKey>,
    },
    /// Observe what no kernel event tells, off the main path. Always answered.
    Observe(Observe),
    /// Start, stop or restart it.
    Act(Act),
    /// Run a rule's program.
    Exec(RunProgram),
    /// Hold its processes. Always answered.
    Brake(BrakeOrder),
    /// Let its processes go. Always answered.
    Release(ReleaseOrder),
    /// Write a line to the log and to the list of events.
    Log(LogLine),
    /// Tell people.
    Alert(Alert),
    /// Answer an operator.
    Reply {
        /// The request.
        id: RequestId,
        /// `Ok`: one line of what was done. `Err`: one line of why not.
        result: Result<String, String>,
    },
    /// Write the state that must survive, now.
    Save,
}
