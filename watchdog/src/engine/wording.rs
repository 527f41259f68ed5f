//! Findings as Monit would log them, so that people's log watchers go on working, and more plainly
//! where Monit is silent. Source of the words: real output of Monit 5.33.
//!
//! Not here: escaping (each sink does it), the log's line shape (`logfile`).

mod culprits;
mod death;
mod trend;

use std::path::Path;

use crate::engine::judge::{Finding, limit_number};
pub(crate) use crate::metric::bytes;
use crate::metric::{Metric, per_words};
use crate::service::{EventWord, Level, Limit, Span, Test, Way};
pub(crate) use culprits::{By, comm, crossed, culprits};
pub(crate) use death::death;
pub(crate) use trend::numbers as trend_numbers;

/// A number with the unit of its limit: `1981.4 MB`, `62.5%`, `12`, `90 s`.
pub(crate) fn number(value: f64, limit: Limit, metric: Metric) -> String {
    let number = match limit {
        Limit::Bytes(_) => bytes(value),
        Limit::Ratio(_) => format!("{:.1}%", value * 100.0),
        Limit::Seconds(_) => format!("{value:.0} seconds"),
        Limit::Count(_)
            if matches!(metric, Metric::LoadAverage { .. } | Metric::SystemPaging(_)) =>
        {
            // One digit, as Monit; of an idle host, where `0.0` would say nothing of what was compared, two.
            let idle = (0.001..1.0).contains(&value.abs()) && (value * 10.0).fract().abs() > 1e-6;
            let digits = if idle && matches!(metric, Metric::LoadAverage { .. }) { 2 } else { 1 };
            format!("{value:.digits$}")
        }
        Limit::Count(_) => format!("{value:.0}"),
    };
    match metric {
        Metric::Disk { .. } | Metric::SystemDisk { operations: false, .. } => format!("{number}/s"),
        Metric::SystemDisk { operations: true, .. } => format!("{number} operations/s"),
        Metric::SystemPaging(_) => format!("{number} per second"),
        _ => match metric.per() {
            Some(per) => format!("{number} per {}", per_words(per)),
            None => number,
        },
    }
}

fn limit_text(level: &Level) -> String {
    let percent = matches!(level.limit, Limit::Ratio(_));
    let limit = number(limit_number(level.limit), level.limit, level.metric);
    let words = match level.metric {
        // Monit's limit does not say of whom.
        Metric::TotalCpu => Metric::Cpu.words(percent),
        metric => metric.words(percent),
    };
    format!("{words} {} {limit}", level.operator)
}

/// What a finding that holds says. `pidfile` is the service's.
pub(crate) fn failed(finding: &Finding, pidfile: Option<&Path>) -> String {
    if let Some(told) = &finding.told {
        return told.failed.clone();
    }
    match &finding.test {
        // Its kind tells it, above.
        Test::Check(test) => test.to_string(),
        Test::Level(level) => {
            let Some(value) = finding.value else { return limit_text(level) };
            let shown = number(value, level.limit, level.metric);
            let words = level.metric.words(matches!(level.limit, Limit::Ratio(_)));
            match level.metric {
                Metric::Uptime => {
                    let of = pidfile.map(|path| format!(" for {}", path.display()));
                    let of = of.unwrap_or_default();
                    format!("uptime test failed{of} -- current uptime is {shown}")
                }
                Metric::Children => {
                    format!("children count {shown} matches resource limit [{}]", limit_text(level))
                }
                Metric::Forks { .. } | Metric::SystemForks { .. } => {
                    format!("forks count {shown} matches resource limit [{}]", limit_text(level))
                }
                Metric::Threads => {
                    format!("threads count {shown} matches resource limit [{}]", limit_text(level))
                }
                _ => format!("{words} of {shown} matches resource limit [{}]", limit_text(level)),
            }
        }
        Test::Trend(trend) => trend::failed(trend, finding.value),
        Test::DoesNotExist => "process is not running".into(),
        Test::Exists => "process is running".into(),
        Test::Death(death) => match death.way {
            Way::Exits { .. } => "process exited".into(),
            Way::Killed { .. } => "process was killed by a signal".into(),
            Way::Crashed => "process crashed".into(),
            Way::OomKilled => "process was killed by the OOM killer".into(),
        },
        Test::Restarts { within, .. } => {
            let times = finding.value.unwrap_or_default();
            let span = match within {
                Span::Cycles(cycles) => format!("{cycles} cycles(s)"),
                Span::Time(time) => format!("{} s", time.as_secs()),
            };
            format!("service restarted {times:.0} times within {span}")
        }
    }
}

