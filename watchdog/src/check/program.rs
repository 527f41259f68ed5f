//! Programs that are run to be judged: by exit status and output.
//!
//! Pure. Not here: running them (`observe::program`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EventNames, Judged, Seen};
use crate::metric::Operator;
use crate::protocol::{Pattern, Quoted};
use crate::service::{EventWord, Program};

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The program; its timeout is the probe's.
    pub program: Program,
}

/// A test of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `does not run`: it could not be run, or not to its end. Stands in every program service that
    /// has no test of the status, which says the same.
    DoesNotRun,
    /// `status != 0`. Where it does not run this holds, whatever is asked of the status.
    Status(Operator, u8),
    /// `changed status`: another than the last time.
    StatusChanged,
    /// `content = "regex"`, `content != "regex"`.
    Content {
        /// What is looked for in the output.
        pattern: Pattern,
        /// Whether it has to be there.
        found: bool,
    },
    /// `content changed`, `content not changed`: the output as compared with the last time's.
    ContentChanged {
        /// Whether it is another.
        changed: bool,
    },
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// The last run that came to an end of its own; none yet.
    pub run: Option<Run>,
    /// Why the latest run did not, in one line.
    pub trouble: Option<String>,
}

/// A program's run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Its exit status; 128 and the signal's number where a signal ended it, as in a shell.
    pub status: u8,
    /// The beginning of its standard error, and of its standard output behind that.
    pub output: String,
}

impl Run {
    /// What it said, on one line.
    fn said(&self) -> String {
        let lines = self.output.lines().map(str::trim).filter(|line| !line.is_empty());
        let said = lines.collect::<Vec<_>>().join("; ");
        if said.is_empty() { "no output".to_owned() } else { said }
    }
}

impl Facts {
    /// For environments: as Monit a number always where it ran, -1 where it could not be run.
    pub(super) fn status(&self) -> Option<i32> {
        match (&self.trouble, &self.run) {
            (Some(_), _) => Some(-1),
            (None, run) => run.as_ref().map(|run| i32::from(run.status)),
        }
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        let run = self.run.as_ref().filter(|_| self.trouble.is_none());
        vec![
            ("program_status", run.map(|run| run.status).into()),
            ("output", run.map(|run| run.output.clone()).into()),
            ("trouble", self.trouble.clone().into()),
        ]
    }
}

impl Test {
    pub(super) fn judge(&self, seen: Seen<'_>) -> Judged {
        let super::Facts::Program(now) = &seen.now.facts else { return Judged::unknown() };
        if let Some(trouble) = &now.trouble {
            return Judged {
                // What it would have said is not known.
                truth: self.is_of_status().then_some(true),
                limit: self.limit(),
                failed: format!("status failed (-1) -- {trouble}"),
                ..Judged::default()
            };
        }
        let Some(run) = &now.run else { return Judged::unknown() };
        let before = match seen.before.map(|before| &before.facts) {
            Some(super::Facts::Program(before)) => before.run.as_ref(),
            _ => None,
        };
        let (status, said) = (run.status, run.said());
        let judged = |truth: Option<bool>, value: String, failed: String, succeeded: String| {
            Judged { truth, value: Some(value), limit: self.limit(), failed, succeeded }
        };
        match self {
            Self::DoesNotRun => judged(
                Some(false),
                status.to_string(),
                String::new(),
                format!("status succeeded ({status}) -- {said}"),
            ),
            Self::Status(operator, limit) => judged(
                Some(operator.holds(f64::from(status), f64::from(*limit))),
                status.to_string(),
                format!("status failed ({status}) -- {said}"),
                format!("status succeeded ({status}) -- {said}"),
            ),
            Self::StatusChanged => judged(
                Some(before.is_some_and(|before| before.status != status)),
                status.to_string(),
                format!(
                    "status changed ({} -> {status}) -- {said}",
                    before.map_or(status, |before| before.status)
                ),
                format!("status didn't change ({status}) -- {said}"),
            ),
            Self::Content { pattern, found } => {
                let words = ["match", "doesn't match"]
                    .map(|how| format!("content {how} on program output: {said}"));
                let [there, absent] = words;
                let truth = Some(pattern.is_in(run.output.as_bytes()) == *found);
                let (failed, succeeded) = if *found { (there, absent) } else { (absent, there) };
                judged(truth, said, failed, succeeded)
            }
            Self::ContentChanged { changed } => {
                let words =
                    [format!("content changed: {said}"), "content has not changed".to_owned()];
                let [other, same] = words;
                // The first one is no change, and that it is the same cannot be said of it either.
                let truth = before.is_some_and(|before| (before.output != run.output) == *changed);
                let truth = Some(truth);
                let (failed, succeeded) = if *changed { (other, same) } else { (same, other) };
                judged(truth, said, failed, succeeded)
            }
        }
    }

    /// Why it holds, where that can be another while it goes on holding: what it says moves always.
    pub(super) fn cause(&self, judged: &Judged) -> Option<String> {
        self.is_of_status().then(|| judged.value.clone().unwrap_or_else(|| judged.failed.clone()))
    }

    /// Whether a program that does not run fails it.
    pub fn is_of_status(&self) -> bool {
        matches!(self, Self::DoesNotRun | Self::Status(..))
    }

    /// Whether it is about a change: told anew each time, not a state that lasts.
    pub(super) fn is_change(&self) -> bool {
        matches!(self, Self::StatusChanged | Self::ContentChanged { changed: true })
    }

    fn limit(&self) -> Option<String> {
        match self {
            Self::Status(_, limit) => Some(limit.to_string()),
            Self::Content { pattern, .. } => Some(pattern.as_str().to_owned()),
            Self::DoesNotRun | Self::StatusChanged | Self::ContentChanged { .. } => None,
        }
    }

    pub(super) fn event(&self) -> EventNames {
        let (word, failed, succeeded) = match self {
            Self::DoesNotRun | Self::Status(..) => {
                (EventWord::Status, "Status failed", "Status succeeded")
            }
            Self::StatusChanged => (EventWord::Status, "Status changed", "Status not changed"),
            Self::Content { found: true, .. } => {
                (EventWord::Content, "Content match", "Content doesn't match")
            }
            Self::Content { found: false, .. } => {
                (EventWord::Content, "Content doesn't match", "Content match")
            }
            Self::ContentChanged { changed: true } => {
                (EventWord::Content, "Content changed", "Content not changed")
            }
            Self::ContentChanged { changed: false } => {
                (EventWord::Content, "Content not changed", "Content changed")
            }
        };
        EventNames { word, failed, succeeded }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotRun => f.write_str("does not run"),
            Self::Status(operator, limit) => write!(f, "status {operator} {limit}"),
            Self::StatusChanged => f.write_str("changed status"),
            Self::Content { pattern, found } => {
                let sign = if *found { "=" } else { "!=" };
                write!(f, "content {sign} {}", Quoted(pattern.as_str()))
            }
            Self::ContentChanged { changed: true } => f.write_str("content changed"),
            Self::ContentChanged { changed: false } => f.write_str("content not changed"),
        }
    }
}

#[cfg(test)]
mod tests;
