//! `summary [--json]`: one line for each service.

use std::fmt::Write as _;

use hyper::Method;

use super::client::{Client, SHORTLY, block_on, read};
use super::print::{Style, output, tone};
use super::{Done, Exit};
use crate::escape::one_line;
use crate::status::view::ServiceDocument;
use crate::status::words;

/// Asks and prints.
pub fn run(client: &Client, json: bool) -> Done {
    let body = block_on(client.ask(Method::GET, "/api/v1/services", SHORTLY))??;
    if json {
        output(&body)?;
    } else {
        output(text(&read::<Vec<ServiceDocument>>(&body)?, Style::of_stdout()))?;
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
