//! What an interface has carried: now, in a second, and within the last hours.
//!
//! Pure. Not here: tests about it (`network`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Rates over less than this are noise: an observation that comes sooner keeps the last ones.
const LEAST: Duration = Duration::from_secs(1);
/// Between two points of the last hour that are kept.
const FINE: Duration = Duration::from_secs(60);
/// How far back they are so close.
const RECENT: Duration = Duration::from_secs(3600);
/// Between two older ones.
const COARSE: Duration = Duration::from_secs(900);
/// More than the spacing above can make of a day.
const MOST: usize = 256;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Received.
    Download,
    /// Sent.
    Upload,
}

impl Way {
    /// The word in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

/// What was carried since the interface is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Which boot it is.
    pub boot: String,
    /// Nanoseconds since that boot.
    pub at: u64,
    /// Bytes and packets received.
    pub down: [u64; 2],
    /// Bytes and packets sent.
    pub up: [u64; 2],
}

impl Counts {
    fn of(&self, way: Way) -> [u64; 2] {
        match way {
            Way::Download => self.down,
            Way::Upload => self.up,
        }
    }

    /// Bytes.
    pub fn bytes(&self, way: Way) -> u64 {
        self.of(way)[0]
    }

    /// Packets.
    pub fn packets(&self, way: Way) -> u64 {
        self.of(way)[1]
    }

    /// Whether this may be counted on from there: the same boot, later, and nothing began anew.
    pub fn follows(&self, before: &Self) -> bool {
        let grew =
            |now: [u64; 2], then: [u64; 2]| now.iter().zip(then).all(|(now, then)| *now >= then);
        self.boot == before.boot
            && self.at >= before.at
            && grew(self.down, before.down)
            && grew(self.up, before.up)
    }

    fn since(&self, before: &Self) -> Duration {
        Duration::from_nanos(self.at.saturating_sub(before.at))
    }
}

/// The same a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Bytes and packets received.
    pub down: [f64; 2],
    /// Bytes and packets sent.
    pub up: [f64; 2],
}

impl Rates {
    /// Between two observations; none where the second cannot be counted on from the first.
    pub fn between(before: &Counts, now: &Counts) -> Option<Self> {
        let elapsed = now.since(before).as_secs_f64();
        if elapsed <= 0.0 || !now.follows(before) {
            return None;
        }
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / elapsed;
        let rates =
            |now: [u64; 2], before: [u64; 2]| [rate(now[0], before[0]), rate(now[1], before[1])];
        Some(Self { down: rates(now.down, before.down), up: rates(now.up, before.up) })
    }

    fn of(&self, way: Way) -> [f64; 2] {
        match way {
            Way::Download => self.down,
            Way::Upload => self.up,
        }
    }

    /// Bytes.
    pub fn bytes(&self, way: Way) -> f64 {
        self.of(way)[0]
    }

    /// Packets.
    pub fn packets(&self, way: Way) -> f64 {
        self.of(way)[1]
    }
}

/// What is known after another look: what rates are counted from, and the rates.
pub fn rated(before: Option<(&Counts, Option<Rates>)>, now: Counts) -> (Counts, Option<Rates>) {
    match before {
        Some((base, rates)) if now.follows(base) && now.since(base) < LEAST => {
            (base.clone(), rates)
        }
        Some((base, _)) => {
            let rates = Rates::between(base, &now);
            (now, rates)
        }
        None => (now, None),
    }
}

/// The past with another point: as close as is needed, and no farther back than `window`.
pub fn remembered(past: &[Counts], now: &Counts, window: Duration) -> Vec<Counts> {
    let mut kept: Vec<Counts> = Vec::new();
    for point in past.iter().filter(|point| now.follows(point)).chain([now]) {
        let close = |last: &Counts| {
            let step = if now.since(last) > RECENT { COARSE } else { FINE };
            point.since(last) < step
        };
        if kept.last().is_none_or(|last| !close(last)) {
            kept.push(point.clone());
        }
    }
    // One that is older than the window says what was there at its beginning.
    let older = kept.iter().filter(|point| now.since(point) > window).count();
    kept.drain(..older.saturating_sub(1).max(kept.len().saturating_sub(MOST)));
    kept
}

/// What was added within the last `window`, or since anything is known: between two points of the
/// past it is taken to have come evenly.
pub fn added(
    past: &[Counts],
    now: &Counts,
    window: Duration,
    count: impl Fn(&Counts) -> u64,
) -> Option<f64> {
    let points = || past.iter().filter(|point| now.follows(point));
    let first = points().next()?;
    let since = |point: &Counts| now.since(point);
    let at_begin = match points().rfind(|point| since(point) >= window) {
        None => count(first) as f64,
        Some(before) => {
            let after = points().find(|point| since(point) < window).unwrap_or(now);
            let (long, part) = (after.since(before), since(before).saturating_sub(window));
            let share = if long.is_zero() { 0.0 } else { part.as_secs_f64() / long.as_secs_f64() };
            count(before) as f64 + (count(after).saturating_sub(count(before))) as f64 * share
        }
    };
    Some((count(now) as f64 - at_begin).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(minute: u64, bytes: u64) -> Counts {
        Counts {
            boot: "a".into(),
            at: minute * 60_000_000_000,
            down: [bytes, bytes / 10],
            up: [0, 0],
        }
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn the_past_is_bounded_and_remembers_a_day() {
        let mut past = Vec::new();
        // A hundred bytes a minute for two days.
        for minute in 0..2880 {
            past = remembered(&past, &counts(minute, minute * 100), minutes(1440));
            assert!(past.len() <= MOST);
        }
        let now = counts(2880, 288_000);
        for window in [1, 7, 60, 90, 1000, 1440] {
            let bytes = added(&past, &now, minutes(window), |c| c.down[0]).expect("known");
            assert!((bytes - window as f64 * 100.0).abs() < 1.0, "{window}: {bytes}");
        }
        assert!(past.len() > 60 && past.len() < 180, "{}", past.len());
    }

    #[test]
    fn what_is_not_known_long_enough_counts_since_it_is() {
        let past = remembered(&[], &counts(10, 500), minutes(60));
        assert_eq!(added(&past, &counts(12, 800), minutes(60), |c| c.down[0]), Some(300.0));
        // Counted anew, or after a boot: what was is gone.
        assert_eq!(added(&past, &counts(12, 100), minutes(60), |c| c.down[0]), None);
        assert_eq!(remembered(&past, &counts(12, 100), minutes(60)), [counts(12, 100)]);
        let boot = Counts { boot: "b".into(), ..counts(12, 800) };
        assert_eq!(added(&past, &boot, minutes(60), |c| c.down[0]), None);
    }

    #[test]
    fn rates_are_not_made_of_moments() {
        let (first, later) = (counts(1, 100), counts(2, 700));
        let (base, rates) = rated(None, first.clone());
        assert_eq!((&base, rates), (&first, None));
        let (base, rates) = rated(Some((&base, rates)), later.clone());
        assert_eq!(rates.map(|rates| rates.bytes(Way::Download)), Some(10.0));
        let soon = Counts { at: later.at + 5_000_000, ..counts(2, 9000) };
        assert_eq!(rated(Some((&base, rates)), soon), (later, rates));
    }
}
