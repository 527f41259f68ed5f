//! What was observed of a service: files, file systems, networks, programs, connections, and whom a process
//! belongs to.
//!
//! The names in the document are those that `check` gives them. A name that is not known here (of a newer
//! daemon) is shown as it is.

use serde_json::{Map, Value};

use super::{Lines, share_of};
use crate::status::view::ServiceDocument;
use crate::status::words::{self, UNKNOWN, bytes, moment, percent, rate};

/// A service's observation, by the names of the document.
struct Seen<'a>(&'a Map<String, Value>);

impl<'a> Seen<'a> {
    fn of(service: &'a ServiceDocument) -> Self {
        Self(&service.observed)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    fn whole(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// A name, a number, or that it is not known.
    fn any(&self, name: &str) -> String {
        self.0.get(name).map_or_else(|| UNKNOWN.to_owned(), plain)
    }

    fn is_false(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(false))
    }
}

/// A single value without JSON's marks.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(all) => {
            let pairs = all.iter().map(|(name, value)| format!("{name} {}", plain(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// A moment of the document.
fn date(text: Option<&str>) -> String {
    text.map_or_else(|| UNKNOWN.to_owned(), moment)
}

/// Of kinds that are no process and not the host.
pub(super) fn lines(lines: &mut Lines, service: &ServiceDocument) {
    let seen = Seen::of(service);
    if let Some(trouble) = seen.text("trouble") {
        lines.bad("not observed", trouble);
    }
    // What is not there has nothing to show.
    if seen.0.is_empty() || seen.is_false("exists") || seen.is_false("mounted") {
        return;
    }
    match service.kind.as_str() {
        "file" | "directory" | "fifo" => file(lines, &seen),
        "filesystem" => filesystem(lines, &seen),
        "network" => network(lines, &seen),
        "program" => program(lines, &seen),
        "host" => {}
        _ => {
            for (name, value) in seen.0 {
                lines.put(&name.replace('_', " "), plain(value));
            }
        }
    }
}

fn file(lines: &mut Lines, seen: &Seen<'_>) {
    let mode = seen.text("permission").map(|mode| mode.trim_start_matches('0'));
    lines.put("permission", mode.unwrap_or(UNKNOWN));
    lines.put("uid", seen.any("uid"));
    lines.put("gid", seen.any("gid"));
    if seen.0.contains_key("size_bytes") {
        lines.put("size", bytes(seen.whole("size_bytes")));
    }
    lines.put("hardlinks", seen.any("hardlinks"));
    lines.put("access timestamp", date(seen.text("access_time")));
    lines.put("change timestamp", date(seen.text("change_time")));
    lines.put("modify timestamp", date(seen.text("modification_time")));
    for algorithm in ["md5", "sha1", "sha256"] {
        if let Some(sum) = seen.text(algorithm) {
            lines.put("checksum", format!("{sum} ({})", algorithm.to_uppercase()));
        }
    }
    lines.known("content read", seen.whole("content_offset_bytes").map(|read| bytes(Some(read))));
    let skipped = seen.whole("content_skipped_bytes").filter(|skipped| *skipped > 0);
    lines.known("content skipped", skipped.map(|skipped| bytes(Some(skipped))));
}

fn filesystem(lines: &mut Lines, seen: &Seen<'_>) {
    lines.put("mounted on", seen.any("mounted_on"));
    lines.put("device", seen.any("device"));
    lines.put("filesystem type", seen.any("type"));
    // One word else, however long.
    lines.put("filesystem flags", seen.any("flags").replace(',', ", "));
    let (total, used, free) = (
        seen.whole("space_total_bytes"),
        seen.whole("space_used_bytes"),
        seen.whole("space_free_bytes"),
    );
    let kept = total
        .zip(used)
        .zip(free)
        .map(|((total, used), free)| total.saturating_sub(used).saturating_sub(free));
    let share = |part: Option<u64>| {
        part.zip(total).map(|(part, total)| percent(Some(part as f64 / total.max(1) as f64)))
    };
    match share(kept.filter(|kept| *kept > 0)) {
        Some(kept) => lines
            .put("space total", format!("{} (of which {kept} is reserved for root)", bytes(total))),
        None => lines.put("space total", bytes(total)),
    }
    lines.put("space usage", share_of(used, total));
    lines.put("space free for non superuser", words::bytes_of(free, total));
    let (all, taken) = (seen.whole("inodes_total"), seen.whole("inodes_used"));
    lines.put("inodes total", words::count(all));
    if let (Some(all), Some(taken)) = (all.filter(|all| *all > 0), taken) {
        let free = all.saturating_sub(taken);
        let share = percent(Some(free as f64 / all as f64));
        lines.put("inodes free", format!("{free} [{share}]"));
    }
    lines.known("read bytes", seen.number("read_bytes_per_second").map(rate));
    let per_second =
        |name: &str, what: &str| seen.number(name).map(|number| format!("{number:.1} {what}/s"));
    lines.known("disk read operations", per_second("reads_per_second", "reads"));
    lines.known("write bytes", seen.number("write_bytes_per_second").map(rate));
    lines.known("disk write operations", per_second("writes_per_second", "writes"));
    let service = seen.number("service_time_seconds");
    lines.known("service time", service.map(|time| format!("{:.3} ms/operation", time * 1000.0)));
}

fn network(lines: &mut Lines, seen: &Seen<'_>) {
    lines.put("interface", seen.any("interface"));
    match seen.text("link") {
        Some("down") => lines.bad("link", "down"),
        _ => lines.put("link", seen.any("link")),
    }
    lines.known("link capacity", seen.text("capacity"));
    lines.known("link saturation", seen.number("saturation").map(|share| percent(Some(share))));
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
    let packets = |name: &str| seen.number(name).map(|number| format!("{number:.0} per second"));
    lines.put("download bytes", or_unknown(seen.number("download_bytes_per_second").map(rate)));
    lines.put("upload bytes", or_unknown(seen.number("upload_bytes_per_second").map(rate)));
    lines.put("download packets", or_unknown(packets("download_packets_per_second")));
    lines.put("upload packets", or_unknown(packets("upload_packets_per_second")));
}

fn program(lines: &mut Lines, seen: &Seen<'_>) {
    lines.put("last exit value", seen.any("program_status"));
    let output = seen.text("output").map_or(UNKNOWN, |output| output.trim_end());
    lines.put("last output", if output.is_empty() { UNKNOWN } else { output });
}

/// Whom a process belongs to, where rules ask for that.
pub(super) fn attributes(lines: &mut Lines, service: &ServiceDocument) {
    let seen = Seen::of(service);
    for (name, label) in [
        ("parent_pid", "parent pid"),
        ("uid", "uid"),
        ("effective_uid", "effective uid"),
        ("gid", "gid"),
    ] {
        if seen.0.contains_key(name) {
            lines.put(label, seen.any(name));
        }
    }
}

/// A process's label, where rules ask for that.
pub(super) fn security(lines: &mut Lines, service: &ServiceDocument) {
    lines.known("security attribute", Seen::of(service).text("security_attribute"));
}

/// Monit's label of a ping.
const PING: &str = "ping response time";

/// A connection: its label, how it went, whether that is bad.
fn connection(value: &Value) -> Option<(&'static str, String, bool)> {
    let to = value.get("to")?.as_str()?;
    let protocol = value.get("protocol").and_then(Value::as_str);
    let label = match protocol {
        None => PING,
        Some(_) if to.starts_with('/') => "unix socket response time",
        Some(_) => "port response time",
    };
    let time = value.get("response_seconds").and_then(Value::as_f64);
    let time = time.map(|seconds| format!("{:.3} ms", seconds * 1000.0));
    let left = value.get("certificate_valid_seconds").and_then(Value::as_i64);
    let place = protocol.map_or_else(String::new, |protocol| {
        let (place, carrier) = to.rsplit_once(" [").unwrap_or((to, ""));
        let carrier = carrier.trim_end_matches(']');
        let plain = carrier.trim_end_matches(" TLS");
        let mut text = format!(" to {place}");
        if !plain.is_empty() {
            text += &format!(" type {plain}");
        }
        if plain != carrier {
            text += " using TLS";
        }
        if let Some(left) = left {
            let days = left.div_euclid(86_400);
            text += &match days {
                0.. => format!(" (certificate valid for {days} days)"),
                _ => format!(" (certificate expired {} days ago)", -days),
            };
        }
        text + " protocol " + protocol
    });
    let error = value.get("error").and_then(Value::as_str);
    let because = error.map_or_else(String::new, |error| format!(" -- {error}"));
    let (state, bad) = match value.get("succeeded").and_then(Value::as_bool) {
        Some(true) => (time.unwrap_or_else(|| "OK".to_owned()), false),
        Some(false) => ("FAILED".to_owned(), true),
        None => (UNKNOWN.to_owned(), false),
    };
    Some((label, format!("{state}{place}{because}"), bad))
}

/// Connections, one a line.
pub(super) fn connections(lines: &mut Lines, service: &ServiceDocument) {
    let all = service.observed.get("connections").and_then(Value::as_array);
    for (label, text, bad) in all.into_iter().flatten().filter_map(connection) {
        if bad {
            lines.bad(label, text);
        } else {
            lines.put(label, text);
        }
    }
}

/// The most telling in one line.
pub(super) fn brief(service: &ServiceDocument) -> String {
    let seen = Seen::of(service);
    if let Some(trouble) = seen.text("trouble") {
        return trouble.to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    match service.kind.as_str() {
        "file" | "directory" | "fifo" if !seen.is_false("exists") => {
            parts.extend(seen.whole("size_bytes").map(|size| bytes(Some(size))));
            parts.extend(
                seen.text("permission")
                    .map(|mode| format!("permission {}", mode.trim_start_matches('0'))),
            );
            parts.extend(
                seen.text("modification_time").map(|at| format!("modified {}", date(Some(at)))),
            );
        }
        "filesystem" => {
            let share = |share: f64| format!("space {}", percent(Some(share)));
            parts.extend(seen.number("space_usage").map(share));
            let inodes = seen.number("inodes_used").zip(seen.number("inodes_total"));
            let inodes = inodes.filter(|(_, all)| *all > 0.0).map(|(used, all)| used / all);
            parts.extend(inodes.map(|share| format!("inodes {}", percent(Some(share)))));
        }
        "network" => {
            parts.extend(seen.text("link").map(|link| format!("link {link}")));
            parts.extend(seen.text("capacity").map(str::to_owned));
            for way in ["download", "upload"] {
                let number = seen.number(&format!("{way}_bytes_per_second"));
                parts.extend(number.map(|number| format!("{way} {}", rate(number))));
            }
        }
        "program" => {
            parts.extend(seen.whole("program_status").map(|status| format!("exit value {status}")));
            let first = seen.text("output").and_then(|output| output.lines().next());
            parts.extend(first.filter(|line| !line.is_empty()).map(str::to_owned));
        }
        _ => {}
    }
    let all = service.observed.get("connections").and_then(Value::as_array);
    let connections = all.into_iter().flatten().filter_map(connection);
    parts.extend(connections.map(|(label, text, _)| match label {
        PING => format!("ping {text}"),
        _ => text,
    }));
    parts.join(if service.kind == "host" { "; " } else { ", " })
}
