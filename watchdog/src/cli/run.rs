//! `run`: the daemon, in the foreground.

use std::path::Path;

use super::{Done, Exit, Failure};
use crate::daemon::{self, RunError, RunOptions};
use crate::state::HOST_LOCK;

/// Another name of the host-wide lock, so that a test's daemon and a live one do not collide.
const LOCK_VARIABLE: &str = "EBPF_WATCHDOG_HOST_LOCK";

/// Runs until told to end.
pub fn run(config: &Path) -> Done {
    let host_lock = std::env::var(LOCK_VARIABLE).unwrap_or_else(|_| HOST_LOCK.to_owned());
    let options = RunOptions { config: config.to_owned(), host_lock };
    daemon::run(options).map(|()| Exit::Ok).map_err(|error| {
        let exit = match &error {
            RunError::Config(_) => Exit::BadConfig,
            RunError::AnotherInstance(_) => Exit::AnotherRuns,
            RunError::Sensor { required: true, .. } => Exit::BadConfig,
            RunError::Sensor { .. } | RunError::Failed(_) => Exit::Failed,
        };
        Failure { exit, text: error.to_string() }
    })
}
