//! Numbers and states in words, for the command line and the page alike.

use super::view::ServiceDocument;
use crate::clock;
use crate::escape::one_line;

/// What is shown where a value is not known.
pub const UNKNOWN: &str = "-";

/// The kind as a title, in Monit's words: `Process`, `Remote Host`.
pub fn kind(service: &ServiceDocument) -> String {
    if service.kind == "host" {
        return "Remote Host".to_owned();
    }
    let mut letters = service.kind.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    one_line(&first.chain(letters).collect::<String>()).into_owned()
}

/// The state of a service in a few words; without its reason.
pub fn status(service: &ServiceDocument) -> String {
    match service.status.as_str() {
        "ok" => "OK".to_owned(),
        "pending" => "OK so far, a limit is passed".to_owned(),
        "failing" => failure(service),
        "given_up" => "Given up starting".to_owned(),
        "unmonitored" => "Not monitored".to_owned(),
        "unknown" => match &service.waits_for {
            Some(other) => format!("Waits for '{other}'"),
            None => "Not known yet".to_owned(),
        },
        "acting" => match service.acting.as_deref() {
            Some("start") => "Being started".to_owned(),
            Some("stop") => "Being stopped".to_owned(),
            Some("restart") => "Being restarted".to_owned(),
            _ => "Being acted on".to_owned(),
        },
        other => other.to_owned(),
    }
}

/// What has failed, as Monit calls it: `Resource limit matched | Uptime failed`.
fn failure(service: &ServiceDocument) -> String {
    let mut titles: Vec<&str> = Vec::new();
    for rule in service.rules.iter().filter(|rule| rule.state == "failing") {
        if !rule.title.is_empty() && !titles.contains(&rule.title.as_str()) {
            titles.push(&rule.title);
        }
    }
    match titles.as_slice() {
        [] if service.kind == "process" && service.pid.is_none() => "Does not exist".to_owned(),
        [] => "Failing".to_owned(),
        _ => titles.join(" | "),
    }
}

/// Whether `status` ends with exit code 1 for it.
pub fn is_failing(service: &ServiceDocument) -> bool {
    matches!(service.status.as_str(), "failing" | "given_up")
}

/// A ratio in percent: `2.1%`.
pub fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| UNKNOWN.to_owned(), |ratio| format!("{:.1}%", ratio * 100.0))
}

/// A size in Monit's form, in powers of 1024: `9.0 MB`.
pub fn bytes(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else { return UNKNOWN.to_owned() };
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut units = ["kB", "MB", "GB", "TB", "PB", "EB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if size < 1023.95 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

/// A size and its share of another: `13.0 GB [55.3%]`.
pub fn bytes_of(part: Option<u64>, whole: Option<u64>) -> String {
    match (part, whole) {
        (Some(used), Some(all)) if all > 0 => {
            let share = used as f64 / all as f64;
            format!("{} [{}]", bytes(part), percent(Some(share)))
        }
        _ => bytes(part),
    }
}

/// Bytes in a second: `1.2 kB/s`.
pub fn rate(per_second: f64) -> String {
    bytes(Some(per_second.max(0.0).round() as u64)) + "/s"
}

/// A bare number.
pub fn count(count: Option<u64>) -> String {
    count.map_or_else(|| UNKNOWN.to_owned(), |count| count.to_string())
}

/// A length of time in its two greatest units: `3d 4h`, `12m 5s`.
pub fn duration(seconds: Option<u64>) -> String {
    let Some(seconds) = seconds else { return UNKNOWN.to_owned() };
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// A moment of the document (RFC 3339, UTC) as people read it.
pub fn moment(text: &str) -> String {
    text.parse().map_or_else(|_| one_line(text).into_owned(), clock::local)
}

/// Three load averages as Monit prints them.
pub fn load(load: Option<[f64; 3]>) -> String {
    load.map_or_else(
        || UNKNOWN.to_owned(),
        |[one, five, fifteen]| format!("[{one:.2}] [{five:.2}] [{fifteen:.2}]"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_in_monit() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 kB"),
            (9_437_184, "9.0 MB"),
            (1_048_575, "1.0 MB"),
            (u64::MAX, "16.0 EB"),
        ] {
            assert_eq!(bytes(Some(size)), text);
        }
        assert_eq!(bytes(None), "-");
        assert_eq!(bytes_of(Some(512), Some(1024)), "512 B [50.0%]");
        assert_eq!(bytes_of(Some(512), Some(0)), "512 B");
    }

    #[test]
    fn moments_are_local_and_say_where() {
        let shown = moment("2026-11-22T05:42:10.250Z");
        assert_eq!(shown.len(), "2026-11-22T05:42:10+0000".len(), "{shown}");
        let back = jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", &shown);
        assert_eq!(back.map(|back| back.to_string()).ok().as_deref(), Some("2026-11-22T05:42:10Z"));
        assert_eq!(moment("soon\n"), "soon\\x0a");
    }

    #[test]
    fn times_show_two_units() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (700, "11m 40s"), (3660, "1h 1m"), (90_000, "1d 1h")]
        {
            assert_eq!(duration(Some(seconds)), text);
        }
    }
}
