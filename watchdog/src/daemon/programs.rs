//! The kernel programs' own messages, on request: from the ring of aya-log to our log.
//!
//! Off unless `EBPF_WATCHDOG_PROGRAM_LOG` names a level (`error` … `trace`): they are for people who
//! change the programs. Not here: events (`source`).

use std::sync::Arc;

use log::{LevelFilter, Metadata, Record};

use crate::clock;
use crate::logfile::Log;
use crate::message::{Level, LogLine};

/// Names the least important level to show.
const VARIABLE: &str = "EBPF_WATCHDOG_PROGRAM_LOG";

struct Messages {
    log: Arc<Log>,
    level: log::Level,
}

impl log::Log for Messages {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            log::Level::Error => Level::Error,
            log::Level::Warn => Level::Warning,
            // Asked for already: not to be left out as too little once more.
            log::Level::Info | log::Level::Debug | log::Level::Trace => Level::Info,
        };
        let text = format!("program {}: {}", record.target(), record.args());
        let at = clock::boot_now();
        self.log.write(&LogLine { at, level, service: None, event: None, text });
    }

    fn flush(&self) {}
}

/// What the environment asks for; the log is ready to take it then.
pub(super) fn asked_for(log: &Arc<Log>) -> Option<log::Level> {
    let level: log::Level = std::env::var(VARIABLE).ok()?.parse().ok()?;
    log::set_boxed_logger(Box::new(Messages { log: log.clone(), level })).ok()?;
    log::set_max_level(LevelFilter::Trace);
    Some(level)
}
