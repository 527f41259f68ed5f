//! What crosses the inbox: stamped inputs in, decisions out. Plain data, no behaviour.
//!
//! The engine (pure) turns one into the other; the daemon and the runner do everything else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::check::Observation;
use crate::clock::BootTime;
use crate::event::{Crossed, Event, ExitStatus, Sample};
use crate::identity::{ProcessKey, ServiceId};
use crate::metric::Resource;
use crate::service::every::Minute;
use crate::service::{Action, BrakeHow, EventWord, Program, Service, Severity};
use crate::source::{Health, Limits, WantBy};

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

/// The host's own numbers (`/proc/stat`, `/proc/meminfo`, `/proc/loadavg`, `/proc/uptime`).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HostSample {
    /// Online CPUs.
    pub cpus: u32,
    /// CPU time since boot by kind.
    pub ticks: CpuTicks,
    /// MemTotal in bytes.
    pub memory_total: u64,
    /// MemAvailable in bytes.
    pub memory_available: u64,
    /// SwapTotal in bytes.
    pub swap_total: u64,
    /// SwapFree in bytes.
    pub swap_free: u64,
    /// 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Processes and threads begun since boot (`processes` of `/proc/stat`).
    pub forks: Option<u64>,
    /// Open files and `fs.file-max` (`/proc/sys/fs/file-nr`).
    pub files: Option<(u64, u64)>,
    /// All whole disks together (`/proc/diskstats`).
    pub disks: Option<DiskCounts>,
    /// Memory, CPU, input and output (`/proc/pressure`); `None` where the kernel does not say.
    pub pressure: [Option<Stalls>; 3],
}

/// What was read and written since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskCounts {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads completed.
    pub reads: u64,
    /// Writes completed.
    pub writes: u64,
}

/// A stall that the kernel shall tell, or has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StallLimit {
    /// For want of what.
    pub resource: Resource,
    /// Everything stood still, not just something.
    pub full: bool,
    /// So long within [`PRESSURE`](crate::metric::PRESSURE).
    pub stalled: Duration,
}

/// How long work stood still for want of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stalls {
    /// Something stood still, in microseconds since boot.
    pub some_us: u64,
    /// Everything stood still, in microseconds since boot.
    pub full_us: u64,
    /// The kernel's own averages over about 10 s, as ratios: some, full.
    pub average: [f64; 2],
}

/// The `cpu` line of `/proc/stat`, in ticks since boot.
#[expect(missing_docs, reason = "named as in proc(5)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CpuTicks {
    pub user: u64,
    pub nice: u64,
    pub system: u64,
    pub idle: u64,
    pub iowait: u64,
    pub irq: u64,
    pub softirq: u64,
    pub steal: u64,
    pub guest: u64,
    pub guest_nice: u64,
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

/// Number of an operator's request, for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A request of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its number.
    pub id: RequestId,
    /// What.
    pub verb: CommandVerb,
    /// To which service. One request per service: the control socket takes a list apart.
    pub service: String,
}

/// What an operator may ask of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandVerb {
    /// Start and monitor.
    Start,
    /// Stop and unmonitor.
    Stop,
    /// Restart and monitor.
    Restart,
    /// Watch again; clears `given_up`.
    Monitor,
    /// Watch no longer; processes keep running.
    Unmonitor,
}

impl CommandVerb {
    /// All, for the command line and the routes.
    pub const ALL: [Self; 5] =
        [Self::Start, Self::Stop, Self::Restart, Self::Monitor, Self::Unmonitor];

    /// As typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Monitor => "monitor",
            Self::Unmonitor => "unmonitor",
        }
    }
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

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it happened.
    pub at: BootTime,
    /// Monit's levels.
    pub level: Level,
    /// The service's name; none: the daemon itself.
    pub service: Option<String>,
    /// Monit's event word, where it is an event.
    pub event: Option<EventWord>,
    /// What happened; any text: the sink escapes it.
    pub text: String,
}

/// Monit's log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For following the program.
    Debug,
    /// Normal life.
    Info,
    /// A failing judgement below its count.
    Warning,
    /// A rule has failed.
    Error,
    /// We gave up, or cannot work.
    Critical,
}

