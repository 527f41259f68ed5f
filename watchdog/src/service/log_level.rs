//! How much a line of the log matters.
//!
//! Not here: how it looks and where it goes (`logfile`).

/// Monit's log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// For following the program.
    Debug,
    /// Normal life.
    Info,
    /// A failing judgement below its count.
    Warning,
    /// A rule has failed.
    Error,
    /// We gave up, or cannot work.
    Critical,
}

impl LogLevel {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}
