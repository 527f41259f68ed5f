//! Words for how a number moves.
//!
//! Not here: other findings (`wording`).

use std::time::Duration;

use super::number;
use crate::engine::attempt::human;
use crate::engine::judge::limit_number;
use crate::metric::per_words;
use crate::service::{Course, Limit, Trend};

/// What a number grows by: as [`number`], with one decimal where it is a count.
fn growth(value: f64, trend: &Trend) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    match trend.limit {
        Limit::Count(_) => format!("{value:.1}"),
        limit => format!("{sign}{}", number(value.abs(), limit, trend.metric)),
    }
}

/// The value and the limit of a test of how a number moves, for programs' environments.
pub(crate) fn numbers(trend: &Trend, value: Option<f64>) -> (Option<String>, Option<String>) {
    let limit = number(limit_number(trend.limit), trend.limit, trend.metric);
    match trend.course {
        Course::Grows { per, .. } => {
            let per = per_words(per);
            let value = value.map(|value| format!("{} per {per}", growth(value, trend)));
            (value, Some(format!("{limit} per {per}")))
        }
        Course::Reaches { .. } => (
            value.filter(|value| value.is_finite()).map(|value| format!("{value:.0} seconds")),
            Some(limit),
        ),
    }
}

/// Growth in percent is of the number itself, not of the machine's memory.
fn words(trend: &Trend) -> String {
    let of_all = matches!(trend.course, Course::Reaches { .. });
    trend.metric.words(of_all && matches!(trend.limit, Limit::Ratio(_)))
}

fn limit(trend: &Trend) -> String {
    let words = words(trend);
    let limit = number(limit_number(trend.limit), trend.limit, trend.metric);
    match trend.course {
        Course::Grows { operator, per, over } => {
            format!("{words} grows {operator} {limit} per {} over {}", per_words(per), human(over))
        }
        Course::Reaches { within } => format!("{words} reaches {limit} within {}", human(within)),
    }
}

pub(super) fn failed(trend: &Trend, value: Option<f64>) -> String {
    let Some(value) = value else { return limit(trend) };
    let words = words(trend);
    let says = match trend.course {
        Course::Grows { per, .. } => {
            format!("growth of {} per {}", growth(value, trend), per_words(per))
        }
        Course::Reaches { .. } if value <= 0.0 => "is at its limit, which".into(),
        Course::Reaches { .. } => format!("expected at its limit in {}, which", forecast(value)),
    };
    format!("{words} {says} matches resource limit [{}]", limit(trend))
}

pub(super) fn succeeded(trend: &Trend, value: Option<f64>) -> String {
    let words = words(trend);
    let current = match (trend.course, value) {
        (_, None) => return format!("{words} check succeeded"),
        (Course::Grows { per, .. }, Some(value)) => {
            format!("current growth = {} per {}", growth(value, trend), per_words(per))
        }
        (Course::Reaches { .. }, Some(value)) if value.is_finite() => {
            format!("expected at its limit in {}", forecast(value))
        }
        (Course::Reaches { .. }, Some(_)) => "not rising".into(),
    };
    format!("{words} check succeeded [{current}]")
}

/// A time to come; far away it is no more than a guess.
fn forecast(seconds: f64) -> String {
    human(Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX))
}
