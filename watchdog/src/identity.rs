//! Who is who: services by their place in the configuration, processes by pid and start time.
//!
//! Not here: looking a process up or signalling it (`sys`, `finder`, `action`).

use serde::{Deserialize, Serialize};

/// A service of the configuration in force, by its place in the file.
///
/// The kernel knows it as a group number, `id + 1`; 0 there means "not watched".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

impl ServiceId {
    /// The group number that the kernel programs use for this service.
    pub fn group(self) -> u32 {
        self.0 + 1
    }

    /// The service of a kernel group number; `None` for 0.
    pub fn from_group(group: u32) -> Option<Self> {
        group.checked_sub(1).map(Self)
    }

    /// The place in the configuration's list.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One process, for ever: a pid alone may be another process a moment later.
///
/// `start` is the time of the process's start since boot in clock ticks (1/100 s), as field 22 of
/// `/proc/<pid>/stat` gives it; the kernel's `start_boottime` in nanoseconds divided by 10^7.
/// Both views of a process so agree on one number. Valid within one boot only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The process id in the daemon's pid namespace.
    pub pid: u32,
    /// Start time since boot in ticks of 10 ms.
    pub start: u64,
}

/// Nanoseconds per tick of [`ProcessKey::start`] (USER_HZ is 100 on every Linux port we build for).
pub const NANOSECONDS_PER_TICK: u64 = 10_000_000;

impl ProcessKey {
    /// The key from the kernel's `start_boottime` in nanoseconds.
    pub fn from_boot_nanoseconds(pid: u32, start_ns: u64) -> Self {
        Self { pid, start: start_ns / NANOSECONDS_PER_TICK }
    }
}
