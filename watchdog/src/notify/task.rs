//! The notifier's one task: takes alerts in, has letters stored, has mails sent, logs what came
//! of it.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until};

use super::letter::Letter;
use super::mail::{Post, Verdict};
use super::queue::{Gone, Queue};
use super::render::Writer;
use super::spool::{Aside, Spool};
use super::{LogSink, Parts, ROOM, Shared};
use crate::clock;
use crate::message::{Level, LogLine};

/// After a failed write the disk is left alone for so long, unless there is something new.
const DISK_PAUSE: Duration = Duration::from_secs(5);
/// Letters written to disk in one job, so that removals are not far behind.
const STORE_AT_ONCE: usize = 200;
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
    disk_pause: Option<Instant>,
    disk_line: Option<Instant>,
    drop_line: Option<Instant>,
    dropped_unsaid: u64,
    /// Why the last try failed, by recipient, while it fails.
    reasons: HashMap<String, String>,
}

/// What a job on the disk did.
struct Stored {
    numbers: Vec<u64>,
    result: io::Result<()>,
}

/// A mail on its way.
struct Sending {
    to: String,
    letters: u64,
    job: JoinHandle<Verdict>,
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
        for alert in &intake.alerts {
            for letter in Letter::of(alert, &self.host) {
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

    fn start_storing(&mut self) {
        self.say_dropped();
        if self.storing.is_some() {
            return;
        }
        let paused = self.disk_pause.is_some_and(|until| Instant::now() < until);
        let mut letters = if paused { Vec::new() } else { self.queue.to_store(self.slots) };
        letters.truncate(STORE_AT_ONCE);
        let (remove, aside) = (std::mem::take(&mut self.remove), std::mem::take(&mut self.aside));
        if letters.is_empty() && remove.is_empty() && aside.is_empty() {
            return;
        }
        let spool = self.spool.clone();
        self.storing = Some(tokio::task::spawn_blocking(move || {
            remove.into_iter().for_each(|number| spool.remove(number));
            aside.into_iter().for_each(|number| spool.set_aside(number, Aside::Refused));
            store(&spool, &letters)
        }));
    }

    fn on_stored(&mut self, stored: Result<Stored, JoinError>) {
        self.storing = None;
        let Stored { numbers, result } = stored.unwrap_or_else(|error| Stored {
            numbers: Vec::new(),
            result: Err(io::Error::other(error)),
        });
        let left = self.queue.stored(numbers);
        self.remove.extend(left);
        let was = std::mem::replace(&mut self.shared.stats().not_durable, result.is_err());
        let now = Instant::now();
        match result {
            Ok(()) => self.disk_pause = None,
            Err(error) => {
                self.disk_pause = Some(now + DISK_PAUSE);
                if !was && due(&mut self.disk_line, now) {
                    let text = format!(
                        "undelivered alerts cannot be written to disk and stay in memory: {error}"
                    );
                    self.say(Level::Error, text);
                }
            }
        }
    }

    fn start_sending(&mut self) {
        if self.sending.is_some() {
            return;
        }
        let Some(letters) = self.queue.next(Instant::now()) else { return };
        let (post, host) = (self.post.clone(), self.host.clone());
        let to = letters.first().map(|letter| letter.to.clone()).unwrap_or_default();
        let count = letters.len() as u64;
        let job = tokio::spawn(async move {
            match post {
                None => Verdict::Later("no mail server is configured".to_owned()),
                Some(post) => {
                    let zone = TimeZone::system();
                    let writer = Writer { mail: &post.mail, host: &host, zone: &zone };
                    match writer.write(&letters) {
                        Ok(message) => post.deliver(&message).await,
                        Err(reason) => Verdict::Refused(reason),
                    }
                }
            }
        });
        self.sending = Some(Sending { to, letters: count, job });
    }

    fn on_sent(&mut self, verdict: Result<Verdict, JoinError>) {
        let Some(Sending { to, letters, .. }) = self.sending.take() else { return };
        // A panic is a fault of ours in this one mail; it must cost no other.
        let verdict = verdict.unwrap_or_else(|error| Verdict::Refused(error.to_string()));
        let now = Instant::now();
        match verdict {
            Verdict::Sent(server) => {
                let gone = self.queue.done(&to, now);
                let numbers = gone.iter().filter(|gone| gone.stored).map(|gone| gone.number);
                self.remove.extend(numbers);
                {
                    let mut stats = self.shared.stats();
                    stats.sent += letters;
                    stats.mails += 1;
                }
                self.reasons.remove(&to);
                let many = if letters == 1 { "alert" } else { &format!("{letters} alerts") };
                self.say(Level::Info, format!("{many} mailed to {to} by {server}"));
            }
            Verdict::Refused(reason) => {
                let gone = self.queue.done(&to, now);
                let numbers = gone.iter().filter(|gone| gone.stored).map(|gone| gone.number);
                self.aside.extend(numbers);
                self.shared.stats().refused += letters;
                self.reasons.remove(&to);
                let text = format!("mail to {to} with {letters} alerts refused for good: {reason}");
                self.say(Level::Error, text);
            }
            Verdict::Later(reason) => {
                let wait = self.queue.failed(&to, now, chance());
                self.shared.stats().failed += 1;
                let (failures, waiting) = self.queue.lane(&to);
                // A server that stays dead is said once; each further try is for the curious.
                let new = failures == 1 || self.reasons.get(&to) != Some(&reason);
                let text = format!(
                    "mail to {to} not sent, next try in {:.0} s, {waiting} alerts wait: {reason}",
                    wait.as_secs_f64()
                );
                self.reasons.insert(to, reason);
                self.say(if new { Level::Warning } else { Level::Debug }, text);
            }
        }
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
        let intake = self.shared.intake();
        self.shared.stats().queued = queued;
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
        let at = clock::boot_now();
        (self.log)(LogLine { at, level, service: None, event: None, text });
    }
}

fn store(spool: &Spool, letters: &[(u64, Arc<Letter>)]) -> Stored {
    let mut numbers = Vec::with_capacity(letters.len());
    for (number, letter) in letters {
        if let Err(error) = spool.store(*number, letter) {
            return Stored { numbers, result: Err(error) };
        }
        numbers.push(*number);
    }
    let result = if numbers.is_empty() { Ok(()) } else { spool.sync() };
    Stored { numbers, result }
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

/// Evenly spread over 0..1. The standard library's hash keys are random; no more is needed.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish() >> 11;
    random as f64 / (1_u64 << 53) as f64
}
