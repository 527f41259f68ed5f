//! The notifier's one task: takes alerts in, has letters stored, has mails sent, logs what came
//! of it. The two jobs beside it are in `store` and `send`.

mod send;
mod store;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until};

use super::letter::Letter;
use super::mail::Post;
use super::queue::{Gone, Queue};
use super::spool::Spool;
use super::{LogSink, Parts, ROOM, Shared};
use crate::clock;
use crate::message::{Level, LogLine};
use send::{Mailed, Sending};
use store::Stored;

/// Lines about the disk and about dropped letters come at most this often.
const LINE_PAUSE: Duration = Duration::from_secs(60);

/// The task's own state.
pub(super) struct Task {
    shared: Arc<Shared>,
    log: LogSink,
    host: String,
    post: Option<Arc<Post>>,
    slots: usize,
    spool: Spool,
    queue: Queue,
    /// Files to be removed, and those to be moved aside.
    remove: Vec<u64>,
    aside: Vec<u64>,
    storing: Option<JoinHandle<Stored>>,
    sending: Option<Sending>,
    mailed: Option<Mailed>,
    disk_pause: Option<Instant>,
    disk_line: Option<Instant>,
    drop_line: Option<Instant>,
    dropped_unsaid: u64,
    /// Why the last try failed, by recipient, while it fails.
    reasons: HashMap<String, String>,
}

impl Task {
    /// Reads what an earlier run left.
    pub(super) fn new(parts: Parts, shared: Arc<Shared>) -> Self {
        let Parts { host, mail, state_dir, slots, log } = parts;
        let spool = Spool::new(&state_dir);
        let mut task = Self {
            post: mail.map(|mail| Arc::new(Post::new(mail, &host))),
            queue: Queue::new(ROOM.max(slots)),
            shared,
            log,
            host,
            slots,
            remove: Vec::new(),
            aside: Vec::new(),
            storing: None,
            sending: None,
            mailed: None,
            disk_pause: None,
            disk_line: None,
            drop_line: None,
            dropped_unsaid: 0,
            reasons: HashMap::new(),
            spool,
        };
        task.restore();
        task.publish();
        task
    }

    fn restore(&mut self) {
        let found = self.spool.read().unwrap_or_else(|error| {
            self.say(Level::Error, format!("undelivered alerts cannot be read: {error}"));
            // They may be readable next time, and must not be written over until then. No run
            // counts as fast as milliseconds pass.
            let wall = u64::try_from(clock::wall_now().as_millisecond()).unwrap_or(0);
            self.queue.number_from(wall);
            Default::default()
        });
        if found.torn > 0 {
            let text = format!("{} unreadable undelivered alerts moved aside", found.torn);
            self.say(Level::Warning, text);
        }
        if !found.letters.is_empty() {
            let text = format!("{} undelivered alerts from before are sent", found.letters.len());
            self.say(Level::Info, text);
        }
        self.shared.stats().torn = found.torn;
        for (number, letter) in found.letters {
            let gone = self.queue.restore(number, letter);
            self.dropped(gone);
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.take_in();
            self.start_storing();
            self.start_sending();
            self.publish();
            let wake = self.wake_at();
            tokio::select! {
                () = self.shared.wake.notified() => {}
                stored = ended(self.storing.as_mut()) => self.on_stored(stored),
                sent = ended(self.sending.as_mut().map(|sending| &mut sending.job)) => {
                    self.on_sent(sent);
                }
                () = async { match wake {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                } } => {}
            }
        }
    }

    fn take_in(&mut self) {
        let intake = std::mem::take(&mut *self.shared.intake());
        if let Some((mail, slots)) = intake.settings {
            self.post = mail.map(|mail| Arc::new(Post::new(mail, &self.host)));
            self.slots = slots;
            self.queue.set_room(ROOM.max(slots));
            self.queue.retry_now();
        }
        self.count_dropped(intake.dropped);
        let post = self.post.clone();
        let name = post.as_ref().map_or(self.host.as_str(), |post| post.mail.name(&self.host));
        let name = name.to_owned();
        for alert in &intake.alerts {
            for letter in Letter::of(alert, &name) {
                let gone = self.queue.add(letter);
                self.dropped(gone);
            }
        }
        if !intake.alerts.is_empty() {
            self.disk_pause = None;
        }
    }

    fn dropped(&mut self, gone: Option<Gone>) {
        let Some(gone) = gone else { return };
        if gone.stored {
            self.remove.push(gone.number);
        }
        self.count_dropped(1);
    }

    fn count_dropped(&mut self, count: u64) {
        self.shared.stats().dropped += count;
        self.dropped_unsaid += count;
    }

    fn say_dropped(&mut self) {
        if self.dropped_unsaid > 0 && due(&mut self.drop_line, Instant::now()) {
            let count = std::mem::take(&mut self.dropped_unsaid);
            let text = format!("{count} undelivered alerts dropped, the oldest: too many wait");
            self.say(Level::Error, text);
        }
    }

    fn publish(&self) {
        let jobs = usize::from(self.storing.is_some()) + usize::from(self.sending.is_some());
        let open = self.remove.len() + self.aside.len() + jobs;
        let queued = self.queue.len();
        let exposed = self.queue.to_store(self.slots).len() + usize::from(self.storing.is_some());
        let intake = self.shared.intake();
        self.shared.stats().queued = queued;
        self.shared.exposed.send_replace(exposed + intake.alerts.len());
        self.shared.busy.send_replace(queued + open + intake.alerts.len());
    }

    /// When to look again without being told. A job under way tells when it ends.
    fn wake_at(&self) -> Option<Instant> {
        let now = Instant::now();
        let send = match (&self.sending, self.queue.next_at()) {
            (None, Some(at)) => Some(at.unwrap_or(now)),
            _ => None,
        };
        let wants_disk = || !self.queue.to_store(self.slots).is_empty();
        let store = self.disk_pause.filter(|_| self.storing.is_none() && wants_disk());
        let line = self.drop_line.map(|last| last + LINE_PAUSE);
        let line = line.filter(|_| self.dropped_unsaid > 0);
        [send, store, line].into_iter().flatten().min()
    }

    fn say(&self, level: Level, text: String) {
        self.say_of(None, level, text);
    }

    fn say_of(&self, service: Option<String>, level: Level, text: String) {
        let at = clock::boot_now();
        (self.log)(LogLine { at, level, service, event: None, text });
    }
}

/// The end of the job; never, while there is no job.
async fn ended<T>(job: Option<&mut JoinHandle<T>>) -> Result<T, JoinError> {
    match job {
        Some(job) => job.await,
        None => std::future::pending().await,
    }
}

fn due(last: &mut Option<Instant>, now: Instant) -> bool {
    let due = last.is_none_or(|last| now.duration_since(last) >= LINE_PAUSE);
    if due {
        *last = Some(now);
    }
    due
}
