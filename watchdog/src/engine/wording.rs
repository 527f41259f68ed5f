//! Findings as Monit would log them, so that people's log watchers go on working, and more plainly
//! where Monit is silent. Source of the words: real output of Monit 5.33.
//!
//! Not here: escaping (each sink does it), the log's line shape (`logfile`).

use std::path::Path;
use std::time::Duration;

use crate::engine::attempt::human;
use crate::engine::judge::{Finding, limit_number};
use crate::event::{ExitStatus, Sample};
use crate::message::{DeathView, SenderView};
pub(crate) use crate::metric::bytes;
use crate::metric::{Direction, Metric, per_words};
use crate::service::{Course, EventWord, Level, Limit, Span, Test, Trend, Way, signal_name};

/// A number with the unit of its limit: `1981.4 MB`, `62.5%`, `12`, `90 s`.
pub(crate) fn number(value: f64, limit: Limit, metric: Metric) -> String {
    let number = match limit {
        Limit::Bytes(_) => bytes(value),
        Limit::Ratio(_) => format!("{:.1}%", value * 100.0),
        Limit::Seconds(_) => format!("{value:.0} seconds"),
        Limit::Count(_) if matches!(metric, Metric::LoadAverage { .. }) => format!("{value:.1}"),
        Limit::Count(_) => format!("{value:.0}"),
    };
    match metric {
        Metric::Disk { .. } | Metric::SystemDisk { operations: false, .. } => format!("{number}/s"),
        Metric::SystemDisk { operations: true, .. } => format!("{number} operations/s"),
        _ => match metric.per() {
            Some(per) => format!("{number} per {}", per_words(per)),
            None => number,
        },
    }
}

/// What a number grows by: as [`number`], with one decimal where it is a count.
fn growth(value: f64, trend: &Trend) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    match trend.limit {
        Limit::Count(_) => format!("{value:.1}"),
        limit => format!("{sign}{}", number(value.abs(), limit, trend.metric)),
    }
}

/// The value and the limit of a test of how a number moves, for programs' environments.
pub(crate) fn trend_numbers(trend: &Trend, value: Option<f64>) -> (Option<String>, Option<String>) {
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
fn trend_words(trend: &Trend) -> String {
    let of_all = matches!(trend.course, Course::Reaches { .. });
    trend.metric.words(of_all && matches!(trend.limit, Limit::Ratio(_)))
}

fn trend_limit(trend: &Trend) -> String {
    let words = trend_words(trend);
    let limit = number(limit_number(trend.limit), trend.limit, trend.metric);
    match trend.course {
        Course::Grows { operator, per, over } => {
            format!("{words} grows {operator} {limit} per {} over {}", per_words(per), human(over))
        }
        Course::Reaches { within } => format!("{words} reaches {limit} within {}", human(within)),
    }
}

fn trend_failed(trend: &Trend, value: Option<f64>) -> String {
    let Some(value) = value else { return trend_limit(trend) };
    let words = trend_words(trend);
    let says = match trend.course {
        Course::Grows { per, .. } => {
            format!("growth of {} per {}", growth(value, trend), per_words(per))
        }
        Course::Reaches { .. } if value <= 0.0 => "is at its limit, which".into(),
        Course::Reaches { .. } => format!("expected at its limit in {}, which", forecast(value)),
    };
    format!("{words} {says} matches resource limit [{}]", trend_limit(trend))
}

fn trend_succeeded(trend: &Trend, value: Option<f64>) -> String {
    let words = trend_words(trend);
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
        Test::Trend(trend) => trend_failed(trend, finding.value),
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
        Test::Trend(trend) => trend_succeeded(trend, finding.value),
        Test::DoesNotExist => match pid {
            Some(pid) => format!("process is running with pid {pid}"),
            None => "process is running".into(),
        },
        Test::Exists => "process is not running".into(),
        Test::Death(_) => "process did not end again".into(),
        Test::Restarts { .. } => "service was not restarted too often again".into(),
    }
}

