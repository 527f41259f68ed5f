//! How a process service is found, started and stopped.
//!
//! Not here: looking for it (`crate::finder`).

use std::path::PathBuf;
use std::time::Duration;

use super::{Pattern, Program};

/// How a process service is found, started and stopped. At least one of `pidfile`, `matching`,
/// `unit`, `cgroup` and `start` is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessService {
    /// File that holds the main process's pid.
    pub pidfile: Option<PathBuf>,
    /// What the main process looks like.
    pub matching: Option<Match>,
    /// Name of the systemd unit whose cgroup holds it, with its suffix `.service`.
    pub unit: Option<String>,
    /// The cgroup that holds it: an absolute path below the hierarchy's root, without `.` and `..`.
    pub cgroup: Option<PathBuf>,
    /// The start program; its own timeout covers program and appearance of the process.
    pub start: Option<Box<Program>>,
    /// The stop program.
    pub stop: Option<Box<Program>>,
    /// A restart program in place of stop and start.
    pub restart: Option<Box<Program>>,
    /// How long TERM may take before KILL when there is no stop program. Default 30 s.
    pub stop_timeout: Duration,
}

impl ProcessService {
    /// Whether something but our own start names the main process.
    pub fn has_selector(&self) -> bool {
        self.pidfile.is_some() || self.matching.is_some() || self.has_cgroup()
    }

    /// Whether a cgroup says who belongs to it.
    pub fn has_cgroup(&self) -> bool {
        self.unit.is_some() || self.cgroup.is_some()
    }
}

/// `match:`: all given parts must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Path or glob of the resolved executable.
    pub exe: Option<String>,
    /// Regular expression on the arguments joined by one space.
    pub args: Option<Pattern>,
    /// Effective user, by name or number (resolved when looking).
    pub user: Option<String>,
}

impl Match {
    /// Whether it tells more than arguments, which any user's process can have.
    pub fn is_of_weight(&self) -> bool {
        self.exe.is_some() || self.user.is_some()
    }
}
