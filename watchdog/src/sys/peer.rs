//! The supplementary groups of a Unix socket's peer: `rustix` does not offer `SO_PEERGROUPS`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The groups that the peer held when it connected (unix(7), Linux 4.13), without its primary one.
pub fn supplementary_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    // The kernel allows NGROUPS_MAX = 65,536; a list that does not fit is answered ERANGE.
    let mut groups = vec![0_u32; 64];
    loop {
        let mut length = libc::socklen_t::try_from(groups.len() * size_of::<u32>())
            .map_err(|_too_big| io::ErrorKind::InvalidData)?;
        // SAFETY: `groups` is writable for `length` bytes and outlives the call, and `length` is a
        // valid socklen_t that the kernel overwrites with the bytes it filled or would need.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = length as usize / size_of::<u32>();
        if result == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) || count <= groups.len() {
            return Err(error);
        }
        groups.resize(count, 0);
    }
}
