//! The loop of the sensor-and-engine thread.
//!
//! It waits for the sensor, the inbox or the next moment, hands the engine one stamped input after
//! the other, and carries each decision to the part that does it. It never waits for a deed.

mod answer;
mod carry;
mod deeds;
mod farewell;
mod looks;
mod stalls;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::oneshot;

use super::Place;
use super::io::Io;
use super::standing;
use super::users;
use crate::clock::{self, BootTime};
use crate::descriptors::Descriptors;
use crate::engine::Engine;
use crate::event::Event;
use crate::host::Host;
use crate::inbox::Inbox;
use crate::logfile::Log;
use crate::message::{Input, Level, RequestId, StallLimit, Stamped};
use crate::pressure::Triggers;
use crate::service::Config;
use crate::source::{Missing, Source};
use crate::state::Store;
use crate::status::events::EventList;
use crate::sys::scheduling::LONGEST;
use deeds::Deed;

type Answer = oneshot::Sender<Result<String, String>>;

/// What the loop needs.
pub(super) struct Parts {
    pub engine: Engine,
    pub source: Box<dyn Source>,
    pub host: Host,
    pub inbox: Arc<Inbox>,
    pub io: Io,
    pub log: Arc<Log>,
    pub events: Arc<EventList>,
    pub store: Arc<Store>,
    pub config: Arc<Config>,
    pub place: Place,
    /// What the host refused us for ourselves.
    pub refused: Vec<Missing>,
}

/// The loop.
pub(super) struct Core {
    parts: Parts,
    /// Operators who wait for an outcome.
    waiting: BTreeMap<RequestId, Answer>,
    requests: u64,
    next_cycle: BootTime,
    next_sample: BootTime,
    /// When the last pass began.
    passed: BootTime,
    /// When another minute of local time begins, where anything waits for that.
    next_minute: Option<BootTime>,
    /// When the sensor wants its upkeep.
    next_tend: Option<BootTime>,
    /// Whether any rule needs passes between cycles.
    samples: bool,
    seen: Vec<Event>,
    /// Whose open descriptors are counted at each pass.
    descriptors: Descriptors,
    /// What the kernel tells of work that stands still.
    triggers: Triggers,
    /// Deeds of this turn; they go out together, after one note of all of them.
    deeds: Vec<Deed>,
    /// Something is not noted yet.
    unsaved: bool,
    /// When what people were told last is to be noted: their alerts are on disk by then.
    told_due: Option<BootTime>,
    /// When the last note was written, and how long that took.
    saved: (BootTime, Duration),
    /// Whoever asked for the end.
    quit: Option<Answer>,
}

