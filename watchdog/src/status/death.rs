//! The last death of a service in the status document: in parts, for programs.
//!
//! Not here: the same in one line (`engine::wording`), the document around it (`view`).

use serde::{Deserialize, Serialize};

use super::view::whole_second;
use crate::event::ExitStatus;
use crate::message::{DeathView, SenderView};
use crate::service::signal_name;

/// How a main process ended.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeathDocument {
    pub pid: u32,
    pub program: String,
    pub exit_code: Option<u8>,
    pub signal: Option<u8>,
    pub signal_name: Option<String>,
    pub core_dumped: bool,
    pub oom_killed: bool,
    pub requested: bool,
    pub sender: Option<SenderDocument>,
    pub lived_seconds: u64,
    pub held_bytes: Option<u64>,
    pub at: String,
}

/// Who sent the signal that ended it.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderDocument {
    pub pid: u32,
    pub program: String,
    pub uid: u32,
    pub user: Option<String>,
}

impl DeathDocument {
    pub(super) fn of(death: &DeathView) -> Self {
        let (exit_code, signal, core_dumped) = match death.status {
            ExitStatus::Code(code) => (Some(code), None, false),
            ExitStatus::Signal { number, core } => (None, Some(number), core),
            ExitStatus::Unknown => (None, None, false),
        };
        Self {
            pid: death.process.pid,
            program: death.program.clone(),
            exit_code,
            signal,
            signal_name: signal.map(|number| signal_name(number).to_owned()),
            core_dumped,
            oom_killed: death.oom,
            requested: death.told,
            sender: death.sender.as_ref().map(SenderDocument::of),
            lived_seconds: death.lived.as_secs(),
            held_bytes: death.held_bytes,
            at: whole_second(death.at),
        }
    }
}

impl SenderDocument {
    fn of(sender: &SenderView) -> Self {
        let SenderView { pid, program, uid, user } = sender.clone();
        Self { pid, program, uid, user }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::BootTime;
    use crate::identity::ProcessKey;

    #[test]
    fn a_death_in_parts_names_the_signal_and_its_sender() {
        let sender =
            SenderView { pid: 0, program: "bash".into(), uid: 1000, user: Some("ann".into()) };
        let death = DeathView {
            process: ProcessKey { pid: 812, start: 1 },
            program: "web".into(),
            main: true,
            status: ExitStatus::Signal { number: 11, core: true },
            oom: false,
            told: false,
            sender: Some(sender),
            lived: Duration::from_millis(9900),
            held_bytes: Some(4096),
            at: BootTime::default(),
        };
        let mut value = serde_json::to_value(DeathDocument::of(&death)).expect("a document");
        let at = value["at"].take();
        assert!(at.as_str().is_some_and(|at| at.ends_with('Z')), "{at}");
        let expect = serde_json::json!({
            "pid": 812, "program": "web", "exit_code": null, "signal": 11, "signal_name": "SEGV",
            "core_dumped": true, "oom_killed": false, "requested": false,
            "sender": {"pid": 0, "program": "bash", "uid": 1000, "user": "ann"},
            "lived_seconds": 9, "held_bytes": 4096, "at": null
        });
        assert_eq!(value, expect);
    }
}
