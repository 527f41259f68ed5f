//! Whether a condition holds: three-valued, because what is not known neither fails nor recovers.
//!
//! Pure functions of facts. Not here: for how long (`window`), what follows (`rule`).

use std::cell::Cell;
use std::time::Duration;

use crate::check::{Judged, Seen};
use crate::engine::deaths::End;
use crate::engine::trail::Trail;
use crate::engine::trend;
use crate::event::ExitStatus;
use crate::metric::{Metric, Operator, Unit};
use crate::service::{Condition, Course, Level, Limit, Test, Trend};

/// What a condition is judged by at one moment.
pub(crate) struct Facts<'a> {
    /// A metric's value in its own unit.
    pub value: &'a dyn Fn(Metric) -> Option<f64>,
    /// What 100 % of a metric is, in its own unit, for limits in percent.
    pub whole: &'a dyn Fn(Metric) -> Option<f64>,
    /// A metric's past over a window.
    pub trail: &'a dyn Fn(Metric, Duration) -> Option<&'a Trail>,
    /// What a test on memory compares whose RSS does not decide it.
    pub pss: &'a dyn Fn(Metric, f64) -> Pss,
    /// Set where a test could not be decided without a reading of PSS.
    pub wanted: &'a Cell<bool>,
    /// Is the main process there? `None`: not known.
    pub present: Option<bool>,
    /// Ends of processes that this judgement is about.
    pub deaths: &'a [End],
    /// Restarts of ours within a span.
    pub restarts: &'a dyn Fn(&crate::service::Span) -> u32,
    /// What was observed.
    pub seen: Option<Seen<'a>>,
    /// What the service is, where it is no process: `file`.
    pub thing: Option<&'static str>,
}

/// Which number decides about memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pss {
    /// RSS: so configured, or the host tells no PSS.
    Rss,
    /// This PSS in bytes.
    Known(f64),
    /// It would have to be read.
    Wanted,
}

/// A test that held or failed to hold, with the number it was judged by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub test: Test,
    /// In the limit's unit.
    pub value: Option<f64>,
    pub truth: Option<bool>,
    /// How it is told, where the test's own kind says that.
    pub told: Option<Judged>,
}

/// Judges the whole condition. Every test is looked at, so that texts can name each.
pub(crate) fn judge(
    condition: &Condition,
    facts: &Facts<'_>,
    found: &mut Vec<Finding>,
) -> Option<bool> {
    match condition {
        Condition::Test(test) => {
            let told = told(test, facts);
            let (truth, value) = match &told {
                Some(told) => (told.truth, None),
                None => judge_test(test, facts),
            };
            found.push(Finding { test: test.clone(), value, truth, told });
            truth
        }
        Condition::Not(part) => judge(part, facts, found).map(|truth| !truth),
        Condition::All(parts) => fold(parts, facts, found, false),
        Condition::Any(parts) => fold(parts, facts, found, true),
    }
}

/// `and` is decided by one false, `or` by one true; otherwise one unknown makes it unknown.
fn fold(
    parts: &[Condition],
    facts: &Facts<'_>,
    found: &mut Vec<Finding>,
    decisive: bool,
) -> Option<bool> {
    let mut result = Some(!decisive);
    for part in parts {
        match judge(part, facts, found) {
            Some(truth) if truth == decisive => result = Some(decisive),
            None if result != Some(decisive) => result = None,
            _ => {}
        }
    }
    result
}

/// Tests whose own kind judges and tells them.
fn told(test: &Test, facts: &Facts<'_>) -> Option<Judged> {
    match (test, facts.thing) {
        (Test::Check(test), _) => {
            Some(facts.seen.map_or_else(Judged::unknown, |seen| test.judge(seen)))
        }
        (Test::DoesNotExist | Test::Exists, Some(thing)) => {
            let absent = *test == Test::DoesNotExist;
            let words = [format!("{thing} exists"), format!("{thing} doesn't exist")];
            let [exists, missing] = words;
            let (failed, succeeded) = if absent { (missing, exists) } else { (exists, missing) };
            let truth = facts.present.map(|present| present != absent);
            Some(Judged { truth, failed, succeeded, ..Judged::default() })
        }
        _ => None,
    }
}

