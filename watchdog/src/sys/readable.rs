//! A wait on the tokio runtime until a shared descriptor can be read.
//!
//! Not here: what is read from it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor that others may hold as well, on the runtime.
#[derive(Debug)]
pub struct Readable(AsyncFd<Arc<OwnedFd>>);

impl Readable {
    /// Call it on a runtime with I/O enabled.
    ///
    /// # Errors
    /// Where the kernel cannot wait for such a descriptor, or has no memory left.
    pub fn new(fd: Arc<OwnedFd>) -> io::Result<Self> {
        // SAFETY: the `OwnedFd` lives as long as anybody holds it, always names the same
        // descriptor, and this holds it as long as it is registered.
        let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self(registered.map_err(|error| io::Error::other(error.to_string()))?))
    }

    /// Returns what `read` gives, when there is something to read. `WouldBlock` waits again.
    ///
    /// # Errors
    /// As `read`, and where the runtime is ending.
    pub async fn when<T>(&self, mut read: impl FnMut(&OwnedFd) -> io::Result<T>) -> io::Result<T> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(done) = ready.try_io(|fd| read(fd.get_ref())) {
                return done;
            }
        }
    }
}