/// What a finding that no longer holds says. `pid` is the main process's.
pub(crate) fn succeeded(finding: &Finding, pid: Option<u32>) -> String {
    if let Some(told) = &finding.told {
        return told.succeeded.clone();
    }
    match &finding.test {
        // Its kind tells it, above.
        Test::Check(test) => test.to_string(),
        Test::Level(level) => {
            let words = level.metric.words(matches!(level.limit, Limit::Ratio(_)));
            match finding.value {
                Some(value) => {
                    let shown = number(value, level.limit, level.metric);
                    let current = match level.metric {
                        Metric::TotalCpu => Metric::Cpu.words(true),
                        _ => words.clone(),
                    };
                    let check = if level.metric == Metric::Uptime { "test" } else { "check" };
                    format!("{words} {check} succeeded [current {current} = {shown}]")
                }
                None => format!("{words} check succeeded"),
            }
        }
        Test::Trend(trend) => trend::succeeded(trend, finding.value),
        Test::DoesNotExist => match pid {
            Some(pid) => format!("process is running with pid {pid}"),
            None => "process is running".into(),
        },
        Test::Exists => "process is not running".into(),
        Test::Death(_) => "process did not end again".into(),
        Test::Restarts { .. } => "service was not restarted too often again".into(),
    }
}

/// Monit's event word and text of a finding, for filters and subjects: (word, failed, succeeded).
/// `other`: of its test's other event.
pub(crate) fn event(test: &Test, other: bool) -> (EventWord, &'static str, &'static str) {
    match test {
        Test::Level(Level { metric: Metric::Uptime, .. }) => {
            (EventWord::Uptime, "Uptime failed", "Uptime succeeded")
        }
        Test::Level(_) | Test::Trend(_) => {
            (EventWord::Resource, "Resource limit matched", "Resource limit succeeded")
        }
        Test::Check(test) => {
            let names = test.event(other);
            (names.word, names.failed, names.succeeded)
        }
        Test::DoesNotExist => (EventWord::Nonexist, "Does not exist", "Exists"),
        Test::Exists => (EventWord::Exist, "Does exist", "Does not exist"),
        Test::Death(death) => {
            let (failed, succeeded) = match death.way {
                Way::Exits { .. } => ("Process exited", "Process exit cleared"),
                Way::Killed { .. } => ("Process killed", "Process kill cleared"),
                Way::Crashed => ("Process crashed", "Process crash cleared"),
                Way::OomKilled => ("Process OOM killed", "Process OOM kill cleared"),
            };
            (EventWord::Exit, failed, succeeded)
        }
        Test::Restarts { .. } => (EventWord::Timeout, "Timeout", "Timeout recovery"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{LoadWindow, Operator};

    #[test]
    fn sizes_read_as_monits() {
        let cases = [
            (104_857_600.0, "100 MB"),
            (110_834_483.0, "105.7 MB"),
            (512.0, "512 B"),
            (1_887_436_800.0, "1.8 GB"),
        ];
        for (value, expect) in cases {
            assert_eq!(bytes(value), expect);
        }
    }

    #[test]
    fn loads_read_as_monits_unless_that_says_nothing() {
        let load = Metric::LoadAverage { over: LoadWindow::One, per_core: false };
        let all = [(0.0, "0.0"), (0.01, "0.01"), (0.3, "0.3"), (0.53, "0.53"), (1.26, "1.3")];
        for (value, expect) in all {
            assert_eq!(number(value, Limit::Count(1.0), load), expect);
        }
    }

    #[test]
    fn a_memory_limit_reads_as_monits() {
        let level = Level {
            metric: Metric::TotalMemory,
            operator: Operator::Greater,
            limit: Limit::Bytes(94_371_840.0),
        };
        let finding = Finding {
            test: Test::Level(level),
            value: Some(97_097_318.0),
            truth: Some(true),
            told: None,
        };
        assert_eq!(
            failed(&finding, None),
            "total mem amount of 92.6 MB matches resource limit [total mem amount > 90 MB]"
        );
        assert_eq!(
            succeeded(&finding, None),
            "total mem amount check succeeded [current total mem amount = 92.6 MB]"
        );
    }
}
