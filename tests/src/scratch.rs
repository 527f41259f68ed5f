//! A folder of a test's own: root's alone all the way up, as the daemon demands of its files.
//!
//! Not in `/tmp`: that folder is everyone's, and `/run` is mounted `noexec` on many hosts.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A scratch folder, removed when dropped.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// A new folder that others may enter and read (a service's workers are not root).
    ///
    /// # Panics
    /// If it cannot be made: the tests need root.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ebpf-watchdog-test-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in("/var/lib")
            .expect("a scratch folder in /var/lib (these tests need root)");
        Self(dir)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A path in it, whether or not something is there.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, mode 0600 or 0644 as root's umask would have it for a secret or a page.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.at(name);
        fs::write(&path, text).expect("scratch file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode of scratch file");
        path
    }

    /// Writes a program of a few lines that can be run.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn script(&self, name: &str, lines: &str) -> PathBuf {
        self.write(name, &format!("#!/bin/sh\n{lines}"), 0o755)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