fn judge_test(test: &Test, facts: &Facts<'_>) -> (Option<bool>, Option<f64>) {
    match test {
        Test::Level(level) => {
            let Some(value) = (facts.value)(level.metric) else { return (None, None) };
            let Some(value) = deciding(level, value, facts) else { return (None, None) };
            let value = in_limit_unit(level, value, facts);
            (value.map(|value| holds(level, value)), value)
        }
        Test::Trend(trend) => {
            let value = trend_value(trend, facts);
            let truth = value.map(|value| match trend.course {
                Course::Grows { operator, .. } => operator.holds(value, limit_number(trend.limit)),
                Course::Reaches { within } => value <= within.as_secs_f64(),
            });
            (truth, value)
        }
        Test::DoesNotExist => (facts.present.map(|present| !present), None),
        Test::Exists => (facts.present, None),
        Test::Death(_) => (death(test, facts), None),
        // `told` has judged it.
        Test::Check(_) => (None, None),
        Test::Restarts { count, within } => {
            let restarts = (facts.restarts)(within);
            (Some(restarts >= *count), Some(f64::from(restarts)))
        }
    }
}

/// Whether one of the deaths is as asked for; not known where none is and of one it is not known.
fn death(test: &Test, facts: &Facts<'_>) -> Option<bool> {
    if facts.deaths.iter().any(|end| end.matches(test)) {
        return Some(true);
    }
    let unseen = facts.deaths.iter().any(|end| end.status == ExitStatus::Unknown);
    (!unseen).then_some(false)
}

/// The bare number of a limit.
pub(crate) fn limit_number(limit: Limit) -> f64 {
    match limit {
        Limit::Ratio(n) | Limit::Bytes(n) | Limit::Count(n) | Limit::Seconds(n) => n,
    }
}

fn holds(level: &Level, value: f64) -> bool {
    level.operator.holds(value, limit_number(level.limit))
}

/// The number that the test is decided by: of memory RSS where it is enough, since PSS is never
/// above it, else PSS.
fn deciding(level: &Level, value: f64, facts: &Facts<'_>) -> Option<f64> {
    if !matches!(level.metric, Metric::Memory | Metric::TotalMemory) {
        return Some(value);
    }
    let over = holds(level, in_limit_unit(level, value, facts)?);
    let enough = match level.operator {
        Operator::Greater | Operator::GreaterOrEqual => !over,
        Operator::Less | Operator::LessOrEqual => over,
        Operator::Equal | Operator::NotEqual => true,
    };
    if enough {
        return Some(value);
    }
    match (facts.pss)(level.metric, value) {
        Pss::Rss => Some(value),
        Pss::Known(pss) => Some(pss),
        Pss::Wanted => {
            facts.wanted.set(true);
            None
        }
    }
}

fn in_limit_unit(level: &Level, value: f64, facts: &Facts<'_>) -> Option<f64> {
    match level.limit {
        // Without swap, swap usage in percent is not known rather than infinite.
        Limit::Ratio(_) if level.metric.unit() != Unit::Ratio => {
            Some(value / (facts.whole)(level.metric)?)
        }
        _ => Some(value),
    }
}

/// What a number grows by in the rule's time, in the limit's unit; or in how many seconds it will be
/// at the limit.
fn trend_value(trend: &Trend, facts: &Facts<'_>) -> Option<f64> {
    let trail = (facts.trail)(trend.metric, trend.window())?;
    match (trend.course, trend.limit) {
        (Course::Grows { per, .. }, limit) => {
            let line = trend::growth(trail)?;
            let growth = line.slope * per.as_secs_f64();
            match limit {
                Limit::Ratio(_) if line.start > 0.0 => Some(growth / line.start),
                Limit::Ratio(_) => None,
                _ => Some(growth),
            }
        }
        (Course::Reaches { .. }, Limit::Ratio(ratio)) => {
            trend::reach(trail, ratio * (facts.whole)(trend.metric)?)
        }
        (Course::Reaches { .. }, limit) => trend::reach(trail, limit_number(limit)),
    }
}

#[cfg(test)]
mod tests;
