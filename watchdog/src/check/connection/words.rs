//! Lengths of time and texts as sentences and logs have them.

use std::time::Duration;

/// A length of time that the grammar reads back as the same.
pub(super) fn time(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

/// A time as Monit logs it: `0.045 ms`, `5 s`.
pub(super) fn logged(seconds: f64) -> String {
    let (number, unit) = if seconds < 1.0 { (seconds * 1000.0, "ms") } else { (seconds, "s") };
    if number.fract() == 0.0 { format!("{number} {unit}") } else { format!("{number:.3} {unit}") }
}
