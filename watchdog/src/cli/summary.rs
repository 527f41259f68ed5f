//! `summary [NAME…] [--json]`: one line for each service.

use std::fmt::Write as _;

use hyper::Method;
use unicode_width::UnicodeWidthStr as _;

use super::client::{Client, SHORTLY, block_on, read};
use super::names::chosen;
use super::print::{Style, output, padded, tone};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::status::view::ServiceDocument;
use crate::status::words;

/// Columns of a name, and of a state, as in Monit: the table fits in 80.
const NAME: usize = 32;
const STATUS: usize = 30;

/// Asks and prints.
pub fn run(client: &Client, names: &[String], group: Option<&str>, json: bool) -> Done {
    let body = block_on(client.ask(Method::GET, "/api/v1/services", SHORTLY))??;
    let all = names.is_empty() && group.is_none();
    if json && all {
        output(&body)?;
        return Ok(Exit::Ok);
    }
    let mut services: Vec<ServiceDocument> = read(&body)?;
    if !all {
        let chosen = chosen(&services, names, group)?;
        services.retain(|service| chosen.contains(&service.name));
    }
    if json {
        let shown = serde_json::to_string(&services).map_err(|e| Failure::failed(e.to_string()))?;
        output(shown + "\n")?;
    } else {
        output(text(&services, Style::of_stdout()))?;
    }
    Ok(Exit::Ok)
}

/// The table. Names and states that are too long for their column go on in lines of their own.
pub fn text(services: &[ServiceDocument], style: Style) -> String {
    let mut out = format!("{} {} Type\n", padded("Service Name", NAME), padded("Status", STATUS));
    for service in services {
        let name = one_line(&service.name);
        let status = words::status(service);
        let kind = words::kind(service);
        if style.columns.is_some() && name.width() > NAME {
            let _ = writeln!(out, "{}", style.wrap(&name, 0));
            let _ = write!(out, "{:NAME$} ", "");
        } else {
            let _ = write!(out, "{} ", padded(&name, NAME));
        }
        let narrow = Style { columns: style.columns.map(|_| STATUS), ..style };
        let status = narrow.wrap(&one_line(&status), 0);
        let mut lines = status.lines();
        // Padded before it is coloured: the codes have no width on the screen.
        let first = padded(lines.next().unwrap_or_default(), STATUS);
        let _ = writeln!(out, "{} {kind}", style.paint(tone(&service.status), &first));
        for line in lines {
            let _ = writeln!(out, "{:NAME$} {}", "", style.paint(tone(&service.status), line));
        }
    }
    out
}
