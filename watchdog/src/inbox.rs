//! The one way in to the sensor-and-engine thread: a bounded queue and an eventfd that wakes it.
//!
//! Answers of the runner are always taken (there are never more than orders given out); requests
//! from operators are refused when the queue is full, and counted. Not here: what a message means.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::oneshot;

use crate::message::{CommandVerb, Input, Progress, Snapshot, Top};
use crate::service::Config;

/// How many messages may wait before operators' requests are refused.
pub const CAPACITY: usize = 4096;

/// What other threads tell or ask the engine's thread.
#[derive(Debug)]
pub enum Message {
    /// An answer of the runner.
    Input(Input),
    /// A start program is about to run. It waits until this has been noted and answered.
    Spawning {
        /// As an input of the engine: its step is `Spawned`.
        progress: Progress,
        /// Told when the note stands.
        noted: SyncSender<()>,
    },
    /// An operator's command on one service; the answer comes when it is carried out.
    Command {
        /// What.
        verb: CommandVerb,
        /// The service's name.
        service: String,
        /// The answer.
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// All that status shows.
    Snapshot(oneshot::Sender<Arc<Snapshot>>),
    /// The processes of all services, looked at now.
    Top(oneshot::Sender<Top>),
    /// Read the configuration again; all or nothing. The answer is a summary or the errors.
    Reload(oneshot::Sender<Result<String, String>>),
    /// A configuration asked for by `Reload` has been read.
    Loaded {
        /// The configuration, or what is wrong with it.
        result: Box<Result<Config, Refusal>>,
        /// Who asked.
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// Judge now.
    Validate(oneshot::Sender<Result<String, String>>),
    /// Stop the daemon in order; services keep running.
    Quit(oneshot::Sender<Result<String, String>>),
}

/// Why a configuration is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// As it is shown to whoever asked: lines, with the places drawn.
    pub shown: String,
    /// In one line, for the log.
    pub line: String,
}

impl From<String> for Refusal {
    fn from(line: String) -> Self {
        Self { shown: line.clone(), line }
    }
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The sending and the receiving end; shared by an [`Arc`].
#[derive(Debug)]
pub struct Inbox {
    // A std mutex: held for a push or a swap only, never over an await or a system call.
    queue: Mutex<VecDeque<Message>>,
    wake: OwnedFd,
    refused: AtomicU64,
}

impl Inbox {
    /// An empty inbox.
    pub fn new() -> io::Result<Arc<Self>> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Self { queue: Mutex::new(VecDeque::new()), wake, refused: AtomicU64::new(0) }))
    }

    /// Puts an answer in; never refused.
    pub fn answer(&self, input: Input) {
        self.lock().push_back(Message::Input(input));
        self.ring();
    }

    /// Puts several in, for one wake-up.
    pub fn answer_all(&self, inputs: impl IntoIterator<Item = Input>) {
        self.lock().extend(inputs.into_iter().map(Message::Input));
        self.ring();
    }

    /// Puts in that a start program is about to run; never refused. The answer comes when that has
    /// been noted.
    pub fn spawning(&self, progress: Progress) -> Receiver<()> {
        let (noted, answer) = sync_channel(1);
        self.lock().push_back(Message::Spawning { progress, noted });
        self.ring();
        answer
    }

    /// Puts in the end of a reload that was accepted as a request; never refused.
    pub fn loaded(
        &self,
        result: Result<Config, Refusal>,
        reply: oneshot::Sender<Result<String, String>>,
    ) {
        self.lock().push_back(Message::Loaded { result: Box::new(result), reply });
        self.ring();
    }

    /// Puts a request in.
    pub fn request(&self, message: Message) -> Result<(), Full> {
        {
            let mut queue = self.lock();
            if queue.len() >= CAPACITY {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return Err(Full);
            }
            queue.push_back(message);
        }
        self.ring();
        Ok(())
    }

    /// Takes all that has come and clears the wake-up.
    pub fn take(&self) -> VecDeque<Message> {
        let mut counter = [0; 8];
        // EAGAIN: nothing rang since the last time. The queue is the truth either way.
        let _ = rustix::io::read(&self.wake, &mut counter);
        std::mem::take(&mut *self.lock())
    }

    /// Readable when something is in.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Requests refused because the queue was full.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Message>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        // EAGAIN: the counter is at its limit, so the reader is awake anyway.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}
