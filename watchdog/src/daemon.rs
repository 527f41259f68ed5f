//! Wires the parts together and runs the one loop: sensor and inbox in, decisions out.
//!
//! Two threads: this one drains the sensor and decides, without an async runtime, so that nothing
//! can stand before a death; the other, `io`, runs everything that waits (actions, mail, the control
//! socket, signals). Not here: any rule (`engine`), any deed (`runner`, `notify`).

mod core;
mod io;
mod programs;
mod sensor;
pub(crate) mod standing;
mod users;

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock;
use crate::config::{self, HostChecks, LoadOptions, Trust};
use crate::engine::Engine;
use crate::host::{self, Host};
use crate::inbox::{Inbox, Refusal};
use crate::logfile::Log;
use crate::message::{Level, LogLine};
use crate::service::Config;
use crate::source::kernel::Options;
use crate::state::{self, Origin};
use crate::status::events::EventList;
use crate::sys;

/// How the daemon is asked to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The rule file.
    pub config: PathBuf,
    /// Name of the host-wide lock: [`state::HOST_LOCK`], or another in tests.
    pub host_lock: String,
}

/// Why the daemon does not run. Each has an exit code of its own.
#[derive(Debug)]
pub enum RunError {
    /// The rule file is wrong: the errors as they are shown (exit 78).
    Config(String),
    /// Another daemon runs (exit 75).
    AnotherInstance(String),
    /// The kernel sensor cannot work here: cause and cure (exit 78 where it is required, else 1).
    Sensor {
        /// `require_ebpf: true` stands in the rule file.
        required: bool,
        /// Cause and cure.
        why: String,
    },
    /// Anything else (exit 1).
    Failed(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text)
            | Self::AnotherInstance(text)
            | Self::Sensor { why: text, .. }
            | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for RunError {}

/// What every part of the daemon may need to know of where it runs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub config_path: PathBuf,
    pub host_name: String,
}

impl Place {
    /// Reads the rule file as the daemon does: with every check of this host.
    pub(crate) fn load(&self) -> Result<Config, Refusal> {
        let options = LoadOptions {
            trust: Trust::Enforce,
            host_checks: HostChecks::Enforce,
            host: self.host_name.clone(),
        };
        match config::load(&self.config_path, options) {
            Ok(loaded) => {
                if !loaded.warnings.is_empty() {
                    // Whoever read our standard error may be gone: no reason to refuse the file.
                    let _ = std::io::stderr().write_all(loaded.warnings.render(false).as_bytes());
                }
                Ok(loaded.config)
            }
            Err(found) => Err(Refusal { shown: found.render(false), line: found.in_one_line() }),
        }
    }
}

/// One line into the log and the list of events; into neither what matters too little.
fn record(log: &Log, events: &EventList, line: &LogLine) {
    if log.write(line) {
        events.push(line);
    }
}

/// Runs until TERM, INT or an operator's `quit`. Services keep running after it.
///
/// # Errors
/// See [`RunError`]; nothing was started or signalled then.
pub fn run(options: RunOptions) -> Result<(), RunError> {
    // What whoever started us had open is not for the web front.
    sys::spawn::close_on_exec()
        .map_err(|error| RunError::Failed(format!("descriptors cannot be marked: {error}")))?;
    sys::memory::share_arenas();
    // Before there is another thread: it would inherit them.
    sys::signals::forget_inherited();
    let place = Place { config_path: options.config, host_name: host::name() };
    let config = Arc::new(place.load().map_err(|refusal| RunError::Config(refusal.shown))?);

    let opened =
        state::open(&config.state_dir, &options.host_lock).map_err(|error| match error {
            state::OpenError::Locked(error) => RunError::AnotherInstance(error.to_string()),
            error @ state::OpenError::Folder(..) => RunError::Failed(error.to_string()),
        })?;
    let log = Log::open(config.log_file.as_deref(), config.log_level)
        .map_err(|error| RunError::Failed(format!("cannot open the log file: {error}")))?;
    let log = Arc::new(log);
    let events = Arc::new(EventList::new());
    let note = |level, text: String| {
        let at = clock::boot_now();
        let line = LogLine { at, level, service: None, event: None, text };
        record(&log, &events, &line);
    };
    if let Origin::Damaged(why) = &opened.origin {
        note(Level::Error, format!("saved state cannot be believed and was moved aside: {why}"));
    }
    if let Some(why) = &opened.refused {
        let behind = "what was noted from there on is not believed, what stood before it is: see whether each service is monitored as it should be";
        note(Level::Error, format!("{why}; {behind}"));
    }
    if let Some(squatter) = &opened.squatter {
        note(Level::Critical, squatter.to_string());
    }

    let services = u32::try_from(config.services.len()).unwrap_or(u32::MAX);
    let defaults = Options::default();
    let sizes = Options {
        // Room for a reload that brings as many again; fixed for the life of the programs.
        groups: services.saturating_mul(2).max(defaults.groups),
        processes: services.saturating_mul(4).max(defaults.processes),
        messages: programs::asked_for(&log),
        ..defaults
    };
    let source = sensor::open(&sizes, config.require_ebpf)?;
    let health = source.health();
    // The fallback sensor tells its own reason, as an error and an alert.
    let told = usize::from(health.mode == "fallback");
    for missing in health.missing.iter().skip(told) {
        note(
            Level::Warning,
            format!("sensor: {} is missing: {} -- {}", missing.what, missing.why, missing.cure),
        );
    }
    // Nothing is kept yet that could be refused.
    let _ = sys::memory::release_unused();
    let host = Host::open().map_err(|error| RunError::Failed(format!("/proc: {error}")))?;
    let inbox = Inbox::new().map_err(|error| RunError::Failed(format!("eventfd: {error}")))?;

    let io = io::start(io::Parts {
        config: config.clone(),
        place: place.clone(),
        inbox: inbox.clone(),
        membership: source.membership(),
        store: opened.store.clone(),
        log: log.clone(),
        events: events.clone(),
    })
    .map_err(RunError::Failed)?;

    // After `io::start`: it notes what everything that we start goes back to.
    let refused = standing::take();
    for missing in &refused {
        let text = format!("not granted: {}: {} -- {}", missing.what, missing.why, missing.cure);
        note(Level::Info, text);
    }
    io.release_memory();
    let now = clock::boot_now();
    let engine = Engine::new(config.clone(), &opened.state, place.host_name.clone(), now);
    // Megabytes, where there are many services.
    drop(opened.state);
    let first_after_boot = !matches!(opened.origin, Origin::SameBoot);
    let mut core = core::Core::new(core::Parts {
        engine,
        source,
        host,
        inbox,
        io,
        log,
        events,
        store: opened.store,
        config,
        place,
        refused,
    });
    core.run(first_after_boot);
    Ok(())
}
