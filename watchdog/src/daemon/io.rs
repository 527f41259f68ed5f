//! The thread of everything that waits: actions, mail, the control socket, the web front, signals.
//!
//! One tokio runtime with one thread, and a few blocking threads for files. Not here: decisions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use super::{Place, record, users};
use crate::clock;
use crate::inbox::{Inbox, Message};
use crate::logfile::Log;
use crate::message::{Alert, Level, LogLine};
use crate::notify::{self, Notifier};
use crate::runner::{Runner, RunnerParts};
use crate::sensor::Membership;
use crate::service::Config;
use crate::state::{Durability, Store};
use crate::status::events::EventList;
use crate::status::{self, serve};
use crate::survey::{self, Surveys};
use crate::sys;
use crate::sys::spawn::Baseline;
use crate::web::running::Running;

/// How long undelivered mail may hold up the end of the daemon. It is on disk by then,
const FAREWELL: Duration = Duration::from_secs(3);
/// or the disk is very slow, and gets this besides.
const FAREWELL_OF_DISK: Duration = Duration::from_secs(30);

/// After a rule file was read, what was in use for that is given back after the first of these, what was
/// in use for all that follows (everything is looked at) after the second.
const SETTLED: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(30)];

/// Held while the rule file is read and handed over.
static READING: Mutex<()> = Mutex::new(());

type Note = Arc<dyn Fn(LogLine) + Send + Sync>;

/// What the thread's tasks need.
pub(super) struct Parts {
    pub config: Arc<Config>,
    pub place: Place,
    pub inbox: Arc<Inbox>,
    pub membership: Arc<dyn Membership>,
    pub store: Arc<Store>,
    pub log: Arc<Log>,
    pub events: Arc<EventList>,
}

/// The engine thread's hands: each call returns at once.
pub(super) struct Io {
    pub runner: Runner,
    notifier: Arc<Notifier>,
    /// The way of alerts to the notifier; none once we end.
    surveys: Option<Surveys>,
    handle: Handle,
    /// Ends the thread.
    stop: watch::Sender<bool>,
    front: Running,
    thread: Option<std::thread::JoinHandle<()>>,
    note: Note,
    /// People know that our memory may be swapped out now.
    unkept: Arc<AtomicBool>,
}

/// Starts the thread and its tasks. The error is for the user.
pub(super) fn start(parts: Parts) -> Result<Io, String> {
    // Before anything of ours is changed: children get back what we were given.
    let baseline = Baseline::read();
    let runtime = Builder::new_current_thread()
        .enable_all()
        // Ordinary work needs two or three; the rest is for those that hang on a dead file system,
        // which are bounded for each service.
        .max_blocking_threads(256)
        .thread_keep_alive(Duration::from_secs(5))
        .build()
        .map_err(|error| format!("cannot start the input and output thread: {error}"))?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = watch::channel(false);
    let inside = runtime.enter();

    let note: Note = {
        let (log, events) = (parts.log.clone(), parts.events.clone());
        Arc::new(move |line: LogLine| record(&log, &events, &line))
    };
    let notifier = Arc::new(Notifier::start(
        notify::Parts {
            host: parts.place.host_name.clone(),
            mail: parts.config.mail.clone(),
            state_dir: parts.config.state_dir.clone(),
            slots: parts.config.queue_slots,
            log: note.clone(),
        },
        &handle,
    ));

    let (surveys, surveying) = Surveys::start(
        survey::Parts {
            membership: parts.membership.clone(),
            notifier: notifier.clone(),
            log: note.clone(),
            users: users::names,
        },
        &handle,
    );
    let (runner, work) = Runner::new(RunnerParts {
        inbox: parts.inbox.clone(),
        membership: parts.membership,
        folder: parts.store.folder().clone(),
        protect: parts.config.protect.clone(),
        host: parts.place.host_name.clone(),
        baseline,
    });
    handle.spawn(work.run());
    handle.spawn(parts.store.clone().keep({
        let note = note.clone();
        move |change| {
            let (level, text) = match change {
                Durability::NotDurable(why) => (Level::Error, format!("state: not durable: {why}")),
                Durability::Durable => (Level::Info, "state: durable again".to_owned()),
            };
            note(daemon_line(level, text));
        }
    }));

    let socket = serve::bind(&parts.config.socket).map_err(|error| {
        format!("cannot make the control socket {}: {error}", parts.config.socket.display())
    })?;
    let counters = {
        let notifier = notifier.clone();
        Box::new(move || {
            let stats = notifier.stats();
            serde_json::json!({
                "sent": stats.sent, "mails": stats.mails, "failed": stats.failed,
                "refused": stats.refused, "dropped": stats.dropped, "torn": stats.torn,
                "queued": stats.queued, "durable": !stats.not_durable,
            })
        })
    };
    let door = Arc::new(status::Core {
        inbox: parts.inbox.clone(),
        events: parts.events.clone(),
        notify: Some(counters),
    });
    let socket = handle.spawn({
        let (door, stopped, note) = (door.clone(), stopped.clone(), note.clone());
        async move {
            if let Err(error) = socket.serve(door, stopped).await {
                let text = format!("the control socket cannot be served: {error}");
                note(daemon_line(Level::Critical, text));
            }
        }
    });
    handle.spawn(signals(parts.inbox, note.clone()));
    let mut front = Running::new(
        handle.clone(),
        parts.place.host_name,
        door,
        Arc::new({
            let note = note.clone();
            move |level, text| note(daemon_line(level, text))
        }),
    );
    front.configure(parts.config.http.as_ref());
    drop(inside);
    let thread = std::thread::Builder::new()
        .name("watchdog-io".into())
        .spawn({
            let (mut stopped, notifier) = (stopped, notifier.clone());
            let end_probes = runner.end_probes(FAREWELL);
            move || {
                runtime.block_on(async {
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                    // Alerts that wait for a survey, mail and answers under way go out first. Each of
                    // these is bounded; `docs/status.md` names the sum.
                    let mail = async {
                        let _ = tokio::time::timeout(survey::LONGEST * 2, surveying).await;
                        if !notifier.drain(FAREWELL).await {
                            notifier.secure(FAREWELL_OF_DISK).await;
                        }
                    };
                    let _ = tokio::join!(mail, socket, end_probes);
                });
                // A blocking thread may hang on a dead network file system: it is not waited for.
                runtime.shutdown_background();
            }
        })
        .map_err(|error| format!("cannot start the input and output thread: {error}"))?;
    let surveys = Some(surveys);
    let (thread, unkept) = (Some(thread), Arc::default());
    Ok(Io { runner, notifier, surveys, handle, stop, front, thread, note, unkept })
}

