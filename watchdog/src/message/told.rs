//! What people are told: lines of the log and alerts.
//!
//! Not here: how they are worded (`crate::engine`), written (`crate::logfile`) and sent (`crate::notify`).

use std::sync::Arc;

use crate::clock::BootTime;
use crate::service::{EventWord, LogLevel, MailFormat, Severity};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it happened.
    pub at: BootTime,
    /// Monit's levels.
    pub level: LogLevel,
    /// The service's name; none: the daemon itself.
    pub service: Option<String>,
    /// Monit's event word, where it is an event.
    pub event: Option<EventWord>,
    /// What happened; any text: the sink escapes it.
    pub text: String,
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
    /// Who gets it; filters are already applied.
    pub to: Vec<Receiver>,
    /// Whoever sends it first finds out which processes of the host are worst in this, adds them to
    /// `detail` and logs the first. That may take two seconds; then it goes out without.
    pub survey: Option<SurveyBy>,
}

/// Somebody who gets an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Mail address.
    pub mail: String,
    /// How the mail looks, where not as all do.
    pub format: Option<Arc<MailFormat>>,
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
