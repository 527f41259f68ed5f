//! The job on the disk: letters written, delivered ones removed, refused ones moved aside.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::super::letter::Letter;
use super::super::spool::{Aside, Spool};
use super::{Task, due};
use crate::message::Level;

/// After a failed write the disk is left alone for so long, unless there is something new.
const DISK_PAUSE: Duration = Duration::from_secs(5);
/// Letters written to disk in one job, so that removals are not far behind.
const STORE_AT_ONCE: usize = 200;

/// What a job on the disk did.
pub(super) struct Stored {
    numbers: Vec<u64>,
    result: io::Result<()>,
}

impl Task {
    pub(super) fn start_storing(&mut self) {
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

    pub(super) fn on_stored(&mut self, stored: Result<Stored, JoinError>) {
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
