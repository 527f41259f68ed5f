//! The numbers that rules compare, and their units. One row per metric.
//!
//! Not here: how a number is got (`engine::levels`) and how a sentence names it (`config::grammar`).

use std::fmt;
use std::time::Duration;

/// A number that a rule can compare with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// CPU time of the main process over the window, divided by (elapsed × min(threads, online
    /// CPUs)), at most 1. As Monit's `cpu`.
    Cpu,
    /// CPU time of the whole group, dead members included, divided by (elapsed × online CPUs).
    TotalCpu,
    /// Memory of the main process: RSS.
    Memory,
    /// Memory of the group: the sum of the members' RSS.
    TotalMemory,
    /// All living descendants of the main process.
    Children,
    /// Threads of the main process.
    Threads,
    /// Processes forked in the group, within a time. Over a longer look: its part of them.
    Forks {
        /// Within this.
        per: Duration,
    },
    /// Age of the main process; in `system`, of the host.
    Uptime,
    /// The kernel's load average; divided by the online CPUs where `per_core`.
    LoadAverage {
        /// Over which time.
        over: LoadWindow,
        /// `per core`.
        per_core: bool,
    },
    /// Share of all CPU ticks since the last cycle, all cores together being 1.
    SystemCpu(CpuShare),
    /// MemTotal − MemAvailable.
    SystemMemory,
    /// SwapTotal − SwapFree.
    SystemSwap,
    /// Open descriptors of the main process; in percent of its soft limit.
    FileDescriptors,
    /// Open descriptors of the group's processes together.
    TotalFileDescriptors,
    /// Bytes that were read from or written to storage, in a second.
    Disk {
        /// Which way.
        direction: Direction,
        /// Of the whole group, not of the main process only.
        total: bool,
    },
    /// Open files of the host; in percent of `fs.file-max`.
    SystemFileDescriptors,
    /// Of all whole disks of the host together, in a second.
    SystemDisk {
        /// Which way.
        direction: Direction,
        /// Completed operations, not bytes.
        operations: bool,
    },
    /// Pages that were read back from swap (`pagein`) or written to it (`pageout`), in a second: what
    /// Monit 6.0 measures, `pswpin` and `pswpout` of `/proc/vmstat`; not `pgpgin` and `pgpgout`, which
    /// count kilobytes of all block devices.
    SystemPaging(Direction),
    /// The share of the last 10 s in which work stood still for want of this (PSI).
    Pressure {
        /// For want of what.
        resource: Resource,
        /// Everything stood still, not just something.
        full: bool,
    },
    /// Processes and threads begun on the host (`processes` of `/proc/stat`), within a time.
    SystemForks {
        /// Within this.
        per: Duration,
    },
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From storage.
    Read,
    /// To storage.
    Write,
}

impl Direction {
    /// `read`, `write`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Of swap: `pagein`, `pageout`.
    pub fn paging(self) -> &'static str {
        match self {
            Self::Read => "pagein",
            Self::Write => "pageout",
        }
    }
}

/// What work waits for (`/proc/pressure`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Memory being reclaimed or read back.
    Memory,
    /// A CPU.
    Cpu,
    /// Input and output.
    Io,
}

impl Resource {
    /// In the order of [`crate::message::HostSample::pressure`].
    pub const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Io];

    /// The word in rules, and the name of the file in `/proc/pressure`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Io => "io",
        }
    }
}

/// The stretch of time that `pressure` is the share of.
pub const PRESSURE: Duration = Duration::from_secs(10);

/// Which of the three load averages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoadWindow {
    /// One minute.
    One,
    /// Five minutes.
    Five,
    /// Fifteen minutes.
    Fifteen,
}

/// Which part of the CPU's time (`/proc/stat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CpuShare {
    /// User + system: what Monit calls plain `cpu usage`.
    Busy,
    /// Without nice and guest, as Monit.
    User,
    /// Kernel time.
    System,
    /// Idle with input or output outstanding.
    Wait,
    /// Niced user time.
    Nice,
    /// Hardware interrupts.
    HardIrq,
    /// Software interrupts.
    SoftIrq,
    /// Taken by the hypervisor.
    Steal,
    /// Running guests.
    Guest,
    /// Running niced guests.
    GuestNice,
}

/// What a metric counts in; a limit must be in the same unit or, for bytes, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A ratio, 1 = 100 %. For CPU of the CPUs, for memory of MemTotal (or SwapTotal).
    Ratio,
    /// Bytes.
    Bytes,
    /// A bare number.
    Count,
    /// Seconds.
    Seconds,
}

impl Metric {
    /// The unit its value is in. Byte metrics may also be compared in percent.
    pub fn unit(self) -> Unit {
        match self {
            Self::Cpu | Self::TotalCpu | Self::SystemCpu(_) | Self::Pressure { .. } => Unit::Ratio,
            Self::Memory | Self::TotalMemory | Self::SystemMemory | Self::SystemSwap => Unit::Bytes,
            Self::Disk { .. } | Self::SystemDisk { operations: false, .. } => Unit::Bytes,
            Self::Children
            | Self::Threads
            | Self::LoadAverage { .. }
            | Self::Forks { .. }
            | Self::FileDescriptors
            | Self::TotalFileDescriptors
            | Self::SystemFileDescriptors
            | Self::SystemDisk { operations: true, .. }
            | Self::SystemPaging(_)
            | Self::SystemForks { .. } => Unit::Count,
            Self::Uptime => Unit::Seconds,
        }
    }

