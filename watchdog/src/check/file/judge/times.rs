//! Tests of a file's times: how long ago, and whether one has changed.

use jiff::tz::Offset;

use super::{Change, Facts};
use crate::check::Judged;
use crate::check::file::test::Time;
use crate::metric::Operator;

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

impl Time {
    /// Monit's name in the log.
    fn name(self) -> &'static str {
        match self {
            Self::Any => "modify/change time",
            Self::Access => "access time",
            Self::Change => "change time",
            Self::Modification => "modify time",
        }
    }

    fn of(self, facts: &Facts) -> Option<i64> {
        match self {
            Self::Any => Some(facts.ctime?.max(facts.mtime?)),
            Self::Access => facts.atime,
            Self::Change => facts.ctime,
            Self::Modification => facts.mtime,
        }
    }
}

/// `changed timestamp`.
pub(super) fn changed(now: &Facts, before: Option<&Facts>, time: Time) -> Judged {
    let (name, path) = (time.name(), &now.path);
    let change = Change::of(now, before, |facts| time.of(facts));
    let second = |time: i64| time.div_euclid(SECOND);
    // Within one second the fractions are what differs.
    let fine = match (change.now, change.before) {
        (Some(new), Some(old)) => new != old && second(new) == second(old),
        _ => false,
    };
    let shown = |time: i64| match fine {
        true => exact(time, now.zone),
        false => date(time, now.zone),
    };
    change.judged(
        shown,
        |new, old| format!("{name} for {path} changed from {} to {}", shown(old), shown(new)),
        |_| format!("{name} was not changed for {path}"),
    )
}

/// `timestamp > 15 minutes`.
pub(super) fn age(now: &Facts, time: Time, operator: Operator, limit: f64) -> Judged {
    let (Some(at), Some(of)) = (now.at, time.of(now)) else { return Judged::unknown() };
    // A time in the future (a clock that was set back) is no age below zero.
    let age = at.saturating_sub(of).max(0) as f64 / 1e9;
    let (name, path, shown) = (time.name(), &now.path, date(of, now.zone));
    Judged {
        truth: Some(operator.holds(age, limit)),
        value: Some(format!("{age:.0} seconds")),
        limit: Some(format!("{limit} seconds")),
        failed: format!("{name} for {path} failed -- current {name} is {shown}"),
        succeeded: format!("{name} test succeeded for {path} [current {name} is {shown}]"),
    }
}

/// The same with the fraction of the second: `Sun, 22 Nov 2026 05:44:58.000000007`.
fn exact(ns: i64, zone: i32) -> String {
    format!("{}.{:09}", date(ns, zone), ns.rem_euclid(SECOND))
}

/// As Monit prints it: `Sun, 22 Nov 2026 05:44:58`, local time.
fn date(ns: i64, zone: i32) -> String {
    let time = jiff::Timestamp::from_second(ns.div_euclid(SECOND)).unwrap_or_default();
    let zone = Offset::from_seconds(zone).unwrap_or(Offset::UTC);
    zone.to_datetime(time).strftime("%a, %d %b %Y %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown() {
        let at = |ns: i64| Facts {
            path: "/d".to_owned(),
            mtime: Some(ns),
            ctime: Some(ns),
            ..Facts::default()
        };
        let told = |old: i64, new: i64| {
            let judged = changed(&at(new), Some(&at(old)), Time::Modification);
            (judged.truth, judged.failed)
        };
        let noon = 1_795_326_288 * SECOND;
        let words = |old: &str, new: &str| {
            let date = "Sun, 22 Nov 2026 05:44:";
            (Some(true), format!("modify time for /d changed from {date}{old} to {date}{new}"))
        };
        assert_eq!(told(noon, noon + SECOND), words("48", "49"));
        assert_eq!(told(noon, noon + 7), words("48.000000000", "48.000000007"));
        assert_eq!(told(noon + 9, noon + 1_000_000), words("48.000000009", "48.001000000"));
        assert_eq!(told(noon, noon).0, Some(false));
    }
}
