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
