//! The job on the net: one mail at a time, written and handed to a server.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::super::letter::Letter;
use super::super::mail::Verdict;
use super::super::render::Writer;
use super::Task;
use crate::message::Level;

/// A mail on its way.
pub(super) struct Sending {
    to: String,
    letters: u64,
    /// The first of them.
    first: Arc<Letter>,
    pub(super) job: JoinHandle<Verdict>,
}

/// An alert that was mailed and is still to be said: one line names all its receivers.
pub(super) struct Mailed {
    letter: Arc<Letter>,
    letters: u64,
    to: Vec<String>,
    server: String,
    level: Level,
}

/// Receivers in a line.
const NAMED: usize = 8;

impl Task {
    pub(super) fn start_sending(&mut self) {
        if self.sending.is_some() {
            return;
        }
        let letters = self.queue.next(Instant::now()).unwrap_or_default();
        let first = letters.first().cloned();
        let is_more = |mailed: &Mailed| {
            let same = first.as_ref().is_some_and(|first| first.is_of_alert(&mailed.letter));
            same && mailed.letters == 1 && letters.len() == 1 && mailed.to.len() < NAMED
        };
        if !self.mailed.as_ref().is_some_and(is_more) {
            self.say_mailed();
        }
        let Some(first) = first else { return };
        let (post, host) = (self.post.clone(), self.host.clone());
        let (to, count) = (first.to.clone(), letters.len() as u64);
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
        self.sending = Some(Sending { to, letters: count, first, job });
    }

    pub(super) fn on_sent(&mut self, verdict: Result<Verdict, JoinError>) {
        let Some(Sending { to, letters, first, .. }) = self.sending.take() else { return };
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
                // That all is well is for the curious; that it is well again is for all.
                let level = match self.reasons.remove(&to) {
                    Some(_) => Level::Info,
                    None => Level::Debug,
                };
                match &mut self.mailed {
                    Some(mailed) if mailed.server == server && mailed.level == level => {
                        mailed.to.push(to);
                    }
                    _ => {
                        self.say_mailed();
                        let to = vec![to];
                        self.mailed = Some(Mailed { letter: first, letters, to, server, level });
                    }
                }
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
}

impl Task {
    /// Says what was mailed, and to whom.
    pub(super) fn say_mailed(&mut self) {
        let Some(Mailed { letter, letters, to, server, level }) = self.mailed.take() else {
            return;
        };
        let to = to.join(", ");
        if letters == 1 {
            let text = format!("alert '{}' mailed to {to} by {server}", letter.title);
            self.say_of(Some(letter.service.clone()), level, text);
        } else {
            self.say(level, format!("{letters} alerts in one mail to {to} by {server}"));
        }
    }
}

/// Evenly spread over 0..1. The standard library's hash keys are random; no more is needed.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish() >> 11;
    random as f64 / (1_u64 << 53) as f64
}
