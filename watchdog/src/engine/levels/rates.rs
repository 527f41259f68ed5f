//! Rates: how many in a time, and shares of a time.
//!
//! Not here: the numbers that they are made of (`levels`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::trail::Trail;

/// So many in a second.
pub(crate) fn rate(count: u64, elapsed: Duration) -> Option<f64> {
    (!elapsed.is_zero()).then(|| count as f64 / elapsed.as_secs_f64())
}

/// How many were added within `per`, of a number that counts up. Where the last look was longer ago
/// it is the part of `per` in what was added since then, so that a cycle of a minute shows the rate of
/// that minute, not of one second in it.
pub(crate) fn added(
    per: Duration,
    stretch: Option<((BootTime, f64), (BootTime, f64))>,
    trail: Option<&Trail>,
) -> Option<f64> {
    let (elapsed, count) = match stretch {
        Some((from, to)) if to.0.since(from.0) > per => {
            (to.0.since(from.0).as_secs_f64(), (to.1 - from.1).max(0.0))
        }
        _ => trail?.added(per)?,
    };
    let per = per.as_secs_f64();
    Some(if elapsed > per { count * per / elapsed } else { count })
}

/// CPU time over elapsed time times width, at most 1: a tick of error must not read as 100.4 %.
pub(super) fn ratio(used_ns: u64, elapsed: Duration, width: u32) -> f64 {
    let elapsed_ns = elapsed.as_nanos();
    if elapsed_ns == 0 {
        return 0.0;
    }
    (used_ns as f64 / (elapsed_ns as f64 * f64::from(width))).min(1.0)
}
