//! What a log line looks like. Not here: where it goes.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock;
use crate::escape;
use crate::message::{Level, LogLine};

/// A line of a log file, as Monit 5.33 shapes it: local time with its offset, the level padded to
/// nine, the service in quotes. Ends in a newline, and holds no other.
pub(super) fn dated(line: &LogLine, wall: Timestamp, zone: &TimeZone) -> String {
    let time = clock::shown(wall, zone);
    format!("[{time}] {:<9}: {}\n", line.level.word(), said(line))
}

/// A line for the journal, which keeps the time itself and reads the level from a number in
/// front (sd-daemon(3)). Ends in a newline, and holds no other.
pub(super) fn prioritised(line: &LogLine) -> String {
    let priority = match line.level {
        Level::Debug => 7,
        Level::Info => 6,
        Level::Warning => 4,
        Level::Error => 3,
        Level::Critical => 2,
    };
    format!("<{priority}>{}\n", said(line))
}

fn said(line: &LogLine) -> String {
    let text = escape::one_line(&line.text);
    match &line.service {
        Some(service) => format!("'{}' {text}", escape::one_line(service)),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};
    use proptest::prelude::*;

    use super::*;
    use crate::clock::BootTime;

    fn line(level: Level, service: Option<&str>, text: &str) -> LogLine {
        LogLine {
            at: BootTime(0),
            level,
            service: service.map(str::to_owned),
            event: None,
            text: text.to_owned(),
        }
    }

    fn wall() -> Timestamp {
        "2026-11-22T05:42:10Z".parse().expect("a time")
    }

    #[test]
    fn golden_lines_of_a_file() {
        let matched = "total mem amount of 1981.4 MB matches resource limit \
                       [total mem amount > 1800 MB]";
        let table = [
            (
                line(Level::Error, Some("apache"), matched),
                "[2026-11-22T05:42:10+0000] error    : 'apache' total mem amount of 1981.4 MB \
                 matches resource limit [total mem amount > 1800 MB]\n",
            ),
            (
                line(Level::Info, None, "Starting daemon"),
                "[2026-11-22T05:42:10+0000] info     : Starting daemon\n",
            ),
            (
                line(Level::Critical, Some("a'\x1b["), "x\r\n[fake] y"),
                "[2026-11-22T05:42:10+0000] critical : 'a'\\x1b[' x\\x0d\\x0a[fake] y\n",
            ),
            (line(Level::Debug, None, "d"), "[2026-11-22T05:42:10+0000] debug    : d\n"),
            (line(Level::Warning, None, "w"), "[2026-11-22T05:42:10+0000] warning  : w\n"),
        ];
        for (line, golden) in table {
            assert_eq!(dated(&line, wall(), &TimeZone::UTC), golden);
        }
    }

    #[test]
    fn the_local_zone_and_its_offset_are_written() {
        let zone = TimeZone::fixed(Offset::constant(8));
        assert_eq!(
            dated(&line(Level::Info, None, "x"), wall(), &zone),
            "[2026-11-22T13:42:10+0800] info     : x\n"
        );
    }

    #[test]
    fn golden_lines_of_the_journal() {
        let levels = [
            (Level::Debug, "<7>'s' x\n"),
            (Level::Info, "<6>'s' x\n"),
            (Level::Warning, "<4>'s' x\n"),
            (Level::Error, "<3>'s' x\n"),
            (Level::Critical, "<2>'s' x\n"),
        ];
        for (level, golden) in levels {
            assert_eq!(prioritised(&line(level, Some("s"), "x")), golden);
        }
    }

    proptest! {
        #[test]
        fn one_event_is_one_line(service in ".*", text in ".*") {
            let line = line(Level::Error, Some(&service), &text);
            for shown in [dated(&line, wall(), &TimeZone::UTC), prioritised(&line)] {
                let body = shown.strip_suffix('\n').expect("ends in a newline");
                prop_assert!(body.bytes().all(|byte| byte >= 0x20));
            }
        }
    }
}
