//! Triggers of `/proc/pressure`: the kernel wakes us when work has stood still for so long within ten
//! seconds. Nothing is polled; without a stall a trigger costs nothing.
//!
//! Kernel 5.2; 4.20 has the files only. Newer kernels (6.18 does) let a process without CAP_SYS_RESOURCE
//! set them, too, where the window is a multiple of 2 s. Not here: which rules want one (`engine::stalls`), the
//! totals (`host`).

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::event::PollFlags;

use crate::message::StallLimit;
use crate::metric::PRESSURE;
use crate::sensor::Missing;

/// The triggers in force.
#[derive(Debug)]
pub struct Triggers {
    base: PathBuf,
    /// A trigger lives as long as its file is open.
    set: Vec<(StallLimit, File)>,
    missing: Option<Missing>,
}

impl Triggers {
    /// None yet; `base` is `/proc/pressure`, or another folder in tests.
    pub fn new(base: &Path) -> Self {
        Self { base: base.to_owned(), set: Vec::new(), missing: None }
    }

    /// Sets these, in place of the former ones; those that stay keep their window. One that is refused
    /// is named in [`Triggers::missing`].
    pub fn set(&mut self, limits: &[StallLimit]) {
        self.missing = None;
        self.set.retain(|(limit, _)| limits.contains(limit));
        for limit in limits {
            if self.set.iter().any(|(set, _)| set == limit) {
                continue;
            }
            match self.open(limit) {
                Ok(file) => self.set.push((*limit, file)),
                Err(error) => self.refused(limit, &error),
            }
        }
    }

    fn open(&self, limit: &StallLimit) -> io::Result<File> {
        let path = self.base.join(limit.resource.word());
        let mut file = File::options().read(true).write(true).open(path)?;
        let kind = if limit.full { "full" } else { "some" };
        // The kernel writes its NUL over the last byte, whatever that is.
        let order = format!("{kind} {} {}\n", limit.stalled.as_micros(), PRESSURE.as_micros());
        // One write is one trigger; the kernel takes it whole or not at all.
        file.write_all(order.as_bytes())?;
        Ok(file)
    }

    fn refused(&mut self, limit: &StallLimit, error: &io::Error) {
        let cure = match error.raw_os_error() {
            Some(libc::ENOENT | libc::EOPNOTSUPP) => "boot with psi=1 (CONFIG_PSI=y)",
            Some(libc::EROFS) => "make /proc/pressure writable for the daemon",
            _ => "grant CAP_SYS_RESOURCE, which older kernels want for it",
        };
        self.missing = Some(Missing {
            what: format!("trigger of {}", self.base.join(limit.resource.word()).display()),
            why: format!("{error}: rules about pressure are judged at samples only"),
            cure: cure.into(),
        });
    }

    /// What was refused last.
    pub fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }

    /// To be polled for `POLLPRI`, in the order that [`Triggers::fired`] takes the answers in.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.set.iter().map(|(_, file)| file.as_fd())
    }

    /// The limits that were reached. To ask the kernel is to take the answer: it tells each at most once
    /// a window. A trigger that tells an error would do so for ever, and is given up.
    pub fn fired(&mut self, answers: &[PollFlags]) -> Vec<StallLimit> {
        let mut fired = Vec::new();
        let mut broken = Vec::new();
        for ((limit, _), answer) in self.set.iter().zip(answers) {
            if answer.intersects(PollFlags::ERR | PollFlags::NVAL | PollFlags::HUP) {
                broken.push(*limit);
            } else if answer.contains(PollFlags::PRI) {
                fired.push(*limit);
            }
        }
        for limit in broken {
            self.set.retain(|(set, _)| *set != limit);
            self.refused(&limit, &io::Error::other("the kernel gave it up"));
        }
        fired
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metric::Resource;

    fn limit(resource: Resource, ms: u64) -> StallLimit {
        StallLimit { resource, full: false, stalled: Duration::from_millis(ms) }
    }

    #[test]
    fn where_the_kernel_tells_no_pressure_that_is_missing_with_its_cure() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut triggers = Triggers::new(&folder.path().join("pressure"));
        triggers.set(&[]);
        assert_eq!(triggers.missing(), None, "nobody asked");
        triggers.set(&[limit(Resource::Memory, 500)]);
        let missing = triggers.missing().expect("refused");
        assert!(missing.what.ends_with("pressure/memory"), "{missing:?}");
        assert_eq!(missing.cure, "boot with psi=1 (CONFIG_PSI=y)");
        assert_eq!(triggers.fds().count(), 0);
        triggers.set(&[]);
        assert_eq!(triggers.missing(), None, "no longer asked for");
    }

    #[test]
    fn what_is_told_belongs_to_its_limit_and_a_broken_trigger_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        for resource in Resource::ALL {
            std::fs::write(folder.path().join(resource.word()), "").expect("scratch");
        }
        let limits = Resource::ALL.map(|resource| limit(resource, 500));
        let mut triggers = Triggers::new(folder.path());
        triggers.set(&limits);
        let order = std::fs::read_to_string(folder.path().join("io")).expect("scratch");
        assert_eq!(order, "some 500000 10000000\n");
        assert_eq!((triggers.fds().count(), triggers.missing()), (3, None));

        let none = PollFlags::empty();
        assert_eq!(triggers.fired(&[none, none, none]), []);
        assert_eq!(triggers.fired(&[none, PollFlags::PRI, none]), [limits[1]]);
        let broken = PollFlags::PRI | PollFlags::ERR;
        assert_eq!(triggers.fired(&[broken, none, PollFlags::PRI]), [limits[2]]);
        assert_eq!(triggers.fds().count(), 2);
        assert!(triggers.missing().is_some_and(|missing| missing.why.contains("gave it up")));
    }
}
