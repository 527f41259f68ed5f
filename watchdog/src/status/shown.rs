//! A service as lines of labels and values in Monit's words, for the command line and the page alike.
//!
//! From the document, so that both show what other programs read. Texts are not escaped here: each sink
//! does that. Not here: states and reasons (`words`), looks (`crate::cli`, `crate::web`).

mod observed;

use super::metrics::{Numbers, Stall};
use super::view::ServiceDocument;
use super::words::{bytes, bytes_of, count, duration, load, percent, rate};

/// What is shown under one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Monit's label.
    pub label: String,
    /// With its unit. A program's output may have several lines; all else is one.
    pub value: String,
    /// Whether it says that something is wrong by itself.
    pub bad: bool,
}

/// All that is known of it, in Monit's order. `memory` is the host's, in bytes.
pub fn lines(service: &ServiceDocument, memory: Option<u64>) -> Vec<Line> {
    let mut lines = Lines(Vec::new());
    match service.kind.as_str() {
        "system" => system(&mut lines, service),
        "process" => process(&mut lines, service, memory),
        _ => observed::lines(&mut lines, service),
    }
    observed::connections(&mut lines, service);
    lines.0
}

/// The most telling of it in one line, for tables; empty where nothing is known.
pub fn brief(service: &ServiceDocument) -> String {
    observed::brief(service)
}

/// Lines as they are made.
struct Lines(Vec<Line>);

impl Lines {
    fn put(&mut self, label: &str, value: impl Into<String>) {
        self.0.push(Line { label: label.to_owned(), value: value.into(), bad: false });
    }

    fn bad(&mut self, label: &str, value: impl Into<String>) {
        self.0.push(Line { label: label.to_owned(), value: value.into(), bad: true });
    }

    /// Only where it is known.
    fn known(&mut self, label: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.put(label, value);
        }
    }
}

fn process(lines: &mut Lines, service: &ServiceDocument, memory: Option<u64>) {
    let numbers = &service.metrics.numbers;
    let pid = count(service.pid.map(u64::from));
    match service.candidates {
        0 | 1 => lines.put("pid", pid),
        many => lines.put("pid", format!("{pid} (the oldest of {many} that match)")),
    }
    observed::attributes(lines, service);
    lines.put("uptime", duration(service.uptime_seconds));
    lines.put("threads", count(numbers.threads));
    lines.put("children", count(numbers.children));
    lines.put("cpu", percent(numbers.cpu));
    lines.put("cpu total", percent(numbers.totalcpu));
    lines.put("memory", share_of(numbers.memory_bytes, memory));
    let total = share_of(numbers.totalmem_bytes, memory);
    match numbers.totalmem_pss_bytes {
        Some(pss) => lines.put("memory total", format!("{total} (PSS {})", bytes(Some(pss)))),
        None => lines.put("memory total", total),
    }
    observed::security(lines, service);
    lines.known("filedescriptors", numbers.filedescriptors.map(|open| open.to_string()));
    traffic(lines, numbers);
    lines.put("restarts", service.restarts.to_string());
}

fn system(lines: &mut Lines, service: &ServiceDocument) {
    let numbers = &service.metrics.numbers;
    lines.put("load average", load(numbers.load));
    let share = |share: Option<f64>, name: &str| share.map(|_| percent(share) + name);
    let shares: Vec<String> = [
        share(numbers.cpu_user, "usr"),
        share(numbers.cpu_system, "sys"),
        share(numbers.cpu_wait, "iowait"),
    ]
    .into_iter()
    .flatten()
    .collect();
    lines.put("cpu", if shares.is_empty() { percent(numbers.cpu) } else { shares.join(" ") });
    lines.put("memory usage", bytes_of(numbers.memory_bytes, numbers.memory_total_bytes));
    lines.put("swap usage", bytes_of(numbers.swap_bytes, numbers.swap_total_bytes));
    lines.put("uptime", duration(service.uptime_seconds));
    lines.known("filedescriptors", numbers.filedescriptors.map(|open| open.to_string()));
    let pages = |rate: Option<f64>| rate.map(|rate| format!("{rate:.1} pages/s"));
    lines.known("swap in", pages(numbers.pagein_per_second));
    lines.known("swap out", pages(numbers.pageout_per_second));
    traffic(lines, numbers);
    if let Some(pressure) = numbers.pressure {
        let stall = |stall: Stall| {
            format!("some {}, full {}", percent(Some(stall.some)), percent(Some(stall.full)))
        };
        lines.put("pressure memory", stall(pressure.memory));
        lines.put("pressure cpu", stall(pressure.cpu));
        lines.put("pressure io", stall(pressure.io));
    }
}

/// What processes and the host have alike.
fn traffic(lines: &mut Lines, numbers: &Numbers) {
    lines.known("disk read bytes", numbers.disk_read_bytes_per_second.map(rate));
    lines.known("disk write bytes", numbers.disk_write_bytes_per_second.map(rate));
    lines.known("forks", numbers.forks_per_second.map(|forks| format!("{forks:.1} per second")));
}

/// As Monit: `0.1% [17.3 MB]`.
fn share_of(part: Option<u64>, whole: Option<u64>) -> String {
    match (part, whole) {
        (Some(used), Some(all)) if all > 0 => {
            format!("{} [{}]", percent(Some(used as f64 / all as f64)), bytes(part))
        }
        _ => bytes(part),
    }
}
