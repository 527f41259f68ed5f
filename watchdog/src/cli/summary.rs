//! `summary [NAME…] [--json]`: one line for each service.

use std::fmt::Write as _;

use hyper::Method;

use super::client::{Client, SHORTLY, block_on, read};
use super::names::chosen;
use super::print::{Style, output, tone};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::status::view::ServiceDocument;
use crate::status::words;

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

/// The table.
pub fn text(services: &[ServiceDocument], style: Style) -> String {
    let names: Vec<_> = services.iter().map(|service| one_line(&service.name)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(24);
    let status_width = 30;
    let mut out = format!("{:name_width$} {:status_width$} Type\n", "Service Name", "Status");
    for (service, name) in services.iter().zip(names) {
        // Padded before it is coloured: the codes have no width on the screen.
        let status = format!("{:status_width$}", words::status(service));
        let status = style.paint(tone(&service.status), &status);
        let _ = writeln!(out, "{name:name_width$} {status} {}", service.kind_title());
    }
    out
}
