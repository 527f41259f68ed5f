//! What a rule does, and the programs it runs.
//!
//! Not here: doing it (`crate::action`).

use std::path::PathBuf;
use std::time::Duration;

/// A program to run: no shell unless its first word is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Absolute path and arguments; never empty.
    pub argv: Vec<String>,
    /// Run as this user (name or number); default root.
    pub user: Option<String>,
    /// Run as this group; default the user's.
    pub group: Option<String>,
    /// More environment.
    pub env: Vec<(String, String)>,
    /// Working directory; default `/`.
    pub cwd: Option<PathBuf>,
    /// After this it is ended with all it started. Default 30 s for start and stop, 300 s for exec.
    pub timeout: Duration,
}

impl Program {
    /// The command in one line, as it is run. Logs have it without credentials (`crate::secrets`).
    pub fn line(&self) -> String {
        shlex::try_join(self.argv.iter().map(String::as_str))
            .unwrap_or_else(|_| self.argv.join(" "))
    }
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Log and mail (every other action alerts as well).
    Alert,
    /// Stop, wait until gone, start, wait until there.
    Restart,
    /// Start.
    Start,
    /// Stop and unmonitor.
    Stop,
    /// Do not watch it any longer, loudly.
    Unmonitor,
    /// Nothing, not even an alert.
    Ignore,
    /// Run a program.
    Exec(Box<Exec>),
    /// Hold its processes for a while.
    Brake(Brake),
}

impl Action {
    /// Monit's word, as mails and logs show it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Unmonitor => "unmonitor",
            Self::Ignore => "ignore",
            Self::Exec(_) => "exec",
            Self::Brake(_) => "brake",
        }
    }
}

/// `brake:` of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brake {
    /// By what means.
    pub how: BrakeHow,
    /// What is held is released after this.
    pub lasting: Duration,
}

impl Default for Brake {
    fn default() -> Self {
        Self { how: BrakeHow::Freeze, lasting: Duration::from_secs(10) }
    }
}

/// How a service is braked, the gentlest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrakeHow {
    /// Its own cgroup is frozen; where it has none, as `Stop`.
    Freeze,
    /// Its processes get SIGSTOP.
    Stop,
    /// As `Stop`, and the storm's processes get SIGKILL; the main process never does.
    Kill,
}

impl BrakeHow {
    /// The word in the file and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Stop => "stop",
            Self::Kill => "kill",
        }
    }
}

/// `exec:` of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program.
    pub program: Program,
    /// Again every so many failing cycles.
    pub repeat: Option<u32>,
}
