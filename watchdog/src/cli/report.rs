//! `report [up|down|initialising|unmonitored|total] [--json]`: how many services are in which state, or
//! the bare number of one of them, for scripts.

use std::fmt::Write as _;

use hyper::Method;
use serde_json::json;

use super::arguments::Count;
use super::client::{Client, SHORTLY, block_on, read};
use super::print::{Style, Tone, output};
use super::{Done, Exit};
use crate::status::page::Totals;
use crate::status::view::ServiceDocument;

/// Asks, counts and prints.
pub fn run(client: &Client, which: Option<Count>, json: bool) -> Done {
    let body = block_on(client.ask(Method::GET, "/api/v1/services", SHORTLY))??;
    let services: Vec<ServiceDocument> = read(&body)?;
    let totals = Totals::of(services.iter().map(|service| service.status.as_str()));
    match which {
        _ if json => output(format!("{}\n", json!(totals)))?,
        Some(which) => output(format!("{}\n", number(&totals, which)))?,
        None => output(text(&totals, Style::of_stdout()))?,
    }
    Ok(Exit::Ok)
}

fn number(totals: &Totals, which: Count) -> usize {
    match which {
        Count::Up => totals.up,
        Count::Down => totals.down,
        Count::Initialising => totals.initialising,
        Count::Unmonitored => totals.unmonitored,
        Count::Total => totals.total,
    }
}

fn text(totals: &Totals, style: Style) -> String {
    let mut out = String::new();
    for (name, count, tone) in [
        ("up", totals.up, Tone::Good),
        ("down", totals.down, Tone::Bad),
        ("initialising", totals.initialising, Tone::Warn),
        ("unmonitored", totals.unmonitored, Tone::Faint),
    ] {
        let share =
            if totals.total == 0 { 0.0 } else { count as f64 * 100.0 / totals.total as f64 };
        let number = format!("{count:>5}");
        let number = if count == 0 { number } else { style.paint(tone, &number) };
        let _ = writeln!(out, "{:<14}{number} ({share:.1}%)", format!("{name}:"));
    }
    let _ = writeln!(out, "{:<14}{:>5} services", "total:", totals.total);
    out
}
