//! Whether a number grows, how fast, and when it will reach a limit.
//!
//! What is measured is what is *not given back*: a garbage collector's saw-tooth is not growth.
//! 1. **Collections.** A fall by more than a tenth of the range seen is one; the lowest point after it
//!    is a valley. With three valleys or more the line goes through the valleys (Theil–Sen: the median
//!    of the slopes between every two), so the teeth do not count, whatever their height.
//! 2. **None**, or so small that a line explains nearly all the same: least squares through all points;
//!    a stepped leak is a case of it.
//! 3. **Two**: the line through both, where they are far apart and the first point is not below it;
//!    otherwise with the first point as a third.
//! 4. **One**: if it is long ago (two thirds of the window) it was a new beginning, and only what came
//!    after it counts. Otherwise only what came before it and was not given back by it.
//! 5. **A forecast** asks for the moment at which the *peaks* touch the limit: the line is lifted by the
//!    height of the usual peak (third highest of eight parts: one spike moves nothing). It is believed
//!    only where the line explains the points ([`GOOD`], else [`FAIR`]); the last half and the last
//!    quarter of the window are tried too, so that a leak which began lately is not averaged away
//!    (not within one or two teeth of a saw).
//!
//! Pure functions of points. Not here: what is remembered (`trail`), limits and rules (`judge`).

use super::trail::{Point, Trail};

/// A fall by this part of the range is a collection.
const FALL: f64 = 0.1;
/// The part of the points' variation that a line explains, from which on it is the whole story …
pub const GOOD: f64 = 0.95;
/// … or good enough for a forecast over the whole window. A single step explains 0.75 at most.
pub const FAIR: f64 = 0.8;
/// A forecast needs this part of its window.
const LEAST: f64 = 0.1;
/// Growth is over the whole window; samples are not on the dot.
const COVERED: f64 = 0.95;

/// A line through the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Per second.
    pub slope: f64,
    /// The level at the first point.
    pub start: f64,
    /// The level at the last point.
    pub now: f64,
    /// How far the usual peak stands above the line.
    pub crest: f64,
    /// The part of the variation that it explains, 0–1.
    pub quality: f64,
    /// Collections seen.
    pub valleys: usize,
}

/// The growth over the whole window; `None` while the window is not covered.
pub fn growth(trail: &Trail) -> Option<Line> {
    let points = trail.points();
    let (first, last) = (points.first()?, points.last()?);
    if last.0 - first.0 < trail.window() * COVERED {
        return None;
    }
    line(&points)
}

/// In how many seconds the number will be at the limit; infinite where it does not rise. `None`
/// while too little is known.
pub fn reach(trail: &Trail, limit: f64) -> Option<f64> {
    let points = trail.points();
    let (first, last) = (*points.first()?, *points.last()?);
    if last.1 >= limit {
        return Some(0.0);
    }
    if last.0 - first.0 < trail.window() * LEAST {
        return None;
    }
    let whole = line(&points)?;
    let part = |share: f64| {
        let from = last.0 - trail.window() * share;
        let start = points.partition_point(|point| point.0 < from);
        let line = points.get(start..).and_then(line)?;
        // One tooth of a saw is no leak, however straight.
        let whole_teeth = line.valleys >= 3 || (line.valleys == 0 && whole.valleys == 0);
        Some(line).filter(|line| line.quality >= GOOD && whole_teeth)
    };
    let best = Some(whole)
        .filter(|line| line.quality >= GOOD)
        .or_else(|| part(0.5))
        .or_else(|| part(0.25))
        .or(Some(whole).filter(|line| line.quality >= FAIR));
    Some(match best {
        Some(line) if line.slope > 0.0 => ((limit - line.now - line.crest) / line.slope).max(0.0),
        _ => f64::INFINITY,
    })
}

/// The line that says how fast the number rises for good; `None` for fewer than three points.
pub fn line(points: &[Point]) -> Option<Line> {
    let (first, last) = (*points.first()?, *points.last()?);
    if points.len() < 3 || last.0 <= first.0 {
        return None;
    }
    let valleys = valleys(points);
    let plain = least_squares(points)?;
    let Fit { origin, slope, at_zero, quality } = match valleys.last() {
        None => plain,
        Some(_) if valleys.len() >= 3 => theil_sen(&valleys)?,
        Some(_) if plain.quality >= GOOD => plain,
        Some(_) if valleys.len() == 2 => through_two(first, &valleys, last.0 - first.0)?,
        Some(valley) if last.0 - valley.0 >= (last.0 - first.0) * 2.0 / 3.0 => {
            let since: Vec<Point> = points.iter().copied().filter(|p| p.0 >= valley.0).collect();
            least_squares(&since)?
        }
        // All that was given back at the valley is known to be no growth; what came since may be.
        Some(valley) => least_squares(&kept(points, valley.0))?,
    };
    let level = |at: f64| at_zero + slope * (at - origin);
    let crest = crest(points, &|at| level(at));
    let valleys = valleys.len();
    Some(Line { slope, start: level(first.0), now: level(last.0), crest, quality, valleys })
}

