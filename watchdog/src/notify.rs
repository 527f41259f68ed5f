//! Telling people: alerts come in from the engine, mails go out, nothing waits for anything.
//!
//! One task on the input-and-output runtime owns the queue. Mails, and the files of letters that
//! are not delivered yet, are each one job beside it, so that neither a dead mail server nor a
//! slow disk holds up the other. At least once: a mail may come twice, with one Message-ID.
//! Not here: who is told of what (the engine filters).

mod letter;
mod mail;
mod queue;
mod render;
mod spool;
mod task;
mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::message::{Alert, LogLine};
use crate::service::Mail;

/// Alerts that may wait in memory, and letters likewise. More than the disk keeps: a burst, or a
/// time without disk space, is not cut to what a quiet day needs.
const ROOM: usize = 10_000;

/// Where results are logged.
pub type LogSink = Arc<dyn Fn(LogLine) + Send + Sync>;

/// What a [`Notifier`] is made of.
#[derive(Clone)]
pub struct Parts {
    /// This host's name, for mails and ids.
    pub host: String,
    /// The mail servers; none: alerts wait for a configuration that has some.
    pub mail: Option<Mail>,
    /// Letters are kept in `queue` below it.
    pub state_dir: PathBuf,
    /// Letters kept on disk at most; the oldest ones are.
    pub slots: usize,
    /// Where results are logged. Called on the notifier's runtime; must not block.
    pub log: LogSink,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, mail, state_dir, slots, log: _ } = self;
        f.debug_struct("Parts")
            .field("host", host)
            .field("mail", mail)
            .field("state_dir", state_dir)
            .field("slots", slots)
            .finish_non_exhaustive()
    }
}

/// Counters since the start, and two levels. A letter is one alert to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotifyStats {
    /// Letters delivered; several may share a mail.
    pub sent: u64,
    /// Mails delivered.
    pub mails: u64,
    /// Attempts that no server took.
    pub failed: u64,
    /// Letters that a server refused for good.
    pub refused: u64,
    /// Letters dropped, the oldest first, because too many waited.
    pub dropped: u64,
    /// Files of letters that could not be read, moved aside at the start.
    pub torn: u64,
    /// Now: letters not delivered yet.
    pub queued: usize,
    /// Now: could letters not be written to disk the last time?
    pub not_durable: bool,
}

/// The notifier; ends when dropped. What is not delivered then is on disk, as far as slots reach.
#[derive(Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// Between the callers and the task.
#[derive(Debug)]
struct Shared {
    // A std mutex: held for a push or a swap only, never over an await or a system call.
    intake: Mutex<Intake>,
    wake: Notify,
    stats: Mutex<NotifyStats>,
    /// Letters, files and alerts with which the task is not done.
    busy: watch::Sender<usize>,
    /// Those of them that would be lost with us, though the disk has slots for them.
    exposed: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Intake {
    alerts: VecDeque<Alert>,
    dropped: u64,
    settings: Option<(Option<Mail>, usize)>,
}

impl Notifier {
    /// Reads the letters that an earlier run left and starts the task on `handle`'s runtime.
    /// Never fails: a folder that cannot be read is logged, and letters stay in memory.
    pub fn start(parts: Parts, handle: &Handle) -> Self {
        let shared = Arc::new(Shared {
            intake: Mutex::default(),
            wake: Notify::new(),
            stats: Mutex::default(),
            busy: watch::Sender::new(0),
            exposed: watch::Sender::new(0),
        });
        let task = task::Task::new(parts, Arc::clone(&shared));
        Self { shared, task: handle.spawn(task.run()) }
    }

    /// Takes an alert in. Never blocks; drops the oldest one not taken up yet where ten thousand
    /// wait. An alert without recipients is none.
    pub fn send(&self, alert: Alert) {
        if alert.to.is_empty() {
            return;
        }
        {
            let mut intake = self.shared.intake();
            if intake.alerts.len() >= ROOM
                && let Some(gone) = intake.alerts.pop_front()
            {
                intake.dropped += gone.to.len() as u64;
            }
            intake.alerts.push_back(alert);
            self.shared.busy.send_modify(|busy| *busy += 1);
            self.shared.exposed.send_modify(|exposed| *exposed += 1);
        }
        self.shared.wake.notify_one();
    }

    /// Takes new servers and a new bound (reload). What waits is tried with them at once.
    pub fn configure(&self, mail: Option<Mail>, slots: usize) {
        self.shared.intake().settings = Some((mail, slots));
        self.shared.wake.notify_one();
    }

    /// Counters.
    pub fn stats(&self) -> NotifyStats {
        let waiting = self.shared.intake().alerts.iter().map(|alert| alert.to.len()).sum::<usize>();
        let mut stats = *self.shared.stats();
        stats.queued += waiting;
        stats
    }

    /// Waits until everything is delivered and forgotten, at most so long (shutdown). `true`: it
    /// is.
    pub async fn drain(&self, within: Duration) -> bool {
        Self::is_zero(&self.shared.busy, within).await
    }

    /// Waits until what is not delivered is on disk, as far as slots reach; at most so long.
    /// `true`: it is.
    pub async fn secure(&self, within: Duration) -> bool {
        Self::is_zero(&self.shared.exposed, within).await
    }

    async fn is_zero(count: &watch::Sender<usize>, within: Duration) -> bool {
        let mut count = count.subscribe();
        let zero = count.wait_for(|count| *count == 0);
        matches!(tokio::time::timeout(within, zero).await, Ok(Ok(_)))
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn intake(&self) -> std::sync::MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stats(&self) -> std::sync::MutexGuard<'_, NotifyStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
