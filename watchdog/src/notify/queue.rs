//! Letters in memory: which goes next, which wait, which are dropped. No clock, no disk, no net.
//!
//! Each recipient has a lane of its own: order is kept within it, and one that fails delays no
//! other. In a storm a lane sends single mails first, then one that holds all that wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::letter::Letter;

/// Mails to one recipient within [`WINDOW`] at most; the last of them takes all that wait.
const MAILS: usize = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// Wait after the first failure, and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A letter that waits.
#[derive(Debug)]
struct Entry {
    number: u64,
    letter: Arc<Letter>,
    /// Is it on disk?
    stored: bool,
}

#[derive(Debug)]
struct Lane {
    to: String,
    waiting: VecDeque<Entry>,
    /// So many of the first make the mail that is being tried. They stay together over retries:
    /// the mail keeps its content and its Message-ID.
    mail: usize,
    on_the_wire: bool,
    failures: u32,
    not_before: Option<Instant>,
    /// When the last mails were accepted, oldest first.
    sent: VecDeque<Instant>,
}

/// All letters that are not delivered yet.
#[derive(Debug)]
pub(super) struct Queue {
    lanes: Vec<Lane>,
    next_number: u64,
    room: usize,
}

/// A letter that has left the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) number: u64,
    /// There is a file to be removed.
    pub(super) stored: bool,
}

impl Queue {
    /// An empty queue for so many letters.
    pub(super) fn new(room: usize) -> Self {
        Self { lanes: Vec::new(), next_number: 1, room: room.max(1) }
    }

    pub(super) fn set_room(&mut self, room: usize) {
        self.room = room.max(1);
    }

