//! Where a number has been: the last stretch of time of one metric, in bounded memory.
//!
//! At most `BUCKETS` buckets whatever the window: while there are few samples each has its own; when
//! the ring is full neighbours are merged, each keeping its lowest and its highest sample, so that
//! neither a spike nor the level after a collection is lost. Not here: what the points mean (`trend`).

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::BootTime;

/// Stretches of time remembered at most.
const BUCKETS: usize = 128;

/// The recent past of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Trail {
    window: f64,
    /// How long one bucket is; zero: a sample each.
    width: f64,
    buckets: VecDeque<Bucket>,
}

/// A moment in seconds, and the number then.
pub type Point = (f64, f64);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    begin: f64,
    low: Point,
    high: Point,
}

impl Bucket {
    fn take(&mut self, other: &Self) {
        if other.low.1 < self.low.1 {
            self.low = other.low;
        }
        if other.high.1 >= self.high.1 {
            self.high = other.high;
        }
    }
}

impl Trail {
    /// An empty trail that remembers so long.
    pub fn new(window: Duration) -> Self {
        Self { window: window.as_secs_f64(), width: 0.0, buckets: VecDeque::new() }
    }

    /// Takes a sample. Time goes forward; a sample from before the last one is left out.
    pub fn push(&mut self, at: BootTime, value: f64) {
        let at = at.since(BootTime::default()).as_secs_f64();
        let sample = Bucket { begin: at, low: (at, value), high: (at, value) };
        match self.buckets.back_mut() {
            Some(last) if at <= last.low.0.max(last.high.0) => return,
            Some(last) if at < last.begin + self.width => last.take(&sample),
            _ => self.buckets.push_back(sample),
        }
        // One bucket from before the window's start stays: it says how the number was then.
        while self.buckets.get(1).is_some_and(|second| second.begin <= at - self.window) {
            self.buckets.pop_front();
        }
        if self.buckets.len() > BUCKETS {
            self.merge(at);
        }
    }

    fn merge(&mut self, now: f64) {
        let first = self.buckets.front().map_or(now, |bucket| bucket.begin);
        self.width = 2.0 * (now - first).min(self.window) / BUCKETS as f64;
        let mut merged: VecDeque<Bucket> = VecDeque::with_capacity(BUCKETS);
        for bucket in self.buckets.drain(..) {
            match merged.back_mut() {
                Some(last) if bucket.begin < last.begin + self.width => last.take(&bucket),
                _ => merged.push_back(bucket),
            }
        }
        self.buckets = merged;
    }

    /// Forgets everything: another process, or nobody knows what was in between.
    pub fn clear(&mut self) {
        self.buckets.clear();
        self.width = 0.0;
    }

    /// How long is remembered at most, in seconds.
    pub fn window(&self) -> f64 {
        self.window
    }

    /// The lowest and highest sample of each bucket, in the order of time.
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::with_capacity(self.buckets.len() * 2);
        for bucket in &self.buckets {
            let (low, high) = (bucket.low, bucket.high);
            if low.0 < high.0 {
                points.extend([low, high]);
            } else if low.0 > high.0 {
                points.extend([high, low]);
            } else {
                points.push(low);
            }
        }
        points
    }

    /// For a number that only counts up: how long ago, in seconds, it was looked at last before
    /// `ago` (or at first, where nothing is older), and how much was added since.
    pub fn added(&self, ago: Duration) -> Option<(f64, f64)> {
        let points = self.points();
        let (now, count) = *points.last()?;
        let limit = now - ago.as_secs_f64();
        let before = points.iter().rev().find(|point| point.0 <= limit).or(points.first())?;
        (before.0 < now).then(|| (now - before.0, (count - before.1).max(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn memory_is_bounded_and_the_extremes_stay(
            window in 1..5000_u64,
            samples in prop::collection::vec((1..20_000_u64, 0..1000_u32), 1..600),
        ) {
            let mut trail = Trail::new(Duration::from_secs(window));
            let mut now = 0;
            let mut seen = Vec::new();
            for (gap, value) in samples {
                now += gap;
                let at = BootTime(now * 1_000_000);
                trail.push(at, f64::from(value));
                seen.push((at.since(BootTime::default()).as_secs_f64(), f64::from(value)));
            }
            let points = trail.points();
            prop_assert!(points.len() <= 2 * (BUCKETS + 1));
            prop_assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order of time");
            let start = seen.last().map_or(0.0, |last| last.0) - window as f64;
            let most = |points: &[Point]| points.iter().map(|point| point.1).fold(0.0, f64::max);
            let inside: Vec<Point> = seen.iter().copied().filter(|point| point.0 > start).collect();
            prop_assert!(most(&points) >= most(&inside), "no spike is lost");
            prop_assert!(points.iter().all(|point| seen.contains(point)), "nothing is invented");
            prop_assert!(points.last() == seen.last() || trail.width > 0.0);
        }
    }

    #[test]
    fn a_count_over_a_time() {
        let mut trail = Trail::new(Duration::from_secs(60));
        assert_eq!(trail.added(Duration::from_secs(10)), None);
        for second in 0..=600_u32 {
            trail.push(BootTime::from_secs(u64::from(second)), f64::from(second) * 5.0);
        }
        let (elapsed, added) = trail.added(Duration::from_secs(60)).expect("known");
        assert!((59.0..=62.0).contains(&elapsed), "{elapsed}");
        assert!((added / elapsed - 5.0).abs() < 0.01);
    }
}
