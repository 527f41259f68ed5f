//! Units of time and size: the words for them, and lengths of time as text.
//!
//! Sizes are in powers of 1024 under every name, as in Monit.

use std::time::Duration;

/// Words for units of time with their milliseconds. The first word of a unit is the one we print.
pub(super) const TIME: &[(&str, u64)] = &[
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
    ("h", 3_600_000),
    ("hour", 3_600_000),
    ("hours", 3_600_000),
    ("m", 60_000),
    ("min", 60_000),
    ("minute", 60_000),
    ("minutes", 60_000),
    ("s", 1000),
    ("sec", 1000),
    ("second", 1000),
    ("seconds", 1000),
    ("ms", 1),
    ("millisecond", 1),
    ("milliseconds", 1),
];

/// Words for units of size with their bytes.
pub(super) const SIZE: &[(&str, u64)] = &[
    ("b", 1),
    ("byte", 1),
    ("bytes", 1),
    ("kb", 1 << 10),
    ("kib", 1 << 10),
    ("kilobyte", 1 << 10),
    ("kilobytes", 1 << 10),
    ("mb", 1 << 20),
    ("mib", 1 << 20),
    ("megabyte", 1 << 20),
    ("megabytes", 1 << 20),
    ("gb", 1 << 30),
    ("gib", 1 << 30),
    ("gigabyte", 1 << 30),
    ("gigabytes", 1 << 30),
    ("tb", 1 << 40),
    ("tib", 1 << 40),
    ("terabyte", 1 << 40),
    ("terabytes", 1 << 40),
];

/// Longer is a slip of the keyboard, and would overflow sums of times.
pub(super) const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The value of a unit's word, whatever its case.
pub(super) fn unit(table: &[(&str, u64)], word: &str) -> Option<u64> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value)
}

/// So many units of so many milliseconds, to the millisecond; `None` above a year.
pub(super) fn time(number: f64, milliseconds: u64) -> Option<Duration> {
    let total = (number * milliseconds as f64).round();
    (total >= 0.0 && total <= LONGEST.as_millis() as f64)
        .then(|| Duration::from_millis(total as u64))
}

/// Why a text is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadTime {
    /// A number without a unit.
    NoUnit,
    /// Anything else.
    Unclear,
    /// More than a year.
    TooLong,
}

/// A length of time: `60s`, `1.5 h`, `250ms`.
pub(super) fn parse_time(text: &str) -> Result<Duration, BadTime> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, word) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| BadTime::Unclear)?;
    let word = word.trim();
    if word.is_empty() {
        return Err(BadTime::NoUnit);
    }
    let milliseconds = unit(TIME, word).ok_or(BadTime::Unclear)?;
    time(number, milliseconds).ok_or(BadTime::TooLong)
}

/// A size: `512 B`, `1.5 MB`; bytes where no unit is named, as in Monit.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, word) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let bytes = if word.is_empty() { 1 } else { unit(SIZE, word.trim())? };
    let size = number * bytes as f64;
    (size <= (1_u64 << 50) as f64).then(|| size.round() as u64)
}

/// A length of time in its largest whole unit: `90s`, `5m`.
pub(super) fn print_time(time: Duration) -> String {
    let milliseconds = time.as_millis();
    let (word, value) = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        .into_iter()
        .find(|(_, value)| milliseconds > 0 && milliseconds.is_multiple_of(*value))
        .unwrap_or(("ms", 1));
    format!("{}{word}", milliseconds / value)
}
