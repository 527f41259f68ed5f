//! A process held on to, and a wait for its end on the tokio runtime.
//!
//! Not here: whether the process is the one that was meant (the caller looks after opening).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A pidfd on the runtime.
#[derive(Debug)]
pub struct Pidfd(AsyncFd<OwnedFd>);

impl Pidfd {
    /// Of whoever has the pid now. Call it on a runtime with I/O enabled.
    ///
    /// # Errors
    /// `ESRCH` where nobody has it; no descriptors left.
    pub fn open(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` owns its descriptor until it is dropped and always names the same;
        // the `AsyncFd` takes it, and nothing here takes it back.
        let registered = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) };
        Ok(Self(registered.map_err(|error| io::Error::other(error.to_string()))?))
    }

    /// Returns when the process has ended (all its threads), perhaps too early: look then.
    pub async fn stirred(&self) {
        match self.0.readable().await {
            Ok(mut ready) => ready.clear_ready(),
            // The runtime is ending.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

/// `struct pidfd_info` of include/uapi/linux/pidfd.h in its first version.
#[repr(C)]
struct Info {
    mask: u64,
    cgroup: u64,
    /// Pids and user ids.
    ids: [u32; 11],
    exit_code: i32,
}

/// `_IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)`: the direction and the size are part of it.
const GET_INFO: libc::c_ulong = 0xC040_FF0B;
const INFO_EXIT: u64 = 1 << 3;
const _: () = assert!(size_of::<Info>() == 64);

/// How a process ended, in wait(2)'s encoding, also where another has reaped it. `None` where it
/// has not been reaped yet or the kernel does not keep it (it does since 6.15).
pub fn exit_code(pidfd: BorrowedFd<'_>) -> Option<u32> {
    let mut info = Info { mask: INFO_EXIT, cgroup: 0, ids: [0; 11], exit_code: 0 };
    // SAFETY: the structure lives, and has the size that is part of the request's number.
    let answer = unsafe { libc::ioctl(pidfd.as_raw_fd(), GET_INFO as _, &raw mut info) };
    (answer == 0 && info.mask & INFO_EXIT != 0).then(|| info.exit_code.cast_unsigned())
}
