//! A log as a story: the lines about services, without what differs between any two runs.
//!
//! Pure. Both logs have the same shape: `[time] level : 'service' text`.

use std::path::Path;

/// A line that tells of a service.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Level, service and words; each number is a `#`.
    pub words: String,
    /// The numbers.
    numbers: Vec<f64>,
    /// As it was read, for people.
    pub text: String,
}

/// Parts of lines that only we say, to no rule's outcome: how a process ended, who crossed a limit or
/// is the worst, which pidfile of a dead process was removed, and that an attempt begins (Monit says so of
/// restarts only).
const OURS_BESIDES: &[&str] = &[
    " was killed by signal ",
    " exited with code ",
    "' the limit was crossed by ",
    "' most ",
    "' removed the pidfile ",
    "' trying to start",
    "' trying to stop",
];

/// What only Monit says, to no rule's outcome: that it has understood a command.
const MONITS_BESIDES: &[&str] = &[" action done", " on user request"];

/// The lines about services in a log; `folder` is where the tool's things are.
pub(super) fn read(log: &str, folder: &Path) -> Vec<Line> {
    let folder = folder.display().to_string();
    log.lines().filter_map(|line| one(line, &folder)).collect()
}

fn one(line: &str, folder: &str) -> Option<Line> {
    let (_time, rest) = line.split_once("] ")?;
    let (level, text) = rest.split_once(':')?;
    let text = text.trim_start();
    // About the tools themselves.
    if !text.starts_with('\'') || text.ends_with(" started") {
        return None;
    }
    let besides = OURS_BESIDES.iter().chain(MONITS_BESIDES);
    if besides.into_iter().any(|part| text.contains(part)) {
        return None;
    }
    let text = format!("{:<8} {}", level.trim(), text.replace(folder, "D"));
    let (words, numbers) = numbers(&text);
    Some(Line { words, numbers, text })
}

/// Takes the numbers out, but for limits; those that name a process are not kept.
fn numbers(text: &str) -> (String, Vec<f64>) {
    let (mut words, mut numbers) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let behind = &rest[at..];
        let end = behind.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(behind.len());
        let number = behind[..end].trim_end_matches('.');
        words.push_str(&rest[..at]);
        let limit = ["> ", "< "].iter().any(|operator| words.ends_with(operator));
        if limit {
            words.push_str(number);
        } else {
            let pid = ["pid ", "PID changed from ", "PID changed from # to "];
            if !pid.iter().any(|before| words.ends_with(before)) {
                numbers.extend(number.parse::<f64>());
            }
            words.push('#');
        }
        rest = &behind[number.len()..];
    }
    words.push_str(rest);
    (words, numbers)
}

/// Leaves out what is said again and again: Monit says what goes on failing in each cycle, we when
/// it changes; and a program that is run again and again is, at a given moment, run once more by the
/// one. Both may be said again once anything else was said: that all is well, or an action.
pub(super) fn once(lines: &[Line]) -> Vec<Line> {
    let mut said: Vec<Line> = Vec::new();
    for line in lines {
        let failure = |line: &&Line| !line.words.starts_with("info");
        let again = said
            .iter()
            .rev()
            .take_while(|before| failure(before) || before.words.contains(" exec: "))
            .any(|before| before.words == line.words);
        if !(again && (failure(&line) || line.words.contains(" exec: "))) {
            said.push(line.clone());
        }
    }
    said
}

/// Whether two lines say the same, with numbers at most so far apart.
pub(super) fn same(one: &Line, other: &Line, tolerance: f64) -> bool {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * a.abs().max(b.abs());
    one.words == other.words
        && one.numbers.len() == other.numbers.len()
        && one.numbers.iter().zip(&other.numbers).all(close)
}

/// The first place where two stories part, in words; none: they are the same.
pub(super) fn parting(monit: &[Line], ours: &[Line], tolerance: f64) -> Option<String> {
    let nothing = "(nothing more)";
    for n in 0..monit.len().max(ours.len()) {
        let (a, b) = (monit.get(n), ours.get(n));
        if let (Some(a), Some(b)) = (a, b)
            && same(a, b, tolerance)
        {
            continue;
        }
        let [a, b] = [a, b].map(|line| line.map_or(nothing, |line| line.text.as_str()));
        return Some(format!("line {}\n  Monit: {a}\n  ours:  {b}", n + 1));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(texts: &[&str]) -> Vec<Line> {
        let log: String =
            texts.iter().map(|t| format!("[2026-11-22T05:42:10+0000] {t}\n")).collect();
        read(&log, Path::new("/var/lib/x"))
    }

    #[test]
    fn what_differs_between_any_two_runs_is_not_compared() {
        let monit = story(&[
            "info     : 'here' Monit 5.33.0 started",
            "error    : 'svc' process is not running",
            "info     : 'svc' start: '/var/lib/x/go'",
            "info     : 'svc' process is running with pid 812",
            "error    : 'svc' cpu usage of 50.1% matches resource limit [cpu usage > 5.0%]",
            "error    : 'svc' cpu usage of 49.0% matches resource limit [cpu usage > 5.0%]",
        ]);
        let ours = story(&[
            "error    : 'svc' process is not running",
            "info     : 'svc' start: '/var/lib/x/go'",
            "info     : 'svc' process is running with pid 99999",
            "error    : 'svc' cpu usage of 55.0% matches resource limit [cpu usage > 5.0%]",
        ]);
        assert_eq!(monit[1].text, "info     'svc' start: 'D/go'");
        assert_eq!(parting(&once(&monit), &once(&ours), 0.2), None);
        assert!(parting(&monit, &ours, 0.2).is_some(), "a repetition");
    }

    #[test]
    fn what_is_said_otherwise_is_told() {
        let all = [
            "error    : 'svc' cpu usage of 50.1% matches resource limit [cpu usage > 5.0%]",
            "warning  : 'svc' cpu usage of 50.1% matches resource limit [cpu usage > 5.0%]",
            "error    : 'svc' cpu usage of 50.1% matches resource limit [cpu usage > 9.0%]",
            "error    : 'svc' cpu usage of 10.1% matches resource limit [cpu usage > 5.0%]",
            "error    : 'other' cpu usage of 50.1% matches resource limit [cpu usage > 5.0%]",
        ];
        for other in &all[1..] {
            assert!(parting(&story(&all[..1]), &story(&[other]), 0.2).is_some(), "{other}");
        }
        assert!(parting(&story(&all[..1]), &[], 0.2).is_some());
    }
}
