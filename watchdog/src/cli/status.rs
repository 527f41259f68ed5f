//! `status [NAME…] [--json]`: every service in a block, much as Monit shows it.

use std::fmt::Write as _;

use hyper::Method;

use super::client::{Client, SHORTLY, block_on, read};
use super::names::chosen;
use super::print::{Style, output, tone};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::status::view::{Document, ServiceDocument};
use crate::status::words;

/// Where the values begin.
const VALUES: usize = 22;

/// Asks and prints. Exit code 1 if one of the services shown is failing or given up.
pub fn run(client: &Client, names: &[String], group: Option<&str>, json: bool) -> Done {
    let body = block_on(client.ask(Method::GET, "/api/v1/status", SHORTLY))??;
    let mut document: Document = read(&body)?;
    let all = names.is_empty() && group.is_none();
    if !all {
        let chosen = chosen(&document.services, names, group)?;
        document.services.retain(|service| chosen.contains(&service.name));
    }
    if !json {
        output(text(&document, all, Style::of_stdout()))?;
    } else if all {
        // As it came: a newer daemon may say more than we know.
        output(&body)?;
    } else {
        let shown = serde_json::to_string(&document).map_err(|e| Failure::failed(e.to_string()))?;
        output(shown + "\n")?;
    }
    let failing = document.services.iter().any(words::is_failing);
    Ok(if failing { Exit::Failed } else { Exit::Ok })
}

/// The blocks, with a line about the daemon before them where all are shown.
pub fn text(document: &Document, head: bool, style: Style) -> String {
    let mut out = String::new();
    if head {
        let _ = writeln!(
            out,
            "ebpf-watchdog {} on {}: up {}, {} cycles of {} s, sensor {}",
            one_line(&document.version),
            one_line(&document.host),
            words::duration(Some(document.uptime_seconds)),
            document.cycles,
            document.cycle_seconds,
            one_line(&document.sensor.mode),
        );
        for missing in &document.sensor.missing {
            let text = format!("{}: {} -- {}", missing.what, missing.why, missing.cure);
            let _ = writeln!(out, "  missing: {}", style.wrap(&one_line(&text), 11));
        }
        if document.sensor.lost > 0 {
            let _ = writeln!(out, "  {} kernel records lost and repaired", document.sensor.lost);
        }
    }
    for (index, service) in document.services.iter().enumerate() {
        if head || index > 0 {
            out.push('\n');
        }
        block(&mut out, service, style);
    }
    out
}

fn block(out: &mut String, service: &ServiceDocument, style: Style) {
    let _ = writeln!(out, "{} '{}'", service.kind_title(), one_line(&service.name));
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(out, "  {label:<width$}{value}", width = VALUES - 2);
    };
    let shown = |text: &str| style.wrap(&one_line(text), VALUES);
    line("status", &style.paint(tone(&service.status), &words::status(service)));
    if let Some(reason) = &service.reason {
        line("", &shown(reason));
    }
    if let Some(next) = &service.next_attempt {
        line("next attempt", &one_line(next));
    }
    if let Some(until) = &service.braked_until {
        line("braked until", &one_line(until));
    }
    let monitored = if service.monitored { "Monitored" } else { "Not monitored" };
    line("monitoring status", monitored);
    if !service.group.is_empty() {
        line("group", &shown(&service.group.join(", ")));
    }
    match service.kind.as_str() {
        "system" => system(&mut line, service),
        "process" => process(&mut line, service),
        _ => {}
    }
    for (name, value) in &service.observed {
        let value = match value {
            serde_json::Value::Null => "-".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        line(&one_line(&name.replace('_', " ")), &shown(&value));
    }
    if let Some(death) = &service.last_death {
        line("last ended", &shown(death));
    }
    for (index, rule) in service.rules.iter().enumerate() {
        let mut text = format!("if {} then {}", rule.text, rule.then);
        if rule.failing_cycles > 0 && rule.state != "ok" {
            let _ = write!(text, " ({} failing)", rule.failing_cycles);
        }
        let state = format!("{:<8}", one_line(&rule.state));
        let text = style.wrap(&one_line(&text), VALUES + 8);
        let label = if index == 0 { "rules" } else { "" };
        line(label, &format!("{}{text}", style.paint(tone(&rule.state), &state)));
    }
}

fn process(line: &mut impl FnMut(&str, &str), service: &ServiceDocument) {
    let numbers = &service.metrics.numbers;
    let pid = words::count(service.pid.map(u64::from));
    let others = service.candidates.saturating_sub(1);
    if others > 0 {
        line("pid", &format!("{pid} (the oldest of {} that match)", service.candidates));
    } else {
        line("pid", &pid);
    }
    line("uptime", &words::duration(service.uptime_seconds));
    line("threads", &words::count(numbers.threads));
    line("children", &words::count(numbers.children));
    line("cpu", &words::percent(numbers.cpu));
    line("cpu total", &words::percent(numbers.totalcpu));
    line("memory", &words::bytes(numbers.memory_bytes));
    let total = words::bytes(numbers.totalmem_bytes);
    match numbers.totalmem_pss_bytes {
        Some(pss) => line("memory total", &format!("{total} (PSS {})", words::bytes(Some(pss)))),
        None => line("memory total", &total),
    }
    line("restarts", &service.restarts.to_string());
}

fn system(line: &mut impl FnMut(&str, &str), service: &ServiceDocument) {
    let numbers = &service.metrics.numbers;
    line("uptime", &words::duration(service.uptime_seconds));
    line("load average", &words::load(numbers.load));
    line(
        "cpu",
        &format!(
            "{} ({} user, {} system, {} wait)",
            words::percent(numbers.cpu),
            words::percent(numbers.cpu_user),
            words::percent(numbers.cpu_system),
            words::percent(numbers.cpu_wait),
        ),
    );
    line("memory usage", &words::bytes_of(numbers.memory_bytes, numbers.memory_total_bytes));
    line("swap usage", &words::bytes_of(numbers.swap_bytes, numbers.swap_total_bytes));
}
