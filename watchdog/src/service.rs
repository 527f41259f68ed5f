//! The configuration as it is meant: validated, plain, without positions in a file.
//!
//! Past `config`, an invalid state does not exist. Not here: YAML (`config`), judging (`engine`).

mod action;
mod control;
mod difference;
mod event;
pub mod every;
mod http;
mod log_level;
mod mail;
mod pattern;
mod process;
mod rule;
mod test;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::check::Checked;
use crate::identity::ServiceId;

pub use action::{Action, Brake, BrakeHow, Exec, Program};
pub use control::{Bounds, Control, OnReboot, Sizes};
pub use difference::difference;
pub use event::EventWord;
pub use http::{Http, WebUser};
pub use log_level::LogLevel;
pub use mail::{Mail, MailFormat, MailServer, MailTls, Recipient};
pub use pattern::{Matcher, Pattern};
pub use process::{Match, ProcessService};
pub use rule::{Condition, Qualifier, Recovery, Rule, Severity, Span};
pub use test::{Course, DeathTest, Level, Limit, Test, Trend, Way, signal_name};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How often rules in cycles are judged. At least 1 s (tests may go below by `50ms`).
    pub cycle: Duration,
    /// How often levels are looked at between cycles, for rules in time.
    pub sample: Duration,
    /// Wait before the first cycle, on the first start after a boot only.
    pub start_delay: Duration,
    /// The log file; none: the journal under systemd, else standard error.
    pub log_file: Option<PathBuf>,
    /// What matters less is neither in the log nor among the events.
    pub log_level: LogLevel,
    /// Where state is kept (mode 0700, root's).
    pub state_dir: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// Refuse to run without the kernel sensor.
    pub require_ebpf: bool,
    /// What memory rules finally judge.
    pub memory: MemoryBasis,
    /// Program names never stopped, besides pid 1, kernel threads and ourselves.
    pub protect: Vec<String>,
    /// Mail servers and sender; none: no mail can be sent.
    pub mail: Option<Mail>,
    /// Who is told of everything.
    pub alerts: Vec<Recipient>,
    /// Undelivered alerts kept at most.
    pub queue_slots: usize,
    /// The web front; none: no TCP at all.
    pub http: Option<Http>,
    /// `limits:`.
    pub limits: Bounds,
    /// The services, in the file's order (includes after it, sorted). `services[i].id == ServiceId(i)`.
    pub services: Vec<Arc<Service>>,
}

/// `memory:` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryBasis {
    /// Proportional set size where it decides.
    Pss,
    /// Resident set size only.
    Rss,
}

/// Text that no log, status or debug print shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One service. There may be ten thousand: what few of them have is boxed.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its place in the configuration.
    pub id: ServiceId,
    /// Unique name, `$HOST` replaced. Any text without control characters.
    pub name: String,
    /// `group:`, possibly several.
    pub groups: Vec<String>,
    /// What it is.
    pub kind: ServiceKind,
    /// How it stands to others.
    pub control: Control,
    /// Its rules in the file's order. `rules[i]` is `RuleId(i)`. The implicit
    /// `does not exist` rule of a process service comes last, marked `implicit`.
    pub rules: Vec<Rule>,
}

/// The kinds of services this version knows.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceKind {
    /// The host as a whole.
    System,
    /// A process with its descendants.
    Process(ProcessService),
    /// Something else that is observed.
    Checked(Checked),
}

impl ServiceKind {
    /// The key word in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Process(_) => "process",
            Self::Checked(checked) => checked.check.word(),
        }
    }
}

/// The programs of a service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Methods<'a> {
    /// Brings it about.
    pub start: Option<&'a Program>,
    /// Ends it.
    pub stop: Option<&'a Program>,
    /// In place of stop and start.
    pub restart: Option<&'a Program>,
}

impl Service {
    /// Its programs, whatever its kind.
    pub fn methods(&self) -> Methods<'_> {
        let (start, stop, restart) = match &self.kind {
            ServiceKind::System => return Methods::default(),
            ServiceKind::Process(one) => (&one.start, &one.stop, &one.restart),
            ServiceKind::Checked(one) => (&one.start, &one.stop, &one.restart),
        };
        Methods { start: start.as_deref(), stop: stop.as_deref(), restart: restart.as_deref() }
    }

    /// Whether rules bring its process back when it has ended.
    pub fn is_brought_back(&self) -> bool {
        let again = |rule: &Rule| {
            let starts = |action: &Action| matches!(action, Action::Restart | Action::Start);
            let mut absence = false;
            rule.condition.for_each_test(&mut |test| absence |= *test == Test::DoesNotExist);
            absence && rule.then.iter().any(starts)
        };
        self.process().is_some() && !self.control.passive && self.rules.iter().any(again)
    }

    /// A checksum of what the rule file says is watched, for what is remembered of it.
    pub(crate) fn about(&self) -> u32 {
        let named = match &self.kind {
            ServiceKind::System => String::new(),
            ServiceKind::Process(process) => {
                let matching = process.matching.as_ref().map(|matching| {
                    let args = matching.args.as_ref().map(Pattern::as_str);
                    (&matching.exe, args, &matching.user)
                });
                format!("{:?}", (&process.pidfile, matching, &process.unit, &process.cgroup))
            }
            ServiceKind::Checked(checked) => checked.check.named(),
        };
        crc32fast::hash(format!("{} {named}", self.kind.word()).as_bytes())
    }

    /// The process part, where it is one.
    pub fn process(&self) -> Option<&ProcessService> {
        match &self.kind {
            ServiceKind::Process(process) => Some(process),
            ServiceKind::System | ServiceKind::Checked(_) => None,
        }
    }
}
