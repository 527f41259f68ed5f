//! What a test mounts, unmounted with it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Something mounted at this path.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Already there: unmounted from here on.
    pub fn at(place: &Path) -> Self {
        Self(place.to_owned())
    }

    /// By these words of `mount`, which the place follows.
    ///
    /// # Panics
    /// It cannot be mounted.
    pub fn by(words: &[&str], place: &Path) -> Self {
        run(Command::new("mount").args(words).arg(place));
        Self::at(place)
    }

    /// A small file system in memory.
    ///
    /// # Panics
    /// As [`Mounted::by`].
    pub fn tmpfs(place: &Path, options: &str) -> Self {
        Self::by(&["-t", "tmpfs", "-o", options, "watchdog-test"], place)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Runs it to its end, which must be a good one.
///
/// # Panics
/// It cannot be run, or fails.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
