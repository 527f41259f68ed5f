//! `doctor [--json]`: what works on this host, what is missing, why, and the cure.
//!
//! A running daemon is asked; without one the kernel programs are loaded for a moment and every
//! setting is tried on this process. Nothing is changed. Exit code 1: something is missing.

use std::fmt::Write as _;
use std::fs;

use serde::Serialize;

use super::client::{Client, block_on};
use super::print::{Style, Tone, output};
use super::{Done, Exit, Failure};
use crate::daemon::standing;
use crate::escape::one_line;
use crate::finder;
use crate::sensor::Missing;
use crate::source::kernel::{KernelSource, Options};
use crate::source::{Source as _, refusal};
use crate::status::sensor::MissingDocument;

/// Where the values begin.
const VALUES: usize = 20;

/// What was found.
#[derive(Debug, Serialize)]
struct Findings {
    ok: bool,
    kernel: String,
    /// Whether a daemon was asked; else this process has tried.
    daemon: bool,
    /// `ebpf` or `fallback`.
    mode: String,
    btf: bool,
    /// Versions of control groups that are mounted.
    cgroup: Vec<u8>,
    /// Whether the kernel tells of pressure (PSI).
    pressure: bool,
    missing: Vec<MissingDocument>,
}

/// Looks, asks, prints.
pub fn run(client: &Client, json: bool) -> Done {
    let asked = block_on(client.document())?;
    let (daemon, mode, mut missing) = match asked {
        Ok(document) => (true, document.sensor.mode, document.sensor.missing),
        Err(Failure { exit: Exit::NotRunning, .. }) => {
            let (mode, missing) = tried();
            (false, mode.to_owned(), missing.iter().map(MissingDocument::of).collect())
        }
        Err(other) => return Err(other),
    };
    let cgroup = finder::cgroup_versions().unwrap_or_default();
    let pressure = fs::read_to_string("/proc/pressure/memory").is_ok();
    if !pressure {
        missing.push(MissingDocument::of(&Missing {
            what: "pressure (PSI)".to_owned(),
            why: "/proc/pressure cannot be read".to_owned(),
            cure: "a kernel with CONFIG_PSI, booted with psi=1".to_owned(),
        }));
    }
    let findings = Findings {
        ok: missing.is_empty(),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        daemon,
        mode,
        btf: fs::metadata("/sys/kernel/btf/vmlinux").is_ok(),
        cgroup,
        pressure,
        missing,
    };
    if json {
        let shown = serde_json::to_string(&findings).map_err(|e| Failure::failed(e.to_string()))?;
        output(shown + "\n")?;
    } else {
        output(text(&findings, Style::of_stdout()))?;
    }
    Ok(if findings.ok { Exit::Ok } else { Exit::Failed })
}

/// Without a daemon: what would it get?
fn tried() -> (&'static str, Vec<Missing>) {
    let (mode, mut missing) = match KernelSource::open(&Options::default()) {
        Ok(source) => ("ebpf", source.health().missing),
        Err(error) => ("fallback", vec![refusal::explain(&error)]),
    };
    missing.extend(standing::take());
    (mode, missing)
}

fn text(findings: &Findings, style: Style) -> String {
    let mut out = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(out, "{label:<VALUES$}{value}");
    };
    line("kernel", &one_line(&findings.kernel));
    let who = if findings.daemon { "as the running daemon says" } else { "tried; no daemon runs" };
    let mode = match findings.mode.as_str() {
        "ebpf" => style.paint(Tone::Good, "ebpf"),
        other => style.paint(Tone::Bad, &one_line(other)),
    };
    line("sensor", &format!("{mode} ({who})"));
    line("type information", if findings.btf { "yes" } else { "no" });
    let groups = match findings.cgroup.as_slice() {
        [] => "none",
        [1] => "version 1",
        [2] => "version 2",
        _ => "versions 1 and 2",
    };
    line("control groups", groups);
    line("pressure (PSI)", if findings.pressure { "yes" } else { "no" });
    if findings.missing.is_empty() {
        line("missing", "nothing");
        return out;
    }
    let room = 10;
    for missing in &findings.missing {
        let _ =
            writeln!(out, "\n{} {}", style.paint(Tone::Warn, "missing:"), one_line(&missing.what));
        let _ = writeln!(out, "  why:    {}", style.wrap(&one_line(&missing.why), room));
        let _ = writeln!(out, "  cure:   {}", style.wrap(&one_line(&missing.cure), room));
    }
    out
}
