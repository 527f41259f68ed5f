//! Words for how a process ended.
//!
//! Not here: putting that together (`deaths`).

use super::bytes;
use crate::engine::attempt::human;
use crate::event::ExitStatus;
use crate::message::{DeathView, SenderView};
use crate::service::signal_name;

/// A death in one line: who, how, by whom, how long it lived, what it held.
pub(crate) fn death(death: &DeathView) -> String {
    let who = if death.main {
        format!("process with pid {}", death.process.pid)
    } else {
        let program = if death.program.is_empty() { "unknown" } else { &death.program };
        format!("member {program} with pid {}", death.process.pid)
    };
    let by = match &death.sender {
        _ if death.told => ", as we told it to".to_owned(),
        _ if death.oom => " by the OOM killer".to_owned(),
        Some(by) => format!(", {}", sender(by)),
        None => String::new(),
    };
    let held = death.held_bytes.map(|held| format!(", held {}", bytes(held as f64)));
    let (how, lived) = (ending(death.status), human(death.lived));
    format!("{who} {how}{by} (lived {lived}{})", held.unwrap_or_default())
}

/// How a process ended: `exited with code 3`, `was killed by signal 9 (KILL)`.
fn ending(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(code) => format!("exited with code {code}"),
        ExitStatus::Signal { number, core } => {
            let name = signal_name(number);
            let core = if core { ", core dumped" } else { "" };
            format!("was killed by signal {number} ({name}){core}")
        }
        ExitStatus::Unknown => "has ended, how is not known".to_owned(),
    }
}

/// Who sent the signal: `sent by pid 812 (bash), uid 1000 (ann)`.
fn sender(by: &SenderView) -> String {
    if by.pid == 0 {
        return "sent by the kernel".into();
    }
    let user = by.user.as_ref().map(|user| format!(" ({user})")).unwrap_or_default();
    format!("sent by pid {} ({}), uid {}{user}", by.pid, by.program, by.uid)
}
