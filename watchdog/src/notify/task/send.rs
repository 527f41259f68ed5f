//! The job on the net: one mail at a time, written and handed to a server.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use jiff::tz::TimeZone;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::super::mail::Verdict;
use super::super::render::Writer;
use super::Task;
use crate::message::Level;

/// A mail on its way.
pub(super) struct Sending {
    to: String,
    letters: u64,
    pub(super) job: JoinHandle<Verdict>,
}

impl Task {
    pub(super) fn start_sending(&mut self) {
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

    pub(super) fn on_sent(&mut self, verdict: Result<Verdict, JoinError>) {
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
}

/// Evenly spread over 0..1. The standard library's hash keys are random; no more is needed.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish() >> 11;
    random as f64 / (1_u64 << 53) as f64
}
