//! When an action began: a file to which the program of a rule adds the moment, line by line.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The file.
#[derive(Debug)]
pub(super) struct Stamps(PathBuf);

impl Stamps {
    /// Nothing has happened yet.
    pub(super) fn new(file: PathBuf) -> Self {
        fs::remove_file(&file).ok();
        Self(file)
    }

    pub(super) fn file(&self) -> &Path {
        &self.0
    }

    /// All moments so far, in nanoseconds since the boot.
    pub(super) fn all(&self) -> Vec<u64> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// The moment after the first `before`, waited for so long.
    pub(super) fn next(&self, before: usize, patience: Duration) -> Option<u64> {
        let end = now() + patience.as_secs_f64();
        loop {
            let found = self.all().get(before).copied();
            if found.is_some() || now() > end {
                return found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// From one moment to a later one, in milliseconds; negative where it was earlier.
pub(super) fn milliseconds(from: u64, to: u64) -> f64 {
    (to as f64 - from as f64) / 1e6
}

/// Long enough for a rule to be over (both tools look once a second), and in step with nobody's cycle.
pub(super) fn pause(run: usize) {
    std::thread::sleep(Duration::from_millis(2_200 + (run as u64 * 137) % 1_000));
}

/// Nanoseconds since the boot.
pub(super) fn boot_ns() -> u64 {
    let t = clock_gettime(ClockId::Boottime);
    u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0)
}

/// Seconds since the boot.
pub(super) fn now() -> f64 {
    boot_ns() as f64 / 1e9
}