impl Io {
    /// Tells people, where the alert asks for it after a look at who did it. `config` names services.
    pub(super) fn tell(&self, alert: Alert, config: &Arc<Config>) {
        match &self.surveys {
            Some(surveys) => surveys.send(alert, config),
            None => self.notifier.send(alert),
        }
    }

    /// Reads the rule file on a blocking thread; the answer comes back by the inbox.
    pub(super) fn read_config(
        &self,
        place: &Place,
        inbox: &Arc<Inbox>,
        reply: oneshot::Sender<Result<String, String>>,
    ) {
        let (place, inbox) = (place.clone(), inbox.clone());
        self.handle.spawn_blocking(move || {
            // Read and handed over in one: what is read last comes last, and stays.
            let _one = READING.lock().unwrap_or_else(PoisonError::into_inner);
            inbox.loaded(place.load(), reply);
        });
    }

    /// Takes over what of a new configuration is not the engine's.
    pub(super) fn reconfigure(&mut self, config: &Config) {
        self.notifier.configure(config.mail.clone(), config.queue_slots);
        self.runner.protect(config.protect.clone());
        self.runner.keep(config.services.iter().map(|service| service.name.clone()));
        self.front.configure(config.http.as_ref());
        self.release_memory();
    }

    /// Gives back what a configuration took to be read and taken over, when that is over.
    pub(super) fn release_memory(&self) {
        let (note, unkept) = (self.note.clone(), self.unkept.clone());
        self.handle.spawn(async move {
            for wait in SETTLED {
                tokio::time::sleep(wait).await;
                // Cut off only by the end of the daemon, which gives back everything.
                let released = tokio::task::spawn_blocking(sys::memory::release_unused).await;
                if let Ok(Err(error)) = released
                    && !unkept.swap(true, Ordering::Relaxed)
                {
                    let text = "memory is not kept any more and may be swapped out";
                    note(daemon_line(Level::Warning, format!("{text}: mlockall: {error}")));
                }
            }
        });
    }

    /// Lets mail and answers under way go out, then ends the thread.
    pub(super) fn finish(&mut self) {
        self.surveys = None;
        // The runtime ends it: its process dies with the connection.
        drop(self.front.finish());
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// HUP reload, USR1 judge now, TERM and INT end in order.
async fn signals(inbox: Arc<Inbox>, note: Note) {
    let (Ok(mut hup), Ok(mut usr1), Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::hangup()),
        signal(SignalKind::user_defined1()),
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        note(daemon_line(Level::Critical, "signals cannot be received".to_owned()));
        return;
    };
    loop {
        // What comes of it is in the log.
        let (reply, _answer) = oneshot::channel();
        let message = tokio::select! {
            _ = hup.recv() => Message::Reload(reply),
            _ = usr1.recv() => Message::Validate(reply),
            _ = term.recv() => Message::Quit(reply),
            _ = int.recv() => Message::Quit(reply),
        };
        if inbox.request(message).is_err() {
            note(daemon_line(Level::Error, "a signal was refused: too busy".to_owned()));
        }
    }
}

fn daemon_line(level: Level, text: String) -> LogLine {
    LogLine { at: clock::boot_now(), level, service: None, event: None, text }
}
