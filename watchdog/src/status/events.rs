//! The last thousand events, numbered, for `events` and those who follow it.
//!
//! Filled by the engine's thread, read by the socket's tasks. Not here: the log file.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock;
use crate::message::LogLine;
use crate::service::EventWord;

/// How many events are kept.
pub const KEPT: usize = 1000;

/// A longer text is cut here (bytes), so that the list's memory has a bound.
const LONGEST_TEXT: usize = 1024;

/// One event as the API gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDocument {
    /// Number of the event in this run of the daemon, from 1.
    pub seq: u64,
    /// When it happened: RFC 3339, UTC, in milliseconds.
    pub time: String,
    /// `debug`, `info`, `warning`, `error`, `critical`.
    pub level: String,
    /// The service's name; `null`: the daemon itself.
    pub service: Option<String>,
    /// Monit's event word, where it is an event.
    pub event: Option<String>,
    /// What happened; not escaped.
    pub text: String,
}

/// The list. Shared by an [`std::sync::Arc`].
#[derive(Debug)]
pub struct EventList {
    // A std mutex: the engine's thread has no runtime, and it is held for a push or a copy only.
    kept: Mutex<VecDeque<EventDocument>>,
    newest: watch::Sender<u64>,
}

impl Default for EventList {
    fn default() -> Self {
        Self::new()
    }
}

impl EventList {
    /// An empty list.
    pub fn new() -> Self {
        Self { kept: Mutex::new(VecDeque::new()), newest: watch::Sender::new(0) }
    }

    /// Adds an event; the oldest is dropped where there are too many.
    pub fn push(&self, line: &LogLine) {
        let mut entry = EventDocument {
            seq: 0,
            time: format!("{:.3}", clock::wall_of(line.at)),
            level: line.level.word().to_owned(),
            service: line.service.clone(),
            event: line.event.map(|word| event_word(word).to_owned()),
            text: cut(&line.text).to_owned(),
        };
        let mut kept = self.lock();
        entry.seq = kept.back().map_or(1, |last| last.seq + 1);
        let seq = entry.seq;
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(entry);
        drop(kept);
        self.newest.send_replace(seq);
    }

    /// All kept events with a number above `seq`, oldest first. A number that was never given out
    /// comes from a former run of the daemon: then everything is new.
    pub fn after(&self, seq: u64) -> Vec<EventDocument> {
        let kept = self.lock();
        let last = kept.back().map_or(0, |entry| entry.seq);
        let seq = if seq > last { 0 } else { seq };
        kept.iter().filter(|entry| entry.seq > seq).cloned().collect()
    }

    /// The newest number, for waiting on the next one.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<EventDocument>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Monit's filter word of an event.
fn event_word(word: EventWord) -> &'static str {
    EventWord::NAMES.iter().find(|(_, known)| *known == word).map_or("exist", |(name, _)| name)
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::BootTime;
    use crate::message::Level;

    fn line(text: &str) -> LogLine {
        LogLine {
            at: BootTime::from_secs(1),
            level: Level::Error,
            service: Some("a".into()),
            event: Some(EventWord::Resource),
            text: text.into(),
        }
    }

    #[test]
    fn keeps_the_newest_thousand_and_their_numbers() {
        let list = EventList::new();
        for n in 0..KEPT + 10 {
            list.push(&line(&n.to_string()));
        }
        let all = list.after(0);
        assert_eq!(all.len(), KEPT);
        assert_eq!((all[0].seq, all[0].text.as_str()), (11, "10"));
        assert_eq!(all[0].event.as_deref(), Some("resource"));
        assert_eq!(list.after(KEPT as u64 + 9).len(), 1);
        assert!(list.after(KEPT as u64 + 10).is_empty());
    }

    #[test]
    fn a_number_of_a_former_run_gives_everything() {
        let list = EventList::new();
        list.push(&line("first"));
        assert_eq!(list.after(500).len(), 1);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let list = EventList::new();
        list.push(&line(&"ä".repeat(2000)));
        list.push(&line(&format!("x{}", "ä".repeat(2000))));
        let all = list.after(0);
        assert_eq!(all[0].text.len(), 1024);
        assert_eq!(all[1].text.len(), 1023);
    }

    #[test]
    fn followers_see_the_newest_number() {
        let list = EventList::new();
        let follower = list.follow();
        list.push(&line("x"));
        assert_eq!(*follower.borrow(), 1);
    }
}