impl Level {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// Something that people are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Number within this run; with the boot time it makes the Message-ID.
    pub number: u64,
    /// When it happened.
    pub at: BootTime,
    /// The service's name; the host's for the daemon's own.
    pub service: String,
    /// Filter word.
    pub event: EventWord,
    /// Monit's event text: `Resource limit matched`, `Does not exist`, …
    pub title: String,
    /// The action taken: `restart`, `alert`, …
    pub action: String,
    /// One line: what happened, with numbers.
    pub description: String,
    /// More lines for the body: what did it (the group's processes by memory and CPU).
    pub detail: Vec<String>,
    /// How bad.
    pub severity: Severity,
    /// Mail addresses; filters are already applied.
    pub to: Vec<String>,
    /// Whoever sends it first finds out which processes of the host are worst in this, adds them to
    /// `detail` and logs the first. That may take two seconds; then it goes out without.
    pub survey: Option<SurveyBy>,
}

/// By what the processes of the host are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SurveyBy {
    /// RSS held.
    Memory,
    /// Swap held.
    Swap,
    /// CPU time used while we look.
    Cpu,
    /// Bytes read from storage while we look.
    Read,
    /// Bytes written to storage while we look.
    Written,
    /// Both together.
    ReadOrWritten,
    /// Living children that began a moment ago.
    Children,
    /// Open descriptors.
    Descriptors,
}

/// What must survive the daemon. Hostile input when read back: nothing in it is believed without
/// its boot id and the identity of each process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct SavedState {
    /// By service name.
    pub services: BTreeMap<String, SavedService>,
    /// It is of an earlier boot, or there was none.
    #[serde(skip)]
    pub rebooted: bool,
}

/// What must survive of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedService {
    /// Is it monitored?
    pub monitored: bool,
    /// Our restarts since the state began.
    pub restarts: u64,
    /// Attempts to start in a row without life.
    pub attempts: u32,
    /// Did we give up?
    pub given_up: bool,
    /// The main process as last known; of this boot only.
    pub main: Option<ProcessKey>,
    /// An action was under way.
    pub acting: Option<SavedAction>,
    /// Processes may be held: by a brake in force, or by one that the kernel was to set. Of this
    /// boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<Held>,
    /// What was observed last, for what has changed meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Arc<Observation>>,
    /// What is to be done as soon as other services allow it. Of this boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<SavedTurn>,
}

impl Default for SavedService {
    /// A service that nothing is known of: it is monitored.
    fn default() -> Self {
        Self {
            monitored: true,
            restarts: 0,
            attempts: 0,
            given_up: false,
            main: None,
            acting: None,
            brake: None,
            observed: None,
            turn: None,
        }
    }
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

/// All that status shows, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When it was taken.
    pub at: BootTime,
    /// The host's name.
    pub host: String,
    /// When the daemon started.
    pub started: BootTime,
    /// Length of a cycle in seconds.
    pub cycle_seconds: f64,
    /// Cycles judged.
    pub cycles: u64,
    /// 1 after start, one more with every reload.
    pub config_generation: u64,
    /// The sensor; filled in by the daemon.
    pub sensor: Health,
    /// In the configuration's order.
    pub services: Vec<ServiceView>,
}

/// The processes of all watched services at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// When they were looked at.
    pub at: BootTime,
    /// In no order.
    pub processes: Vec<Running>,
    /// So many more there are.
    pub omitted: usize,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// Its service's name.
    pub service: String,
    /// Its user's name, where the host's own list has one.
    pub user: Option<String>,
    /// What it is and has used.
    pub sample: Sample,
}

/// One service in a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceView {
    /// Its name.
    pub name: String,
    /// `process`, `system`.
    pub kind: &'static str,
    /// The first that holds.
    pub status: Status,
    /// Why, in one line, where it is not ok.
    pub reason: Option<String>,
    /// Is it monitored?
    pub monitored: bool,
    /// Its groups.
    pub groups: Vec<String>,
    /// The main process.
    pub main: Option<ProcessKey>,
    /// Since when the main process lives (system: since boot, 0).
    pub since: Option<BootTime>,
    /// How many roots matched.
    pub candidates: u32,
    /// Our restarts since the state began.
    pub restarts: u64,
    /// The action under way.
    pub acting: Option<Verb>,
    /// When the next attempt to start is due, in back-off or after giving up.
    pub next_attempt: Option<BootTime>,
    /// Until when a brake holds its processes.
    pub braked_until: Option<BootTime>,
    /// What ended the last main process, in one line.
    pub last_death: Option<String>,
    /// The same in parts; none where how it ended was not seen.
    pub death: Option<DeathView>,
    /// Numbers; `None` is not known.
    pub metrics: Metrics,
    /// What was observed last, where something is.
    pub observed: Option<Arc<Observation>>,
    /// Its rules.
    pub rules: Vec<RuleView>,
}