    /// New letters get numbers from here on, where the disk may hold lower ones unseen.
    pub(super) fn number_from(&mut self, number: u64) {
        self.next_number = self.next_number.max(number);
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).sum()
    }

    /// Takes in a letter that was found on disk.
    pub(super) fn restore(&mut self, number: u64, letter: Letter) -> Option<Gone> {
        self.number_from(number.saturating_add(1));
        self.push(Entry { number, letter: Arc::new(letter), stored: true })
    }

    /// Takes in a new letter; tells which one had to go for it.
    pub(super) fn add(&mut self, letter: Letter) -> Option<Gone> {
        let number = self.next_number;
        self.next_number += 1;
        self.push(Entry { number, letter: Arc::new(letter), stored: false })
    }

    fn push(&mut self, entry: Entry) -> Option<Gone> {
        let at = self.lanes.iter().position(|lane| lane.to == entry.letter.to);
        let at = at.unwrap_or_else(|| {
            self.lanes.push(Lane::new(entry.letter.to.clone()));
            self.lanes.len() - 1
        });
        self.lanes[at].waiting.push_back(entry);
        if self.len() > self.room { self.drop_oldest() } else { None }
    }

    fn drop_oldest(&mut self) -> Option<Gone> {
        let lane = self
            .lanes
            .iter_mut()
            .filter(|lane| lane.oldest_to_drop().is_some())
            .min_by_key(|lane| lane.oldest_to_drop())?;
        let gone = lane.waiting.remove(lane.first_free())?;
        if !lane.on_the_wire {
            lane.mail = 0;
        }
        Some(gone.gone())
    }

    /// The oldest letters that are not on disk, as many as there are slots left.
    pub(super) fn to_store(&self, slots: usize) -> Vec<(u64, Arc<Letter>)> {
        let entries = || self.lanes.iter().flat_map(|lane| &lane.waiting);
        let free = slots.saturating_sub(entries().filter(|entry| entry.stored).count());
        if free == 0 {
            return Vec::new();
        }
        let mut list: Vec<_> = entries()
            .filter(|entry| !entry.stored)
            .map(|entry| (entry.number, Arc::clone(&entry.letter)))
            .collect();
        list.sort_unstable_by_key(|(number, _)| *number);
        list.truncate(free);
        list
    }

    /// Notes that these are on disk; gives back those that have left meanwhile.
    pub(super) fn stored(&mut self, numbers: Vec<u64>) -> Vec<u64> {
        let mut left = numbers;
        left.retain(|number| {
            let entry = self.lanes.iter_mut().find_map(|lane| {
                let at = lane.waiting.binary_search_by_key(number, |entry| entry.number).ok()?;
                lane.waiting.get_mut(at)
            });
            entry.map(|entry| entry.stored = true).is_none()
        });
        left
    }

    /// The next mail that may go now: the letters that it holds, all to one recipient. The lane
    /// is busy until [`Queue::done`] or [`Queue::failed`].
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<Arc<Letter>>> {
        for lane in &mut self.lanes {
            while lane.sent.front().is_some_and(|sent| now.duration_since(*sent) >= WINDOW) {
                lane.sent.pop_front();
            }
        }
        self.lanes.retain(|lane| !lane.waiting.is_empty() || !lane.sent.is_empty());
        let lane = self
            .lanes
            .iter_mut()
            .filter(|lane| lane.ready_at().is_some_and(|ready| ready.is_none_or(|at| at <= now)))
            .min_by_key(|lane| lane.waiting.front().map(|entry| entry.number))?;
        if lane.mail == 0 {
            lane.mail = if lane.sent.len() + 1 < MAILS { 1 } else { lane.waiting.len() };
        }
        lane.on_the_wire = true;
        Some(lane.waiting.iter().take(lane.mail).map(|entry| Arc::clone(&entry.letter)).collect())
    }

    /// When the next mail may go; `None` inside: at once. `None`: nothing waits.
    pub(super) fn next_at(&self) -> Option<Option<Instant>> {
        self.lanes.iter().filter_map(Lane::ready_at).min()
    }

    /// The mail on the wire is delivered, or refused for good: its letters leave.
    pub(super) fn done(&mut self, to: &str, now: Instant) -> Vec<Gone> {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.to == to) else {
            return Vec::new();
        };
        lane.sent.push_back(now);
        lane.failures = 0;
        lane.not_before = None;
        lane.on_the_wire = false;
        let count = std::mem::take(&mut lane.mail).min(lane.waiting.len());
        lane.waiting.drain(..count).map(|entry| entry.gone()).collect()
    }

    /// The mail on the wire could not be delivered now. `chance` is evenly spread over 0..1.
    /// Tells how long the lane waits.
    pub(super) fn failed(&mut self, to: &str, now: Instant, chance: f64) -> Duration {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.to == to) else {
            return Duration::ZERO;
        };
        let wait = backoff(lane.failures, chance);
        lane.failures = lane.failures.saturating_add(1);
        lane.not_before = Some(now + wait);
        lane.on_the_wire = false;
        wait
    }

    /// Failures in a row to this recipient, and how many letters wait for it.
    pub(super) fn lane(&self, to: &str) -> (u32, usize) {
        let lane = self.lanes.iter().find(|lane| lane.to == to);
        lane.map_or((0, 0), |lane| (lane.failures, lane.waiting.len()))
    }

    /// Lets every lane try again at once: the servers are new.
    pub(super) fn retry_now(&mut self) {
        for lane in &mut self.lanes {
            lane.not_before = None;
        }
    }
}

impl Lane {
    fn new(to: String) -> Self {
        Self {
            to,
            waiting: VecDeque::new(),
            mail: 0,
            on_the_wire: false,
            failures: 0,
            not_before: None,
            sent: VecDeque::new(),
        }
    }

    /// Outer `None`: nothing to send. Inner `None`: at once.
    fn ready_at(&self) -> Option<Option<Instant>> {
        if self.waiting.is_empty() || self.on_the_wire {
            return None;
        }
        let full = self.sent.len() >= MAILS;
        let room = if full { self.sent.front().map(|sent| *sent + WINDOW) } else { None };
        Some(self.not_before.max(room))
    }

    /// The first letter that is not on the wire.
    fn first_free(&self) -> usize {
        if self.on_the_wire { self.mail } else { 0 }
    }

    fn oldest_to_drop(&self) -> Option<u64> {
        self.waiting.get(self.first_free()).map(|entry| entry.number)
    }
}

impl Entry {
    fn gone(&self) -> Gone {
        Gone { number: self.number, stored: self.stored }
    }
}

/// 1 s, 2 s, 4 s … 5 min, each up to a fifth shorter or longer, so that many hosts that lost one
/// mail server do not come back to it at the same moment.
fn backoff(failures: u32, chance: f64) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(1 << failures.min(16)).min(LONGEST_WAIT);
    wait.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests;
