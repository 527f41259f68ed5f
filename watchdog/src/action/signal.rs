//! Signalling exactly one process, or nobody.
//!
//! A pid may be another process by the time it is used, so: open a pidfd, then look who it is, then
//! signal through the pidfd. Some processes are never signalled, whatever asks for it.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::identity::ProcessKey;
use crate::process::{Facts, facts};

/// Bytes of a process's name that the kernel keeps.
const COMM: usize = 15;

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
        } else if self.0.iter().any(|name| is_called(facts, name)) {
            "is protected"
        } else {
            return None;
        };
        Some(format!("{} ({pid}) {why}", facts.comm))
    }
}

/// The kernel keeps 15 bytes of a name; its end may be half a character, which was replaced.
fn is_called(facts: &Facts, name: &str) -> bool {
    let comm = facts.comm.trim_end_matches(char::REPLACEMENT_CHARACTER);
    name == comm || (name.len() > COMM && facts.comm.len() >= COMM && name.starts_with(comm))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(comm: &str) -> Facts {
        let key = ProcessKey { pid: 4_000_000, start: 1 };
        Facts {
            key,
            parent: 1,
            session: 1,
            dead: false,
            ending: false,
            kernel: false,
            comm: comm.to_owned(),
        }
    }

    #[test]
    fn names_longer_than_the_kernels_are_protected_too() {
        let protect = Protect(["sshd", "systemd-resolved", "ääääääääää"].map(str::to_owned).into());
        for spared in ["sshd", "systemd-resolve", "äääääää\u{fffd}"] {
            assert!(protect.spares(&facts(spared)).is_some(), "{spared}");
        }
        for other in ["sshd2", "ssh", "systemd", "systemd-network", ""] {
            assert!(protect.spares(&facts(other)).is_none(), "{other}");
        }
    }
}