/// Monit's event word and text of a test, for filters and subjects: (word, failed, succeeded).
pub(crate) fn event(test: &Test) -> (EventWord, &'static str, &'static str) {
    match test {
        Test::Level(Level { metric: Metric::Uptime, .. }) => {
            (EventWord::Uptime, "Uptime failed", "Uptime succeeded")
        }
        Test::Level(_) | Test::Trend(_) => {
            (EventWord::Resource, "Resource limit matched", "Resource limit succeeded")
        }
        Test::Check(test) => {
            let names = test.event();
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

/// A death in one line: who, how, by whom, how long it lived, what it held.
pub(crate) fn death(death: &DeathView) -> String {
    let who = if death.main {
        format!("process with pid {}", death.process.pid)
    } else {
        let program = if death.program.is_empty() { "unknown" } else { &death.program };
        format!("member {program} with pid {}", death.process.pid)
    };
    let by = match &death.sender {
        _ if death.told => ", as we told it to".to_owned(),
        _ if death.oom => " by the OOM killer".to_owned(),
        Some(by) => format!(", {}", sender(by)),
        None => String::new(),
    };
    let held = death.held_bytes.map(|held| format!(", held {}", bytes(held as f64)));
    let (how, lived) = (ending(death.status), human(death.lived));
    format!("{who} {how}{by} (lived {lived}{})", held.unwrap_or_default())
}

/// How a process ended: `exited with code 3`, `was killed by signal 9 (KILL)`.
fn ending(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(code) => format!("exited with code {code}"),
        ExitStatus::Signal { number, core } => {
            let name = signal_name(number);
            let core = if core { ", core dumped" } else { "" };
            format!("was killed by signal {number} ({name}){core}")
        }
        ExitStatus::Unknown => "has ended, how is not known".to_owned(),
    }
}

/// Who sent the signal: `sent by pid 812 (bash), uid 1000 (ann)`.
fn sender(by: &SenderView) -> String {
    if by.pid == 0 {
        return "sent by the kernel".into();
    }
    let user = by.user.as_ref().map(|user| format!(" ({user})")).unwrap_or_default();
    format!("sent by pid {} ({}), uid {}{user}", by.pid, by.program, by.uid)
}

/// Who was running when a limit was crossed.
pub(crate) fn crossed(seen: &Sample) -> String {
    format!("the limit was crossed by {} (pid {})", comm(&seen.comm), seen.process.pid)
}

/// What processes are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// CPU time of their life.
    Cpu,
    /// RSS.
    Memory,
    /// Bytes read or written in their life.
    Disk(Direction),
    /// Open descriptors.
    Descriptors,
}

impl By {
    /// Before the first of them.
    pub(crate) fn lead(self) -> &'static str {
        match self {
            Self::Cpu => "most CPU was used by",
            Self::Memory => "most is held by",
            Self::Disk(Direction::Read) => "most was read by",
            Self::Disk(Direction::Write) => "most was written by",
            Self::Descriptors => "most descriptors are open in",
        }
    }

    fn number(self, sample: &Sample) -> u64 {
        match self {
            Self::Cpu => sample.cpu_ns,
            Self::Memory => sample.rss_bytes,
            Self::Disk(Direction::Read) => sample.read_bytes,
            Self::Disk(Direction::Write) => sample.write_bytes,
            Self::Descriptors => sample.descriptors.map_or(0, |(open, _)| open),
        }
    }
}

/// The processes that hold or used most, first among them: what did it.
pub(crate) fn culprits(members: &[Sample], by: By) -> Vec<String> {
    let total: u64 = members.iter().map(|sample| sample.rss_bytes).sum();
    let mut largest: Vec<&Sample> = members.iter().filter(|sample| !sample.zombie).collect();
    if matches!(by, By::Disk(_) | By::Descriptors) {
        largest.retain(|sample| by.number(sample) > 0);
    }
    largest.sort_by_key(|sample| (std::cmp::Reverse(by.number(sample)), sample.process.pid));
    largest
        .iter()
        .take(5)
        .map(|sample| {
            let share = if total == 0 { 0.0 } else { sample.rss_bytes as f64 / total as f64 };
            let number = by.number(sample);
            let own = match by {
                By::Cpu | By::Memory => String::new(),
                By::Disk(Direction::Read) => format!("{} read so far, ", bytes(number as f64)),
                By::Disk(Direction::Write) => format!("{} written so far, ", bytes(number as f64)),
                By::Descriptors => format!("{number} descriptors, "),
            };
            format!(
                "{} (pid {}, uid {}): {own}{} of memory ({:.0}% of the service), {:.1} s of CPU{}",
                comm(&sample.comm),
                sample.process.pid,
                sample.uid,
                bytes(sample.rss_bytes as f64),
                share * 100.0,
                sample.cpu_ns as f64 / 1e9,
                if sample.main { ", the main process" } else { "" },
            )
        })
        .collect()
}

/// A kernel program name as text. It is hostile: the sinks escape it.
pub(crate) fn comm(raw: &[u8; 16]) -> String {
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    String::from_utf8_lossy(&raw[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Operator;

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
