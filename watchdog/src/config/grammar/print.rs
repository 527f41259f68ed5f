//! A condition as a sentence again, in one form for each meaning: what `parse` reads back as the same.

use crate::metric::per_words;
use crate::service::{Condition, Course, DeathTest, Level, Qualifier, Span, Test, Trend, Way};

use super::metric::{behind_limit, name};
use crate::config::units::print_time;

/// The sentence of a condition and a qualifier, normalised: `total mem amount is greater than 1 GB` is
/// `totalmem > 1 GB`.
pub fn print(condition: &Condition, qualifier: Qualifier) -> String {
    let mut text = clause(condition, Outer::None);
    match qualifier {
        Qualifier::Once => {}
        Qualifier::Cycles { times, of } if times == of => {
            text.push_str(&format!(" for {of} cycles"));
        }
        Qualifier::Cycles { times, of } => {
            text.push_str(&format!(" for {times} times within {of} cycles"));
        }
        Qualifier::Lasting(time) => text.push_str(&format!(" for {}", print_time(time))),
        Qualifier::TimesWithin { times, within } => {
            text.push_str(&format!(" for {times} times within {}", print_time(within)));
        }
    }
    text
}

/// What a part stands in: it decides about parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outer {
    None,
    Or,
    And,
    Not,
}

fn clause(condition: &Condition, outer: Outer) -> String {
    let join = |parts: &[Condition], word: &str, inner: Outer| {
        parts.iter().map(|part| clause(part, inner)).collect::<Vec<_>>().join(word)
    };
    let (text, bare) = match condition {
        Condition::All(parts) => {
            (join(parts, " and ", Outer::And), matches!(outer, Outer::None | Outer::Or))
        }
        Condition::Any(parts) => (join(parts, " or ", Outer::Or), outer == Outer::None),
        Condition::Not(part) => (format!("not {}", clause(part, Outer::Not)), true),
        // `not exists` is the sentence `does not exist`.
        Condition::Test(each) => (test(each), outer != Outer::Not || *each != Test::Exists),
    };
    if bare { text } else { format!("({text})") }
}

fn test(test: &Test) -> String {
    match test {
        Test::Level(each) => level(each),
        Test::Trend(each) => trend(each),
        Test::Check(each) => each.to_string(),
        Test::DoesNotExist => "does not exist".into(),
        Test::Exists => "exists".into(),
        Test::Death(DeathTest { member: false, way }) => ending(*way),
        Test::Death(DeathTest { member: true, way }) => format!("member {}", ending(*way)),
        Test::Restarts { count, within: Span::Cycles(cycles) } => {
            format!("{count} restarts within {cycles} cycles")
        }
        Test::Restarts { count, within: Span::Time(time) } => {
            format!("{count} restarts within {}", print_time(*time))
        }
    }
}

fn ending(way: Way) -> String {
    match way {
        Way::Exits { code: None } => "exits".into(),
        Way::Exits { code: Some((operator, code)) } => format!("exits with code {operator} {code}"),
        Way::Killed { signal: None } => "killed".into(),
        Way::Killed { signal: Some(signal) } => format!("killed by signal {signal}"),
        Way::Crashed => "crashed".into(),
        Way::OomKilled => "oom killed".into(),
    }
}

fn level(level: &Level) -> String {
    let Level { metric, operator, limit } = level;
    format!("{} {operator} {limit}{}", name(*metric), behind_limit(*metric))
}

fn trend(trend: &Trend) -> String {
    let (name, value) = (name(trend.metric), trend.limit.to_string());
    match trend.course {
        Course::Grows { operator, per, over } => {
            format!(
                "{name} grows {operator} {value} per {} over {}",
                per_words(per),
                print_time(over)
            )
        }
        Course::Reaches { within } => {
            format!("{name} reaches {value} within {}", print_time(within))
        }
    }
}
