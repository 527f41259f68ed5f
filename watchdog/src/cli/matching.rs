//! `match PATTERN`: which processes a pattern matches, and which one a service would take.
//!
//! Looks at this host itself and asks no daemon. Not here: what fits (`finder`).

use std::fmt::Write as _;

use procfs::process::Process;
use serde_json::json;

use super::print::{Style, output};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::finder::{self, Candidate};
use crate::service::{Match, Pattern};

/// Where the arguments begin.
const ARGUMENTS: usize = 11;

/// So many are shown on a terminal.
const SHOWN: usize = 20;

/// Looks through the processes of this host and prints what matches. Exit code 1: none does.
pub fn run(pattern: &str, json: bool) -> Done {
    let args = Pattern::new(pattern)
        .map_err(|error| Failure { exit: Exit::Usage, text: error.to_string() })?;
    let matching = Match { exe: None, args: Some(args), user: None };
    let (mut found, unseen) = finder::candidates(&matching)
        .map_err(|error| Failure::failed(format!("cannot look for processes: {error}")))?;
    let own = own_line(pattern);
    found.retain(|candidate| !own.contains(&candidate.key.pid));
    if json {
        output(format!("{}\n", document(&found, unseen.0)))?;
    } else {
        output(text(&found, unseen.0, Style::of_stdout()))?;
    }
    Ok(if found.is_empty() { Exit::Failed } else { Exit::Ok })
}

/// We, and those before us who have the pattern in their own arguments only because they run this
/// very command (`sudo`, `sh -c`).
fn own_line(pattern: &str) -> Vec<u32> {
    let mut own = vec![std::process::id()];
    let mut next = rustix::process::getppid().map(rustix::process::Pid::as_raw_pid);
    while let Some(process) = next.and_then(|pid| Process::new(pid).ok()) {
        let arguments = process.cmdline().unwrap_or_default().join(" ");
        if arguments.contains(pattern) && arguments.contains("match") {
            own.extend(u32::try_from(process.pid()));
        }
        next = process.stat().ok().map(|stat| stat.ppid).filter(|parent| *parent > 0);
    }
    own
}

fn document(found: &[Candidate], unseen: usize) -> serde_json::Value {
    let candidates = found.iter().map(|candidate| {
        json!({
            "pid": candidate.key.pid,
            "exe": candidate.exe.to_string_lossy(),
            "arguments": candidate.arguments,
        })
    });
    json!({
        "taken": found.first().map(|candidate| candidate.key.pid),
        "candidates": candidates.collect::<Vec<_>>(),
        "unreadable": unseen,
    })
}

fn text(found: &[Candidate], unseen: usize, style: Style) -> String {
    let mut out = match found {
        [] => "no process matches\n".to_owned(),
        [only] => format!("one process matches: {} would be taken\n", only.key.pid),
        [oldest, ..] => format!(
            "{} processes match: {} would be taken, the oldest\n",
            found.len(),
            oldest.key.pid
        ),
    };
    let room = if style.columns.is_some() { SHOWN } else { usize::MAX };
    for candidate in found.iter().take(room) {
        let exe = candidate.exe.to_string_lossy();
        let arguments = style.wrap(&one_line(&candidate.arguments), ARGUMENTS);
        let _ = writeln!(
            out,
            "{:>9}  {}\n{:ARGUMENTS$}{arguments}",
            candidate.key.pid,
            one_line(&exe),
            ""
        );
    }
    if let more @ 1.. = found.len().saturating_sub(room) {
        let _ = writeln!(out, "and {more} younger ones: in a pipe or with --json all are shown");
    }
    if !found.is_empty() {
        out.push_str("Each stands for itself and its descendants that match as well.\n");
    }
    if unseen > 0 {
        let _ = writeln!(out, "{unseen} processes could not be read: ask as root");
    }
    out
}
