//! What a single test asks, with its limit.
//!
//! Not here: the tests of other kinds than processes and the host (`crate::check`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Span;
use crate::check::CheckTest;
use crate::metric::{Metric, Operator};

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// A number against a limit.
    Level(Level),
    /// How a number moves: `totalmem grows > 50 MB per minute`, `totalmem reaches 1800 MB within 15
    /// minutes`.
    Trend(Trend),
    /// `does not exist`: the process is not there.
    DoesNotExist,
    /// `exists`.
    Exists,
    /// `crashed`, `member oom killed`: a process ended in such a way.
    Death(DeathTest),
    /// A test of a check's kind: `failed permission 755`, `failed port 80 protocol http`.
    Check(Arc<CheckTest>),
    /// `3 restarts within 5 cycles`.
    Restarts {
        /// At least so many.
        count: u32,
        /// Within this.
        within: Span,
    },
}

impl Test {
    /// Whether it is about a moment (a death), not a state that lasts.
    pub fn is_event(&self) -> bool {
        matches!(self, Self::Death(_))
    }

    /// Whether it is about something that has changed or come since it was last told: each time is
    /// told anew.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Check(test) if test.is_change())
    }
}

/// A test of how a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeathTest {
    /// `member …`: of any process of the group, the main process among them; else of the main
    /// process only.
    pub member: bool,
    /// In which way.
    pub way: Way,
}

/// Ways to end that a rule can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `exits`, `exits with code != 0`: it returned.
    Exits {
        /// Only such codes.
        code: Option<(Operator, u8)>,
    },
    /// `killed`, `killed by signal 9`: a signal ended it.
    Killed {
        /// Only this signal.
        signal: Option<u8>,
    },
    /// `crashed`: a signal ended it whose default is to dump core (signal(7)), whether or not a
    /// core was dumped and whoever sent it.
    Crashed,
    /// `oom killed`: the kernel's OOM killer ended it.
    OomKilled,
}

/// A signal's name without `SIG` (signal(7), x86 and ARM numbers).
pub fn signal_name(number: u8) -> &'static str {
    const NAMES: [&str; 32] = [
        "0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
        "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU",
        "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    NAMES.get(number as usize).copied().unwrap_or("RT")
}

/// A number against a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Which number.
    pub metric: Metric,
    /// Which relation.
    pub operator: Operator,
    /// The limit.
    pub limit: Limit,
}

/// How a number moves over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Which number.
    pub metric: Metric,
    /// The limit: of the number where it `reaches`, of what it grows by in a time where it `grows`.
    /// In percent then of the level at the start of the window.
    pub limit: Limit,
    /// What is asked of it.
    pub course: Course,
}

/// What is asked of a number that moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// `grows > 50 MB per minute over 10 minutes`
    Grows {
        /// Which relation.
        operator: Operator,
        /// So much in this time.
        per: Duration,
        /// On the average over this.
        over: Duration,
    },
    /// `reaches 1800 MB within 15 minutes`
    Reaches {
        /// The forecast, and the window that it is made from.
        within: Duration,
    },
}

impl Trend {
    /// How much of the past it is judged by.
    pub fn window(&self) -> Duration {
        match self.course {
            Course::Grows { over, .. } => over,
            Course::Reaches { within } => within,
        }
    }
}

/// A limit with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// A ratio, 1 = 100 %.
    Ratio(f64),
    /// Bytes.
    Bytes(f64),
    /// A bare number.
    Count(f64),
    /// Seconds.
    Seconds(f64),
}

/// As a sentence has it: what is read back as the same.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = |number: f64, units: &[(&'static str, f64)], least: &'static str| {
            let fits = |(_, unit): &&(&str, f64)| number > 0.0 && number % unit == 0.0;
            let (word, unit) = units.iter().find(fits).copied().unwrap_or((least, 1.0));
            format!("{} {word}", number / unit)
        };
        match *self {
            Self::Ratio(ratio) => f.write_str(&percent(ratio)),
            Self::Count(count) => count.fmt(f),
            Self::Bytes(bytes) => {
                let units = [("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)]
                    .map(|(word, power)| (word, (1_u64 << power) as f64));
                f.write_str(&largest(bytes, &units, "B"))
            }
            Self::Seconds(seconds) => {
                let units = [("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)];
                f.write_str(&largest(seconds, &units, "seconds"))
            }
        }
    }
}

/// The shortest percentage that is read back as this ratio.
fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    (0..=17)
        .map(|digits| format!("{percent:.digits$}"))
        .find(|text| text.parse::<f64>().is_ok_and(|number| number / 100.0 == ratio))
        .unwrap_or_else(|| percent.to_string())
        + "%"
}
