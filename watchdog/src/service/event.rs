//! The words that events are filtered by.
//!
//! Not here: their titles (`crate::engine`, `crate::check`).

/// Monit's filter words for events, and ours. One list, here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventWord {
    /// An action on user request is done.
    Action,
    /// A start, stop or exec program failed.
    Exec,
    /// Something exists that should not, or exists again.
    Exist,
    /// The daemon has started, stopped or reloaded.
    Instance,
    /// A process is not running.
    Nonexist,
    /// The main process changed.
    Pid,
    /// CPU, memory, load, children, threads: a limit is passed.
    Resource,
    /// The restart limit is reached.
    Timeout,
    /// Uptime.
    Uptime,
    /// A process ended, in a way a rule asked for (ours; Monit has no such event).
    Exit,
    /// Bytes received by an interface.
    Bytein,
    /// Bytes sent by an interface.
    Byteout,
    /// The checksum of a file.
    Checksum,
    /// A connection or what was said over it.
    Connection,
    /// What a file or a program says.
    Content,
    /// Something could not be observed.
    Data,
    /// The mount options of a file system.
    Fsflags,
    /// The group that something belongs to.
    Gid,
    /// A ping.
    Icmp,
    /// Something is not of its kind.
    Invalid,
    /// The link of an interface.
    Link,
    /// Packets received by an interface.
    Packetin,
    /// Packets sent by an interface.
    Packetout,
    /// Permission bits.
    Permission,
    /// The parent process changed.
    Ppid,
    /// The share of an interface in use.
    Saturation,
    /// The size of a file.
    Size,
    /// The speed of an interface.
    Speed,
    /// The exit status of a program.
    Status,
    /// When a file was changed or read.
    Timestamp,
    /// The user that something belongs to.
    Uid,
}

impl EventWord {
    /// Every word of Monit's list with ours.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("action", Self::Action),
        ("bytein", Self::Bytein),
        ("byteout", Self::Byteout),
        ("checksum", Self::Checksum),
        ("connection", Self::Connection),
        ("content", Self::Content),
        ("data", Self::Data),
        ("exec", Self::Exec),
        ("exist", Self::Exist),
        ("exit", Self::Exit),
        ("fsflags", Self::Fsflags),
        ("gid", Self::Gid),
        ("icmp", Self::Icmp),
        ("instance", Self::Instance),
        ("invalid", Self::Invalid),
        ("link", Self::Link),
        ("nonexist", Self::Nonexist),
        ("packetin", Self::Packetin),
        ("packetout", Self::Packetout),
        ("permission", Self::Permission),
        ("pid", Self::Pid),
        ("ppid", Self::Ppid),
        ("resource", Self::Resource),
        ("saturation", Self::Saturation),
        ("size", Self::Size),
        ("speed", Self::Speed),
        ("status", Self::Status),
        ("timeout", Self::Timeout),
        ("timestamp", Self::Timestamp),
        ("uid", Self::Uid),
        ("uptime", Self::Uptime),
    ];
}
