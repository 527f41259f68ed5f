//! The page: the status document as HTML that needs no script and reads well as text.
//!
//! Everything from outside passes `one_line` (controls, reading direction) and then the template's
//! own HTML escaping. Not here: who may see it (`answer`).

use askama::Template;
use hyper::StatusCode;

use crate::clock;
use crate::escape::one_line;
use crate::status::page::{PageDocument, Totals};
use crate::status::problem::{Answer, answer, problem};
use crate::status::view::{Document, ServiceDocument};
use crate::status::{shown, words};

/// The page's style sheet.
pub const STYLE: &str = include_str!("../../templates/style.css");

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    host: String,
    now: String,
    /// Of the daemon; `None`: the core is stalled.
    daemon: Option<Daemon>,
}

struct Daemon {
    line: String,
    missing: Vec<String>,
    totals: Totals,
    /// Where there is more than one page.
    pages: Option<Pages>,
    systems: Vec<System>,
    rows: Vec<Row>,
}

/// Which page it is, and the ones beside it.
struct Pages {
    number: usize,
    pages: usize,
    previous: Option<usize>,
    next: Option<usize>,
}

struct System {
    row: Row,
    load: String,
    swap: String,
}

struct Row {
    name: String,
    /// Its groups, where it has any.
    group: Option<String>,
    kind: String,
    status: String,
    /// The status word as a class name; one of ours or `other`.
    class: &'static str,
    pid: String,
    uptime: String,
    cpu: String,
    memory: String,
    restarts: String,
    /// In place of a process's numbers, for kinds that are none.
    observed: Option<String>,
    notes: Vec<String>,
}

/// The page of a document's JSON, or the page that says that the core does not answer (503).
pub fn overview(json: Option<&[u8]>) -> Answer {
    let document = match json.map(serde_json::from_slice::<Document>) {
        None => None,
        Some(Ok(document)) => Some(document),
        // Front and core are one binary: this is a fault of ours.
        Some(Err(error)) => {
            return problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        }
    };
    let status = match document {
        Some(_) => StatusCode::OK,
        None => StatusCode::SERVICE_UNAVAILABLE,
    };
    let page = Overview {
        host: document.as_ref().map_or_else(crate::host::name, |document| text(&document.host)),
        now: clock::local(clock::wall_now()),
        daemon: document.as_ref().map(Daemon::of),
    };
    match page.render() {
        Ok(html) => answer(status, "text/html; charset=utf-8", html),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

impl Daemon {
    fn of(document: &Document) -> Self {
        let line = format!(
            "ebpf-watchdog {}, up {}, {} cycles of {} s, sensor {} on Linux {}",
            document.version,
            words::duration(Some(document.uptime_seconds)),
            document.cycles,
            document.cycle_seconds,
            document.sensor.mode,
            document.sensor.kernel,
        );
        let missing =
            document.sensor.missing.iter().map(|missing| {
                text(&format!("{}: {} ({})", missing.what, missing.why, missing.cure))
            });
        let (totals, pages) = match document.page {
            Some(page) => (page.totals, Pages::of(page)),
            None => (Totals::of(document.services.iter().map(|s| s.status.as_str())), None),
        };
        let (systems, rows): (Vec<_>, Vec<_>) =
            document.services.iter().partition(|service| service.kind == "system");
        Self {
            line: text(&line),
            missing: missing.collect(),
            totals,
            pages,
            systems: systems.into_iter().map(System::of).collect(),
            rows: rows.into_iter().map(Row::of).collect(),
        }
    }
}

impl Pages {
    fn of(page: PageDocument) -> Option<Self> {
        let PageDocument { number, pages, .. } = page;
        (pages > 1).then(|| Self {
            number,
            pages,
            previous: (number > 1).then(|| number - 1),
            next: (number < pages).then(|| number + 1),
        })
    }
}

impl System {
    fn of(service: &ServiceDocument) -> Self {
        let numbers = &service.metrics.numbers;
        let mut row = Row::of(service);
        row.cpu = words::percent(numbers.cpu);
        row.memory = words::bytes_of(numbers.memory_bytes, numbers.memory_total_bytes);
        Self {
            row,
            load: words::load(numbers.load),
            swap: words::bytes_of(numbers.swap_bytes, numbers.swap_total_bytes),
        }
    }
}

impl Row {
    fn of(service: &ServiceDocument) -> Self {
        let numbers = &service.metrics.numbers;
        Self {
            name: text(&service.name),
            group: (!service.group.is_empty()).then(|| text(&service.group.join(", "))),
            kind: text(&words::kind(service)),
            status: text(&words::status(service)),
            class: class(&service.status),
            pid: words::count(service.pid.map(u64::from)),
            uptime: words::duration(service.uptime_seconds),
            cpu: words::percent(numbers.totalcpu),
            memory: words::bytes(numbers.totalmem_bytes),
            restarts: service.restarts.to_string(),
            observed: (service.kind != "process").then(|| text(&shown::brief(service))),
            notes: notes(service),
        }
    }
}

/// What is to be said of a service besides its numbers, each in one line.
fn notes(service: &ServiceDocument) -> Vec<String> {
    let mut notes: Vec<String> = service.reason.iter().map(|reason| text(reason)).collect();
    for rule in &service.rules {
        if rule.state == "failing" || rule.state == "pending" {
            let (state, actions) = (&rule.state, rule.all_actions());
            let name = rule.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            let mut note = format!("{state}: {name}if {} then {actions}", rule.text);
            let seen = rule.description.iter().filter(|seen| service.reason.as_ref() != Some(seen));
            seen.for_each(|seen| note.push_str(&format!(" -- {seen}")));
            notes.push(text(&note));
        }
    }
    if service.candidates > 1 {
        notes.push(format!("{} processes match; the oldest is watched", service.candidates));
    }
    if service.kind == "process" {
        notes.extend(Some(text(&shown::brief(service))).filter(|said| !said.is_empty()));
    }
    notes.extend(
        service.next_attempt.iter().map(|at| text(&format!("next attempt: {}", words::moment(at)))),
    );
    notes.extend(service.last_death.iter().map(|death| text(&format!("last ended: {death}"))));
    notes
}

fn text(raw: &str) -> String {
    one_line(raw).into_owned()
}

fn class(status: &str) -> &'static str {
    match status {
        "ok" => "ok",
        "failing" | "given_up" => "bad",
        "unmonitored" => "off",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_names_of_rules_are_shown_and_harmless() {
        let service = serde_json::json!({
            "name": "a", "kind": "process", "status": "failing", "monitored": true,
            "group": ["web", "<b>"], "pid": null, "uptime_seconds": null, "restarts": 0,
            "metrics": {},
            "rules": [{"if": "cpu > 1%", "state": "failing", "failing_cycles": 1, "then": "alert",
                "name": "busy <i>"}],
        });
        let document = serde_json::json!({
            "version": "1", "host": "h", "cycle_seconds": 1, "cycles": 1, "uptime_seconds": 1,
            "config_generation": 1,
            "sensor": {"mode": "ebpf", "kernel": "6", "events": 0, "lost": 0, "missing": []},
            "services": [service],
        });
        let document: Document = serde_json::from_value(document).expect("a document");
        let page = Overview {
            host: "h".to_owned(),
            now: "now".to_owned(),
            daemon: Some(Daemon::of(&document)),
        };
        let html = page.render().expect("a page");
        assert!(html.contains("failing: busy &#60;i&#62;: if cpu &#62; 1% then alert"), "{html}");
        assert!(html.contains("(web, &#60;b&#62;)"), "{html}");
    }
}
