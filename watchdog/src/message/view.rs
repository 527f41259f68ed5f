//! What status shows: plain data, copied out of the engine on demand.
//!
//! Not here: the document (`crate::status`) and its looks (`crate::cli`, `crate::web`).

use std::sync::Arc;
use std::time::Duration;

use super::Verb;
use crate::check::Observation;
use crate::clock::BootTime;
use crate::event::{ExitStatus, Sample};
use crate::identity::ProcessKey;
use crate::sensor::Health;
use crate::service::Action;

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
    /// The host's memory.
    pub memory_total_bytes: Option<u64>,
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
    /// The service that it depends on and that keeps it from being judged.
    pub waits_for: Option<String>,
    /// Is it monitored?
    pub monitored: bool,
    /// Since when it is not, where that was in this boot.
    pub unmonitored_since: Option<BootTime>,
    /// `active`, or `passive` where its rules only alert.
    pub mode: &'static str,
    /// Whether it is monitored after a boot: `start`, `nostart` or `laststate`.
    pub onreboot: &'static str,
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
    /// What people should change about it, with the cure.
    pub advice: Option<String>,
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
    /// System only: pages from swap in a second, since the last pass.
    pub pagein_per_second: Option<f64>,
    /// System only: pages to swap in a second.
    pub pageout_per_second: Option<f64>,
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
    /// How Monit calls its failure: `Resource limit matched`.
    pub title: &'static str,
    /// What the file calls it.
    pub name: Option<String>,
    /// `ok`, `pending`, `failing`, `unknown`.
    pub state: RuleStatus,
    /// Failing judgements in the window.
    pub failing_cycles: u32,
    /// First action's word.
    pub then: String,
    /// The words of all its actions.
    pub actions: Vec<&'static str>,
    /// What was seen when its condition held last, where it fails or is about to.
    pub description: Option<String>,
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
