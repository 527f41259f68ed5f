//! `events [-f] [--json]`: the daemon's last thousand events, and new ones as they come.

use std::time::Duration;

use hyper::Method;

use super::client::{Client, SHORTLY, block_on, read};
use super::print::{Style, Tone, output};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::status::events::EventDocument;
use crate::status::words;

/// How many old events `-f` shows first.
const BEFORE: usize = 10;

/// How long the daemon holds a question for new events (seconds).
const HOLD: u64 = 30;

/// Asks and prints; with `follow` until interrupted or the daemon ends.
pub fn run(client: &Client, follow: bool, json: bool) -> Done {
    let style = Style::of_stdout();
    block_on(async {
        let body = client.ask(Method::GET, "/api/v1/events", SHORTLY).await?;
        if json && !follow {
            output(&body)?;
            return Ok(Exit::Ok);
        }
        let mut events: Vec<EventDocument> = read(&body)?;
        if follow {
            events.drain(..events.len().saturating_sub(BEFORE));
        }
        let mut last = 0;
        loop {
            last = events.last().map_or(last, |event| event.seq);
            show(&events, json, style)?;
            if !follow {
                return Ok(Exit::Ok);
            }
            let path = format!("/api/v1/events?after={last}&wait={HOLD}");
            let wait = SHORTLY + Duration::from_secs(HOLD);
            events = read(&client.ask(Method::GET, &path, wait).await?)?;
        }
    })?
}

fn show(events: &[EventDocument], json: bool, style: Style) -> Result<(), Failure> {
    let mut out = String::new();
    for event in events {
        if json {
            let line = serde_json::to_string(event).map_err(|e| Failure::failed(e.to_string()))?;
            out.push_str(&line);
        } else {
            out.push_str(&line(event, style));
        }
        out.push('\n');
    }
    output(out)
}

/// One event in one line.
pub fn line(event: &EventDocument, style: Style) -> String {
    let level = format!("{:<8}", one_line(&event.level));
    let level = match event.level.as_str() {
        "error" | "critical" => style.paint(Tone::Bad, &level),
        "warning" => style.paint(Tone::Warn, &level),
        _ => level,
    };
    let service = event.service.as_ref().map_or_else(String::new, |name| format!("'{name}' "));
    format!(
        "{} {level} {}{}",
        words::moment(&event.time),
        one_line(&service),
        one_line(&event.text)
    )
}
