//! One daemon per state directory, and one per host: two watchers would each start what the other
//! stops.
//!
//! Both locks are the kernel's and end with the process, so nothing stale is ever left: flock on
//! the directory (also seen from a container that shares it), and an abstract Unix socket's name
//! for the host (its network namespace). No pidfile.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

use super::folder::Folder;

/// The host's lock.
pub const HOST_LOCK: &str = "ebpf-watchdog";

/// A child of a daemon that was killed between fork and exec holds the lock for that moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Held for as long as the daemon runs. The directory's lock is on the [`Folder`]'s descriptor.
#[derive(Debug)]
pub struct Lock {
    _host: Option<OwnedFd>,
}

/// Another daemon runs, or a lock cannot be asked for.
#[derive(Debug)]
pub enum LockError {
    /// Another daemon uses this state directory.
    Directory,
    /// Another daemon watches this host, with another state directory: its pid.
    Host(i32),
    /// The system's answer.
    System(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("another ebpf-watchdog uses this state directory"),
            Self::Host(pid) => write!(f, "another ebpf-watchdog runs on this host (pid {pid})"),
            Self::System(error) => write!(f, "cannot take the lock: {error}"),
        }
    }
}

impl std::error::Error for LockError {}

/// Somebody without rights holds the lock's name (any user can bind it). He does not keep us from
/// running, but a second daemon would not be noticed by this lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Squatter {
    /// Who; `None` where he does not answer.
    pub uid: Option<u32>,
}

impl fmt::Display for Squatter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.uid {
            Some(uid) => write!(f, "user {uid} holds")?,
            None => f.write_str("somebody holds")?,
        }
        f.write_str(" the name of this host's lock (abstract socket): a second daemon with another state directory would not be noticed")
    }
}

impl Lock {
    /// Takes both within one second.
    pub(super) fn take(
        folder: &Folder,
        host_lock: &str,
    ) -> Result<(Self, Option<Squatter>), LockError> {
        let mut tries = 1;
        while let Err(error) = flock(folder, FlockOperation::NonBlockingLockExclusive) {
            match error {
                rustix::io::Errno::WOULDBLOCK if tries >= TRIES => {
                    return Err(LockError::Directory);
                }
                rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR => {}
                other => return Err(LockError::System(other.into())),
            }
            tries += 1;
            std::thread::sleep(PAUSE);
        }
        let (host, squatter) = take_name(host_lock)?;
        Ok((Self { _host: host }, squatter))
    }
}

fn take_name(name: &str) -> Result<(Option<OwnedFd>, Option<Squatter>), LockError> {
    let system = |error: rustix::io::Errno| LockError::System(error.into());
    let address = SocketAddrUnix::new_abstract_name(name.as_bytes()).map_err(system)?;
    let open = || {
        socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(system)
    };
    let mut tries = 1;
    loop {
        let socket = open()?;
        match bind(&socket, &address) {
            Ok(()) => {
                // Listening is what shows a second daemon who we are: it asks for the credentials.
                listen(&socket, 1).map_err(system)?;
                return Ok((Some(socket), None));
            }
            Err(rustix::io::Errno::ADDRINUSE) => {}
            Err(other) => return Err(system(other)),
        }
        let probe = open()?;
        rustix::io::ioctl_fionbio(&probe, true).map_err(system)?;
        match connect(&probe, &address) {
            // EAGAIN: he listens, and his queue is full; nobody accepts there. Then he is no
            // stranger to the probing: another daemon was asked before us.
            Ok(()) => {
                let peer = rustix::net::sockopt::socket_peercred(&probe).map_err(system)?;
                if peer.uid.is_root() || peer.uid == rustix::process::geteuid() {
                    return Err(LockError::Host(peer.pid.as_raw_nonzero().get()));
                }
                return Ok((None, Some(Squatter { uid: Some(peer.uid.as_raw()) })));
            }
            Err(rustix::io::Errno::AGAIN) if tries >= TRIES => return Err(LockError::Host(0)),
            // Bound but not listening: ours would listen a moment later.
            Err(_) if tries >= TRIES => return Ok((None, Some(Squatter { uid: None }))),
            Err(_) => {}
        }
        tries += 1;
        std::thread::sleep(PAUSE);
    }
}