/// The death of a process of a service, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeathView {
    /// The process.
    pub process: ProcessKey,
    /// Program name as the kernel keeps it; hostile text.
    pub program: String,
    /// Whether it was the main process.
    pub main: bool,
    /// How it ended.
    pub status: ExitStatus,
    /// The kernel's OOM killer ended it.
    pub oom: bool,
    /// It ended while we stopped or restarted the service.
    pub told: bool,
    /// Who sent the signal that ended it, where that was seen.
    pub sender: Option<SenderView>,
    /// How long it lived.
    pub lived: Duration,
    /// Its RSS in bytes at the end, or when it was last looked at.
    pub held_bytes: Option<u64>,
    /// When it died.
    pub at: BootTime,
}

/// Who sent a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderView {
    /// Pid; 0: the kernel.
    pub pid: u32,
    /// Program name as the kernel keeps it; hostile text.
    pub program: String,
    /// Real user id.
    pub uid: u32,
    /// The user's name, where the host's own list has one.
    pub user: Option<String>,
}

/// Status words of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named as in the contract: docs/status.md says what each means")]
pub enum Status {
    Unmonitored,
    GivenUp,
    Acting,
    Unknown,
    Failing,
    Pending,
    Ok,
}

impl Status {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unmonitored => "unmonitored",
            Self::GivenUp => "given_up",
            Self::Acting => "acting",
            Self::Unknown => "unknown",
            Self::Failing => "failing",
            Self::Pending => "pending",
            Self::Ok => "ok",
        }
    }
}

/// Numbers of a service; a system service fills the host's part, a process service its own.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Metrics {
    /// Ratio 0–1. System: user + system.
    pub cpu: Option<f64>,
    /// Ratio 0–1 of the whole group.
    pub totalcpu: Option<f64>,
    /// CPU seconds of the group since it was first seen.
    pub totalcpu_seconds: Option<f64>,
    /// RSS of the main process. System: used memory.
    pub memory_bytes: Option<u64>,
    /// RSS sum of the group.
    pub totalmem_bytes: Option<u64>,
    /// PSS sum, if one was taken.
    pub totalmem_pss_bytes: Option<u64>,
    /// Living descendants.
    pub children: Option<u64>,
    /// Threads of the main process.
    pub threads: Option<u64>,
    /// Processes begun in a second, since the last pass.
    pub forks_per_second: Option<f64>,
    /// Open descriptors of the main process, where a rule asks for them. System: open files.
    pub filedescriptors: Option<u64>,
    /// Bytes from storage in a second, of the group or the host's disks, since the last pass.
    pub disk_read_bytes_per_second: Option<f64>,
    /// Bytes to storage in a second.
    pub disk_write_bytes_per_second: Option<f64>,
    /// System only: memory, cpu, io; of each the shares `some` and `full` of about 10 s.
    pub pressure: Option<[[f64; 2]; 3]>,
    /// System only: used swap.
    pub swap_bytes: Option<u64>,
    /// System only: MemTotal.
    pub memory_total_bytes: Option<u64>,
    /// System only: SwapTotal.
    pub swap_total_bytes: Option<u64>,
    /// System only: user, system, wait ratios.
    pub cpu_shares: Option<[f64; 3]>,
    /// System only.
    pub load: Option<[f64; 3]>,
}

/// One rule in a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleView {
    /// The rule's text.
    pub text: String,
    /// `ok`, `pending`, `failing`, `unknown`.
    pub state: RuleStatus,
    /// Failing judgements in the window.
    pub failing_cycles: u32,
    /// First action's word.
    pub then: String,
    /// Made by us.
    pub implicit: bool,
}

/// The states of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleStatus {
    /// Judged and good.
    Ok,
    /// Bad, but not for long or often enough.
    Pending,
    /// Bad.
    Failing,
    /// Not judged yet, or its values are not known.
    Unknown,
}

impl RuleStatus {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Pending => "pending",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
        }
    }
}

/// The word of the first action of a list, as status shows it.
pub fn first_action(actions: &[Action]) -> String {
    actions.first().map_or("alert", Action::word).to_owned()
}