impl Core {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            samples: parts.engine.needs_samples(),
            descriptors: Descriptors::of(&parts.engine.config()),
            triggers: Triggers::new(Path::new("/proc/pressure")),
            parts,
            waiting: BTreeMap::new(),
            requests: 0,
            next_cycle: BootTime::default(),
            next_sample: BootTime::default(),
            passed: BootTime::default(),
            next_minute: None,
            next_tend: Some(BootTime::default()),
            seen: Vec::new(),
            deeds: Vec::new(),
            unsaved: false,
            told_due: None,
            saved: Default::default(),
            quit: None,
        }
    }

    /// Runs until told to quit.
    pub(super) fn run(&mut self, first_after_boot: bool) {
        self.spare(&Arc::clone(&self.parts.config));
        self.step(Input::Users(users::names()));
        self.follow_minutes();
        let now = clock::boot_now();
        let delay = if first_after_boot { self.parts.config.start_delay } else { Duration::ZERO };
        let version = env!("CARGO_PKG_VERSION");
        let decisions =
            self.parts.engine.alert_instance(&format!("ebpf-watchdog {version} started"), now);
        self.carry(decisions);
        self.follow_pressure();
        self.next_cycle = now + delay;
        self.next_sample = self.next_cycle;
        if delay.is_zero() {
            let decisions = self.parts.engine.start();
            self.carry(decisions);
            // Give the first looks a moment, so that the first cycle has something to judge.
            self.next_cycle = now + Duration::from_millis(20);
        } else {
            let text = format!("first start after a boot: waiting {} s", delay.as_secs());
            self.note(Level::Info, text);
        }
        let mut started = delay.is_zero();
        self.settle();
        while self.quit.is_none() {
            let stalled = self.wait();
            self.drain();
            for message in self.parts.inbox.take() {
                self.message(message);
            }
            for limit in stalled.into_iter().filter(|_| started) {
                self.step(Input::Stalled(limit));
            }
            let now = clock::boot_now();
            if self.parts.engine.next_wake().is_some_and(|due| due <= now) {
                self.step(Input::Wake);
            }
            if started && self.next_minute.is_some_and(|due| due <= now) {
                self.pass();
                self.follow_minutes();
            }
            if now >= self.next_cycle {
                if !std::mem::replace(&mut started, true) {
                    let decisions = self.parts.engine.start();
                    self.carry(decisions);
                }
                self.cycle(now);
            } else if self.samples && now >= self.next_sample {
                self.pass();
                self.step(Input::Sampled);
                self.next_sample = now + self.parts.config.sample;
            }
            self.tend();
            self.settle();
        }
        self.finish();
    }

    /// Waits for the sensor, the inbox, a stall, or the next moment that something is due. Gives the
    /// stalls.
    fn wait(&mut self) -> Vec<StallLimit> {
        let now = clock::boot_now();
        let mut due = self.next_cycle;
        if self.samples {
            due = due.min(self.next_sample);
        }
        if let Some(wake) = self.parts.engine.next_wake() {
            due = due.min(wake);
        }
        if let Some(minute) = self.next_minute {
            due = due.min(minute);
        }
        if let Some(tend) = self.next_tend {
            due = due.min(tend);
        }
        if let Some(told) = self.told_due {
            due = due.min(told);
        }
        if self.unsaved {
            due = due.min(self.note_due());
        }
        let left = due.since(now);
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let source = self.parts.source.fd();
        let inbox = self.parts.inbox.fd();
        let stalls: Vec<_> = self.triggers.fds().collect();
        let mut fds = vec![PollFd::new(&source, PollFlags::IN), PollFd::new(&inbox, PollFlags::IN)];
        fds.extend(stalls.iter().map(|stall| PollFd::new(stall, PollFlags::PRI)));
        // EINTR and a spurious wake-up are the same: the loop looks at everything anyway.
        let _ = poll(&mut fds, Some(&timeout));
        let answers: Vec<_> = fds.iter().skip(2).map(PollFd::revents).collect();
        self.triggers.fired(&answers)
    }

    fn cycle(&mut self, now: BootTime) {
        self.pass();
        self.step(Input::Cycle);
        self.parts.log.flush();
        if standing::renew() {
            let longest = LONGEST.as_millis();
            let text = format!("ran {longest} ms without a pause; was in the normal class since");
            self.note(Level::Warning, text);
        }
        let cycle = self.parts.config.cycle;
        // A late cycle is not made up for: two at once would count as two.
        self.next_cycle = (self.next_cycle + cycle).max(now + cycle / 2);
        self.next_sample = now + self.parts.config.sample;
    }

    /// Tells the engine which minute it is, where anything waits for one.
    fn follow_minutes(&mut self) {
        self.next_minute = None;
        if self.parts.engine.needs_minutes() {
            let (minute, left) = clock::minute_now();
            self.next_minute = Some(clock::boot_now() + left);
            self.step(Input::Minute(minute));
        }
    }

    fn step(&mut self, input: Input) {
        let at = clock::boot_now();
        let decisions = self.parts.engine.step(Stamped { at, input });
        if let Some(wait) = self.parts.engine.take_told() {
            // Those before them may be on disk by now.
            self.unsaved = true;
            self.told_due = Some(at + wait);
        }
        self.carry(decisions);
    }
}
