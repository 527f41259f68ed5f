//! Signalling exactly one process, or nobody.
//!
//! A pid may be another process by the time it is used, so: open a pidfd, then look who it is, then
//! signal through the pidfd. Some processes are never signalled, whatever asks for it.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::finder::process::{Facts, facts};
use crate::identity::ProcessKey;

/// Program names that are never signalled, besides pid 1, the kernel's threads and ourselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protect(pub Vec<String>);

/// What became of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way.
    Delivered,
    /// The process is no more.
    Gone,
    /// Not sent, on purpose or by the kernel: why.
    Refused(String),
}

impl Protect {
    /// Why this process is never signalled; `None` where it may be.
    pub(super) fn spares(&self, facts: &Facts) -> Option<String> {
        let pid = facts.key.pid;
        let why = if pid <= 1 {
            "is the init process"
        } else if pid == std::process::id() {
            "is this daemon"
        } else if facts.kernel {
            "is a thread of the kernel"
        } else if self.0.contains(&facts.comm) {
            "is protected"
        } else {
            return None;
        };
        Some(format!("{} ({pid}) {why}", facts.comm))
    }
}

/// Sends `signal` to this very process.
pub(super) fn send(key: ProcessKey, signal: Signal, protect: &Protect) -> Sent {
    let refused =
        |why: &dyn std::fmt::Display| Sent::Refused(format!("process {}: {why}", key.pid));
    let Some(pid) = i32::try_from(key.pid).ok().and_then(Pid::from_raw) else {
        return refused(&"no such pid can be");
    };
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(rustix::io::Errno::SRCH) => return Sent::Gone,
        Err(error) => return refused(&error),
    };
    // Only now: the pidfd holds on to whoever has the pid, so what is read is about the same one.
    match facts(key.pid) {
        Ok(Some(facts)) if facts.key != key || facts.dead => return Sent::Gone,
        Ok(Some(facts)) => {
            if let Some(why) = protect.spares(&facts) {
                return Sent::Refused(why);
            }
        }
        Ok(None) => return Sent::Gone,
        Err(error) => return refused(&error),
    }
    match pidfd_send_signal(&pidfd, signal) {
        Ok(()) => Sent::Delivered,
        Err(rustix::io::Errno::SRCH) => Sent::Gone,
        Err(error) => refused(&error),
    }
}
