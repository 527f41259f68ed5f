//! `GET /api/v1/top`: the processes of all watched services at one moment. Rates are the reader's: two
//! answers, and what was used between them.

use serde::{Deserialize, Serialize};

use crate::message::{Running, Top};

/// The document.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopDocument {
    pub at_seconds: f64,
    pub processes: Vec<RunningDocument>,
    pub omitted: usize,
}

/// One process.
#[expect(missing_docs, reason = "docs/status.md says what each means")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningDocument {
    pub service: String,
    pub pid: u32,
    pub start: u64,
    pub main: bool,
    pub program: String,
    pub uid: u32,
    pub user: Option<String>,
    pub cpu_seconds: f64,
    pub memory_bytes: u64,
    pub swap_bytes: u64,
    pub threads: u32,
    pub disk_read_bytes: u64,
    pub disk_write_bytes: u64,
}

impl TopDocument {
    /// In public words.
    pub fn of(top: &Top) -> Self {
        Self {
            at_seconds: top.at.0 as f64 / 1e9,
            processes: top.processes.iter().map(RunningDocument::of).collect(),
            omitted: top.omitted,
        }
    }
}

impl RunningDocument {
    fn of(running: &Running) -> Self {
        let sample = &running.sample;
        let name = sample.comm.split(|byte| *byte == 0).next().unwrap_or_default();
        Self {
            service: running.service.clone(),
            pid: sample.process.pid,
            start: sample.process.start,
            main: sample.main,
            program: String::from_utf8_lossy(name).into_owned(),
            uid: sample.uid,
            user: running.user.clone(),
            cpu_seconds: sample.cpu_ns as f64 / 1e9,
            memory_bytes: sample.rss_bytes,
            swap_bytes: sample.swap_bytes,
            threads: sample.threads,
            disk_read_bytes: sample.read_bytes,
            disk_write_bytes: sample.write_bytes,
        }
    }
}