    /// Whether it is a level that rises and falls, so that one can ask whether it grows.
    pub fn is_level(self) -> bool {
        matches!(
            self,
            Self::Memory
                | Self::TotalMemory
                | Self::Children
                | Self::Threads
                | Self::SystemMemory
                | Self::SystemSwap
                | Self::FileDescriptors
                | Self::TotalFileDescriptors
                | Self::SystemFileDescriptors
        )
    }

    /// Whether a limit may be in percent: of itself, or of a whole that the host sets.
    pub fn takes_percent(self) -> bool {
        match self {
            Self::FileDescriptors | Self::SystemFileDescriptors => true,
            Self::Disk { .. } | Self::SystemDisk { .. } => false,
            _ => matches!(self.unit(), Unit::Ratio | Unit::Bytes),
        }
    }

    /// What is remembered of its past for its own number: it counts up, and what was added within
    /// this time is the number or a part of it.
    pub fn counts_over(self) -> Option<Duration> {
        match self {
            Self::Pressure { .. } => Some(PRESSURE),
            _ => self.per(),
        }
    }

    /// Whether it counts up, so that its number is what was added within a time: which time?
    pub fn per(self) -> Option<Duration> {
        match self {
            Self::Forks { per } | Self::SystemForks { per } => Some(per),
            _ => None,
        }
    }

    /// Whether it is the host's number, not a process's.
    pub fn is_of_host(self) -> bool {
        matches!(
            self,
            Self::LoadAverage { .. }
                | Self::SystemCpu(_)
                | Self::SystemMemory
                | Self::SystemSwap
                | Self::SystemFileDescriptors
                | Self::SystemDisk { .. }
                | Self::SystemPaging(_)
                | Self::Pressure { .. }
                | Self::SystemForks { .. }
        )
    }

    /// Monit's words for it in a limit (`total mem amount > 1800 MB`, `cpu usage > 60.0%`).
    /// Memory in bytes is an `amount`, in percent a `usage`.
    pub fn words(self, percent: bool) -> String {
        let amount = if percent { "usage" } else { "amount" };
        match self {
            Self::Cpu => "cpu usage".into(),
            Self::TotalCpu => "total cpu usage".into(),
            Self::Memory | Self::SystemMemory => {
                format!("mem {}", if percent { "usage" } else { amount })
            }
            Self::TotalMemory => format!("total mem {amount}"),
            Self::SystemSwap => format!("swap {amount}"),
            Self::Children => "children".into(),
            Self::Threads => "threads".into(),
            Self::Forks { .. } | Self::SystemForks { .. } => "forks".into(),
            Self::FileDescriptors | Self::SystemFileDescriptors => "filedescriptors".into(),
            Self::TotalFileDescriptors => "total filedescriptors".into(),
            Self::Disk { direction, total } => {
                format!("{}disk {}", if total { "total " } else { "" }, direction.word())
            }
            Self::SystemDisk { direction, .. } => format!("disk {}", direction.word()),
            Self::SystemPaging(direction) => direction.paging().into(),
            Self::Pressure { resource, full } => {
                format!("{} pressure {}", resource.word(), if full { "full" } else { "some" })
            }
            Self::Uptime => "uptime".into(),
            Self::LoadAverage { over, per_core } => {
                let minutes = match over {
                    LoadWindow::One => "1min",
                    LoadWindow::Five => "5min",
                    LoadWindow::Fifteen => "15min",
                };
                format!("loadavg ({minutes}){}", if per_core { " per core" } else { "" })
            }
            Self::SystemCpu(share) => match share {
                CpuShare::Busy => "cpu usage".into(),
                CpuShare::User => "cpu user usage".into(),
                CpuShare::System => "cpu system usage".into(),
                CpuShare::Wait => "cpu wait usage".into(),
                CpuShare::Nice => "cpu nice usage".into(),
                CpuShare::HardIrq => "cpu hardware irq usage".into(),
                CpuShare::SoftIrq => "cpu software irq usage".into(),
                CpuShare::Steal => "cpu steal usage".into(),
                CpuShare::Guest => "cpu guest usage".into(),
                CpuShare::GuestNice => "cpu guest nice usage".into(),
            },
        }
    }
}

/// How a value is compared with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
    /// `=` or `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// Whether `value` stands in this relation to `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Greater => value > limit,
            Self::Less => value < limit,
            Self::GreaterOrEqual => value >= limit,
            Self::LessOrEqual => value <= limit,
            Self::Equal => (value - limit).abs() < f64::EPSILON,
            Self::NotEqual => (value - limit).abs() >= f64::EPSILON,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greater => ">",
            Self::Less => "<",
            Self::GreaterOrEqual => ">=",
            Self::LessOrEqual => "<=",
            Self::Equal => "=",
            Self::NotEqual => "!=",
        })
    }
}

/// Sizes in powers of 1024 with one decimal, without a trailing `.0`, as Monit prints them.
pub(crate) fn bytes(value: f64) -> String {
    let (mut value, mut unit) = (value, "B");
    for next in ["kB", "MB", "GB", "TB", "PB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    let text = format!("{value:.1}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// A length of time behind `per`: `second`, `minute`, `hour`, `day`, or as it is (`10s`).
pub fn per_words(per: Duration) -> String {
    match (per.as_secs(), per.subsec_nanos()) {
        (1, 0) => "second".into(),
        (60, 0) => "minute".into(),
        (3600, 0) => "hour".into(),
        (86_400, 0) => "day".into(),
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ms", per.as_millis()),
    }
}
