//! A rule: what must hold, for how long or how often, and what is done then.
//!
//! Not here: single tests (`test`), judging (`crate::engine`).

use std::time::Duration;

use super::{Action, Recipient, Test, every};

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The `if` text as written (one line), for people: without credentials.
    pub text: String,
    /// `name:`.
    pub name: Option<String>,
    /// What must hold.
    pub condition: Condition,
    /// For how long or how often.
    pub qualifier: Qualifier,
    /// What is done when the qualifier is met.
    pub then: Vec<Action>,
    /// `every:`: when it is judged, of the times that its service is; none: each time.
    pub every: Option<every::Every>,
    /// After how many good cycles it is recovered.
    pub recovery: Recovery,
    /// What is done on recovery, besides the alert.
    pub otherwise: Vec<Action>,
    /// `severity:`; default critical for give-up, else warning.
    pub severity: Severity,
    /// `alert:` of the rule: told besides the global list.
    pub alert: Vec<Recipient>,
    /// Made by us, not the user (`does not exist → restart`).
    pub implicit: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For information.
    Info,
    /// The default.
    Warning,
    /// Someone should get up.
    Critical,
}

impl Severity {
    /// The word in the file and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A condition: real and, or, not (in Monit these are noise words).
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `and`; at least two.
    All(Vec<Condition>),
    /// `or`; at least two.
    Any(Vec<Condition>),
    /// `not`
    Not(Box<Condition>),
    /// A single test.
    Test(Test),
}

impl Condition {
    /// Calls `visit` for every test, left to right.
    pub fn for_each_test(&self, visit: &mut dyn FnMut(&Test)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.for_each_test(visit);
                }
            }
            Self::Not(part) => part.for_each_test(visit),
            Self::Test(test) => visit(test),
        }
    }

    /// As [`Self::for_each_test`], to complete what a sentence only names.
    pub(crate) fn for_each_test_mut(&mut self, visit: &mut dyn FnMut(&mut Test)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.for_each_test_mut(visit);
                }
            }
            Self::Not(part) => part.for_each_test_mut(visit),
            Self::Test(test) => visit(test),
        }
    }
}

/// In how many of the last cycles a rule must be good to be recovered: `else: { after: 3 cycles }`,
/// `else: { after: 2 times within 5 cycles }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Good so often
    pub times: u32,
    /// of the last so many; at most 64 where that is more than `times`.
    pub of: u32,
}

impl Default for Recovery {
    /// At the first good judgement, also between two cycles.
    fn default() -> Self {
        Self { times: 1, of: 1 }
    }
}

/// A length of time or of cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many cycles.
    Cycles(u32),
    /// So long.
    Time(Duration),
}

/// For how long or how often a condition must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    /// At once (no `for`).
    Once,
    /// `for N cycles` is `times == of`; `for N times within M cycles`. `of` is at most 64.
    Cycles {
        /// True so often
        times: u32,
        /// of the last so many.
        of: u32,
    },
    /// `for 30s`: at every sample from t to t + 30 s, two samples at least.
    Lasting(Duration),
    /// `3 times within 10 minutes`: so many changes to true (or events) within the time.
    TimesWithin {
        /// So many.
        times: u32,
        /// Within this.
        within: Duration,
    },
}
