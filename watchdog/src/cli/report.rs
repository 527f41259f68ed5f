//! `report [up|down|initialising|unmonitored|total] [--json]`: how many services are in which state, or
//! the bare number of one of them, for scripts.

use std::fmt::Write as _;

use hyper::Method;
use serde_json::json;

use super::arguments::Count;
use super::client::{Client, SHORTLY, block_on, read};
use super::print::{Style, Tone, output};
use super::{Done, Exit};
use crate::status::view::ServiceDocument;

/// Asks, counts and prints.
pub fn run(client: &Client, which: Option<Count>, json: bool) -> Done {
    let body = block_on(client.ask(Method::GET, "/api/v1/services", SHORTLY))??;
    let services: Vec<ServiceDocument> = read(&body)?;
    let counts = Counts::of(&services);
    match which {
        _ if json => output(format!("{}\n", counts.json()))?,
        Some(which) => output(format!("{}\n", counts.number(which)))?,
        None => output(counts.text(Style::of_stdout()))?,
    }
    Ok(Exit::Ok)
}

/// How many services are in which state.
#[derive(Debug, Default)]
struct Counts {
    up: usize,
    down: usize,
    initialising: usize,
    unmonitored: usize,
}

impl Counts {
    fn of(services: &[ServiceDocument]) -> Self {
        let mut counts = Self::default();
        for service in services {
            let count = match service.status.as_str() {
                "unmonitored" => &mut counts.unmonitored,
                "failing" | "given_up" => &mut counts.down,
                "unknown" => &mut counts.initialising,
                _ => &mut counts.up,
            };
            *count += 1;
        }
        counts
    }

    fn total(&self) -> usize {
        self.up + self.down + self.initialising + self.unmonitored
    }

    fn number(&self, which: Count) -> usize {
        match which {
            Count::Up => self.up,
            Count::Down => self.down,
            Count::Initialising => self.initialising,
            Count::Unmonitored => self.unmonitored,
            Count::Total => self.total(),
        }
    }

    fn text(&self, style: Style) -> String {
        let total = self.total();
        let mut out = String::new();
        for (name, count, tone) in [
            ("up", self.up, Tone::Good),
            ("down", self.down, Tone::Bad),
            ("initialising", self.initialising, Tone::Warn),
            ("unmonitored", self.unmonitored, Tone::Faint),
        ] {
            let share = if total == 0 { 0.0 } else { count as f64 * 100.0 / total as f64 };
            let number = format!("{count:>5}");
            let number = if count == 0 { number } else { style.paint(tone, &number) };
            let _ = writeln!(out, "{:<14}{number} ({share:.1}%)", format!("{name}:"));
        }
        let _ = writeln!(out, "{:<14}{total:>5} services", "total:");
        out
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "up": self.up,
            "down": self.down,
            "initialising": self.initialising,
            "unmonitored": self.unmonitored,
            "total": self.total(),
        })
    }
}