/// The lowest points after each fall.
fn valleys(points: &[Point]) -> Vec<Point> {
    let values = || points.iter().map(|point| point.1);
    let range = values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min);
    let fall = range * FALL;
    let mut found = Vec::new();
    let mut peak = f64::MIN;
    let mut lowest: Option<Point> = None;
    for point in points {
        match lowest {
            None => {
                peak = peak.max(point.1);
                if point.1 < peak - fall {
                    lowest = Some(*point);
                }
            }
            Some(low) if point.1 < low.1 => lowest = Some(*point),
            Some(low) if point.1 > low.1 + fall => {
                found.push(low);
                lowest = None;
                peak = point.1;
            }
            Some(_) => {}
        }
    }
    // A fall that is just over: what it left is a valley already.
    found.extend(lowest);
    found
}

/// What was never given back up to a moment: at each point the lowest that follows.
fn kept(points: &[Point], until: f64) -> Vec<Point> {
    let mut kept: Vec<Point> = points.iter().copied().filter(|point| point.0 <= until).collect();
    let mut lowest = f64::MAX;
    for point in kept.iter_mut().rev() {
        lowest = lowest.min(point.1);
        point.1 = lowest;
    }
    kept
}

/// Two valleys say enough where they are far apart and the first point does not stand below their
/// line: it is then somewhere in a tooth. Otherwise it counts as a valley, too.
fn through_two(first: Point, valleys: &[Point], span: f64) -> Option<Fit> {
    let line = theil_sen(valleys)?;
    let (early, late) = (valleys.first()?, valleys.last()?);
    let apart = late.0 - early.0 >= span / 4.0;
    if apart && first.1 >= early.1 - line.slope * (early.0 - first.0) {
        return Some(line);
    }
    theil_sen(&[&[first], valleys].concat())
}

/// A line as fitted.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// The moment of `at_zero`.
    origin: f64,
    slope: f64,
    at_zero: f64,
    /// The part of the variation explained.
    quality: f64,
}

fn least_squares(points: &[Point]) -> Option<Fit> {
    let origin = points.first()?.0;
    let n = points.len() as f64;
    let mean = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (time, value) = (mean(&|point| point.0 - origin), mean(&|point| point.1));
    let spread = mean(&|point| (point.0 - origin - time).powi(2));
    let joint = mean(&|point| (point.0 - origin - time) * (point.1 - value));
    if spread <= 0.0 {
        return Some(Fit { origin, slope: 0.0, at_zero: value, quality: 1.0 });
    }
    let slope = joint / spread;
    let at_zero = value - slope * time;
    Some(Fit { origin, slope, at_zero, quality: explained(points, slope, at_zero) })
}

/// The median of the slopes between every two points, and the median line with it. The points are
/// valleys: few, as the trail is bounded.
fn theil_sen(points: &[Point]) -> Option<Fit> {
    let origin = points.first()?.0;
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (i, a) in points.iter().enumerate() {
        slopes.extend(points.iter().skip(i + 1).map(|b| (b.1 - a.1) / (b.0 - a.0)));
    }
    let slope = median(&mut slopes)?;
    let mut levels: Vec<f64> =
        points.iter().map(|point| point.1 - slope * (point.0 - origin)).collect();
    let at_zero = median(&mut levels)?;
    Some(Fit { origin, slope, at_zero, quality: explained(points, slope, at_zero) })
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let (_, value, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*value)
}

fn explained(points: &[Point], slope: f64, at_zero: f64) -> f64 {
    let Some(origin) = points.first().map(|point| point.0) else { return 0.0 };
    let mean = points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64;
    let all: f64 = points.iter().map(|point| (point.1 - mean).powi(2)).sum();
    let left: f64 = points.iter().map(|p| (p.1 - at_zero - slope * (p.0 - origin)).powi(2)).sum();
    // What does not vary at all is explained by a level line.
    if all <= f64::EPSILON * mean.abs() { 1.0 } else { (1.0 - left / all).clamp(0.0, 1.0) }
}

/// How far the usual peak stands above the line: the third highest of eight parts of the time.
fn crest(points: &[Point], level: &dyn Fn(f64) -> f64) -> f64 {
    const PARTS: usize = 8;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
    let mut highest = [f64::MIN; PARTS];
    for point in points {
        let share = (point.0 - first.0) / (last.0 - first.0);
        let part = ((share * PARTS as f64) as usize).min(PARTS - 1);
        if let Some(high) = highest.get_mut(part) {
            *high = high.max(point.1 - level(point.0));
        }
    }
    let mut seen: Vec<f64> = highest.into_iter().filter(|high| *high > f64::MIN).collect();
    seen.sort_by(|a, b| b.total_cmp(a));
    seen.get(2).or(seen.last()).map_or(0.0, |crest| crest.max(0.0))
}

#[cfg(test)]
mod tests;
