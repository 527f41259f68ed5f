//! The host as a whole: what is read of it, and stalls that the kernel tells.
//!
//! Not here: reading it (`crate::host`, `crate::pressure`).

use std::time::Duration;

use crate::metric::Resource;

/// The host's own numbers (`/proc/stat`, `/proc/meminfo`, `/proc/loadavg` and others).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HostSample {
    /// Online CPUs.
    pub cpus: u32,
    /// CPU time since boot by kind.
    pub ticks: CpuTicks,
    /// MemTotal in bytes.
    pub memory_total: u64,
    /// MemAvailable in bytes.
    pub memory_available: u64,
    /// SwapTotal in bytes.
    pub swap_total: u64,
    /// SwapFree in bytes.
    pub swap_free: u64,
    /// 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Processes and threads begun since boot (`processes` of `/proc/stat`).
    pub forks: Option<u64>,
    /// Open files and `fs.file-max` (`/proc/sys/fs/file-nr`).
    pub files: Option<(u64, u64)>,
    /// All whole disks together (`/proc/diskstats`).
    pub disks: Option<DiskCounts>,
    /// Pages read from swap and written to it since boot (`pswpin`, `pswpout` of `/proc/vmstat`).
    pub paged: Option<(u64, u64)>,
    /// Memory, CPU, input and output (`/proc/pressure`); `None` where the kernel does not say.
    pub pressure: [Option<Stalls>; 3],
}

/// What was read and written since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskCounts {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads completed.
    pub reads: u64,
    /// Writes completed.
    pub writes: u64,
}

/// A stall that the kernel shall tell, or has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StallLimit {
    /// For want of what.
    pub resource: Resource,
    /// Everything stood still, not just something.
    pub full: bool,
    /// So long within [`PRESSURE`](crate::metric::PRESSURE).
    pub stalled: Duration,
}

/// How long work stood still for want of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stalls {
    /// Something stood still, in microseconds since boot.
    pub some_us: u64,
    /// Everything stood still, in microseconds since boot.
    pub full_us: u64,
    /// The kernel's own averages over about 10 s, as ratios: some, full.
    pub average: [f64; 2],
}

/// The `cpu` line of `/proc/stat`, in ticks since boot.
#[expect(missing_docs, reason = "named as in proc(5)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CpuTicks {
    pub user: u64,
    pub nice: u64,
    pub system: u64,
    pub idle: u64,
    pub iowait: u64,
    pub irq: u64,
    pub softirq: u64,
    pub steal: u64,
    pub guest: u64,
    pub guest_nice: u64,
}
