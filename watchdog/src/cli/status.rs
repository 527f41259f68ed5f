//! `status [NAME…] [--json]`: every service in a block, much as Monit shows it.

use std::fmt::Write as _;

use hyper::Method;

use super::client::{Client, SHORTLY, block_on, read};
use super::names::chosen;
use super::print::{Style, Tone, output, padded, tone};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::status::shown::{Line, lines};
use crate::status::view::{Document, ServiceDocument};
use crate::status::words;

/// Where the values begin, as in Monit.
const VALUES: usize = 31;
/// Where the rules begin.
const RULES: usize = 4;

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
        block(&mut out, service, document.memory_total_bytes, style);
    }
    out
}

fn block(out: &mut String, service: &ServiceDocument, memory: Option<u64>, style: Style) {
    let head = format!("{} '{}'", words::kind(service), one_line(&service.name));
    let _ = writeln!(out, "{}", style.wrap(&head, 0));
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(out, "  {}{value}", padded(label, VALUES - 2));
    };
    let shown = |text: &str| style.wrap(&one_line(text), VALUES);
    line("status", &style.paint(tone(&service.status), &shown(&words::status(service))));
    if let Some(reason) = &service.reason {
        line("", &shown(reason));
    }
    if let Some(next) = &service.next_attempt {
        line("next attempt", &words::moment(next));
    }
    if let Some(until) = &service.braked_until {
        line("braked until", &words::moment(until));
    }
    let monitored = if service.monitored { "Monitored" } else { "Not monitored" };
    let since =
        service.unmonitored_since.iter().map(|since| format!(" since {}", words::moment(since)));
    line("monitoring status", &format!("{monitored}{}", since.collect::<String>()));
    line("monitoring mode", &one_line(&service.mode));
    line("on reboot", &one_line(&service.onreboot));
    if !service.group.is_empty() {
        line("group", &shown(&service.group.join(", ")));
    }
    for Line { label, value, bad } in lines(service, memory) {
        // A program may say several lines; each is made harmless by itself.
        let value: Vec<String> = value.lines().map(shown).collect();
        let value = value.join(&format!("\n{:VALUES$}", ""));
        let value = if bad { style.paint(Tone::Bad, &value) } else { value };
        line(&one_line(&label), &value);
    }
    if let Some(death) = &service.last_death {
        line("last ended", &shown(death));
    }
    if let Some(advice) = &service.advice {
        line("advice", &shown(advice));
    }
    if !service.rules.is_empty() {
        out.push_str("  rules\n");
    }
    for rule in &service.rules {
        let name = rule.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let mut text = format!("{name}if {} then {}", rule.text, rule.all_actions());
        if rule.failing_cycles > 0 && rule.state != "ok" {
            let plural = if rule.failing_cycles == 1 { "" } else { "s" };
            let _ = write!(text, " ({} cycle{plural})", rule.failing_cycles);
        }
        let state = format!("{:<8}", one_line(&rule.state));
        let text = style.wrap(&one_line(&text), RULES + 8);
        let state = style.paint(tone(&rule.state), &state);
        let _ = writeln!(out, "{:RULES$}{state}{text}", "");
        // Above it is the reason already.
        let seen = rule.description.as_ref().filter(|seen| service.reason.as_ref() != Some(*seen));
        if let Some(seen) = seen {
            let column = RULES + 8;
            let _ = writeln!(out, "{:column$}{}", "", style.wrap(&one_line(seen), column));
        }
    }
}
