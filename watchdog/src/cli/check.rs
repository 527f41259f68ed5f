//! `check [--json]`: whether the rule file is right. Nothing is started, written or connected to.

use std::io::IsTerminal as _;
use std::path::Path;

use serde_json::json;

use super::print::{Style, output};
use super::{Done, Exit, Failure};
use crate::config::{self, Diagnostics, HostChecks, LoadOptions, Trust};
use crate::escape::one_line;

/// Reads the file and prints what is wrong with it. Exit code 78 if something is.
pub fn run(file: &Path, json: bool) -> Done {
    // Others than root may check a file of their own: it is not the one that counts.
    let root = rustix::process::geteuid().is_root();
    let trust = if root { Trust::Enforce } else { Trust::Skip };
    let options = LoadOptions { trust, host_checks: HostChecks::Warn, host: crate::host::name() };
    let (services, found) = match config::load(file, options) {
        Ok(loaded) => (Some(loaded.config.services.len()), loaded.warnings),
        Err(found) => (None, found),
    };
    let exit = if services.is_some() { Exit::Ok } else { Exit::BadConfig };
    if json {
        let document = json!({"ok": services.is_some(), "services": services,
            "findings": found.to_json()});
        output(format!("{document}\n"))?;
        return Ok(exit);
    }
    show(&found)?;
    if let Some(services) = services {
        let file = one_line(&file.to_string_lossy()).into_owned();
        let word = if services == 1 { "service" } else { "services" };
        output(format!("{file}: the configuration is right, {services} {word}\n"))?;
    }
    Ok(exit)
}

/// Findings go to standard error, like a compiler's.
fn show(found: &Diagnostics) -> Result<(), Failure> {
    use std::io::Write as _;
    if found.is_empty() {
        return Ok(());
    }
    let colour = Style::colours(std::io::stderr().is_terminal());
    std::io::stderr()
        .write_all(found.render(colour).as_bytes())
        .map_err(|error| Failure::failed(error.to_string()))
}
