//! The loop of the sensor-and-engine thread.
//!
//! It waits for the sensor, the inbox or the next moment, hands the engine one stamped input after
//! the other, and carries each decision to the part that does it. It never waits for a deed.

use std::collections::{BTreeMap, VecDeque};
use std::io;
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
use crate::identity::{ProcessKey, ServiceId};
use crate::inbox::{Inbox, Message};
use crate::logfile::Log;
use crate::message::{
    Act, BrakeOrder, Command, Decision, Found, Input, Level, LogLine, Presence, ReleaseOrder,
    RequestId, StallLimit, Stamped,
};
use crate::pressure::Triggers;
use crate::service::Config;
use crate::source::{Limits, Missing, Source};
use crate::state::{Durability, Store};
use crate::status::events::EventList;
use crate::sys::scheduling::LONGEST;

/// How long letting go of what is braked may take at the end.
const FAREWELL: Duration = Duration::from_secs(5);

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

/// What waits for the note of it.
enum Deed {
    Act(Act),
    Brake(BrakeOrder),
    /// With those that may have been stopped besides, as of the decision.
    Release(ReleaseOrder, Vec<ProcessKey>),
}

/// Whoever wants to see the processes gets a pass of their own where the last is older: many readers cost
/// no more than one.
const FRESH: Duration = Duration::from_millis(900);

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

    /// Takes what the sensor has.
    fn drain(&mut self) {
        let mut seen = std::mem::take(&mut self.seen);
        self.parts.source.drain(&mut seen);
        let lost = seen.iter().any(|event| matches!(event, Event::Lost { .. }));
        self.take(&mut seen);
        self.seen = seen;
        if lost {
            // The pass is the repair: it shows who is really there.
            self.pass();
        }
    }

    /// Hands events on. Limits that were crossed come last: the rest may be half a pass, and a look
    /// at the service shows what is true now.
    fn take(&mut self, seen: &mut Vec<Event>) {
        let mut crossings = Vec::new();
        for event in seen.drain(..) {
            match event {
                Event::Crossed(crossed) => crossings.push(crossed),
                event => self.step(Input::Event(event)),
            }
        }
        for (nth, crossed) in crossings.iter().enumerate() {
            if crossings[..nth].iter().all(|former| former.service != crossed.service) {
                let mut looked = Vec::new();
                self.parts.source.look(crossed.service, &mut looked);
                for event in looked {
                    // A crossing that the look itself saw: it was looked at.
                    self.step(match event {
                        Event::Crossed(crossed) => Input::Crossed(crossed),
                        event => Input::Event(event),
                    });
                }
            }
            self.step(Input::Crossed(*crossed));
        }
    }

    /// The sensor's upkeep. What was just read may have made some due: the sensor knows.
    fn tend(&mut self) {
        let mut seen = std::mem::take(&mut self.seen);
        self.next_tend = self.parts.source.tend(clock::boot_now(), &mut seen);
        self.take(&mut seen);
        self.seen = seen;
    }

    /// Looks at every watched process once, and at the host.
    fn pass(&mut self) {
        self.passed = clock::boot_now();
        let mut seen = std::mem::take(&mut self.seen);
        self.parts.source.pass(&mut seen);
        self.descriptors.fill(&mut seen);
        self.take(&mut seen);
        self.seen = seen;
        if let Ok(sample) = self.parts.host.sample() {
            self.step(Input::Host(Box::new(sample)));
        }
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
        let decisions = self.parts.engine.step(Stamped { at: clock::boot_now(), input });
        self.carry(decisions);
    }

    /// Carries decisions out, in their order.
    fn carry(&mut self, decisions: Vec<Decision>) {
        let mut queue = VecDeque::from(decisions);
        while let Some(decision) = queue.pop_front() {
            match decision {
                Decision::Find { service, known, begun } => {
                    self.parts.io.runner.find(service, known, begun);
                }
                Decision::Watch { service, main } => {
                    if let Err(error) = self.parts.source.watch(service, main) {
                        let found = Self::not_watched(service, main, &error);
                        let at = clock::boot_now();
                        queue.extend(self.parts.engine.step(Stamped { at, input: found }));
                    }
                }
                Decision::Enlist { service, others } => {
                    if let Err(error) = self.parts.source.enlist(service, &others) {
                        let text = format!("processes of a cgroup cannot be followed: {error}");
                        self.note(Level::Error, text);
                    }
                }
                Decision::Unwatch(service) => self.parts.source.unwatch(service),
                Decision::Arm { service, limits } => self.arm(service, &limits),
                Decision::Want { service, by } => self.parts.source.want(service, &by),
                Decision::Measure { service, members } => {
                    self.parts.io.runner.measure(service, members);
                }
                Decision::Observe(order) => self.parts.io.runner.observe(order),
                Decision::Act(act) => self.deeds.push(Deed::Act(act)),
                Decision::Brake(order) => self.deeds.push(Deed::Brake(order)),
                // Before a following `Unwatch`: who was stopped is asked now.
                Decision::Release(order) => {
                    let others = self.parts.io.runner.stopped(&order);
                    self.deeds.push(Deed::Release(order, others));
                }
                Decision::Exec(order) => self.parts.io.runner.exec(order),
                Decision::Log(line) => self.log(&line),
                Decision::Alert(alert) => self.parts.io.tell(alert, &self.parts.engine.config()),
                Decision::Reply { id, result } => {
                    if let Some(reply) = self.waiting.remove(&id) {
                        // The operator may have gone away meanwhile.
                        let _ = reply.send(result);
                    }
                }
                Decision::Save => self.unsaved = true,
            }
        }
    }

    /// Tells the sensor which programs are never braked.
    fn spare(&mut self, config: &Config) {
        if let Err(error) = self.parts.source.spare(&config.protect) {
            self.note(Level::Error, format!("`protect` cannot be told to the kernel: {error}"));
        }
    }

    fn arm(&mut self, service: ServiceId, limits: &Limits) {
        if let Err(error) = self.parts.source.limits(service, limits) {
            let text = format!("limits between cycles cannot be set: {error}");
            self.note(Level::Error, text);
        }
        // What is near a limit wants a closer look.
        self.next_tend = Some(BootTime::default());
    }

    /// What rules about pressure lack here, if there are any.
    fn pressure_missing(&self) -> Option<Missing> {
        let asked = self.parts.engine.needs_pressure();
        if self.parts.host.has_pressure() {
            return self.triggers.missing().filter(|_| asked).cloned();
        }
        asked.then(|| Missing {
            what: "/proc/pressure".into(),
            why: "the kernel does not tell how long work stands still: rules about pressure are unknown"
                .into(),
            cure: "boot with psi=1 (CONFIG_PSI=y)".into(),
        })
    }

    /// Has the kernel tell stalls from now on, and says what is missing.
    fn follow_pressure(&mut self) {
        self.triggers.set(&self.parts.engine.stalls());
        if let Some(missing) = self.pressure_missing() {
            let text = format!("{}: {}; {}", missing.what, missing.why, missing.cure);
            self.note(Level::Warning, text);
        }
    }

    fn not_watched(service: ServiceId, main: ProcessKey, error: &io::Error) -> Input {
        let presence = if error.kind() == io::ErrorKind::NotFound {
            Presence::Absent { why: format!("process {} is gone", main.pid) }
        } else {
            // It is there. To call it absent would start another copy at each attempt.
            let why = format!("process {} cannot be followed: {error}", main.pid);
            Presence::Untrusted { why }
        };
        let looked = clock::boot_now();
        Input::Found(Found { looked, service, presence, others: Vec::new(), by: Vec::new() })
    }

    /// Notes what must survive, then lets the deeds of this turn out. A note without a deed behind
    /// it may wait, so that ten thousand services do not write ten thousand notes a second: writing
    /// takes a tenth of the time at most.
    fn settle(&mut self) {
        if self.unsaved && (!self.deeds.is_empty() || clock::boot_now() >= self.note_due()) {
            self.save();
        }
        for deed in self.deeds.drain(..) {
            match deed {
                Deed::Act(act) => self.parts.io.runner.act(act),
                Deed::Brake(order) => self.parts.io.runner.brake(order),
                Deed::Release(order, others) => self.parts.io.runner.release(order, others),
            }
        }
    }

    fn note_due(&self) -> BootTime {
        let (at, took) = self.saved;
        at + took * 9
    }

    fn save(&mut self) {
        self.unsaved = false;
        let begun = clock::boot_now();
        match self.parts.store.save(&self.parts.engine.saved()) {
            Some(Durability::NotDurable(why)) => {
                self.note(Level::Error, format!("state: not durable: {why}"));
            }
            Some(Durability::Durable) => self.note(Level::Info, "state: durable again".into()),
            None => {}
        }
        let now = clock::boot_now();
        self.saved = (now, now.since(begun));
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.step(input),
            Message::Spawning { progress, noted } => {
                self.step(Input::Progress(progress));
                if self.unsaved {
                    // The program waits for this: after a crash of ours it is known what ran.
                    self.save();
                }
                // Nobody waits any longer where the deed's time was up.
                let _ = noted.send(());
            }
            Message::Command { verb, service, reply } => {
                self.requests += 1;
                let id = RequestId(self.requests);
                self.waiting.insert(id, reply);
                self.step(Input::Command(Command { id, verb, service }));
            }
            Message::Snapshot(reply) => {
                let mut snapshot = self.parts.engine.snapshot(clock::boot_now());
                snapshot.sensor = self.parts.source.health();
                snapshot.sensor.missing.extend_from_slice(&self.parts.refused);
                snapshot.sensor.missing.extend(self.pressure_missing());
                let _ = reply.send(Arc::new(snapshot));
            }
            Message::Top(reply) => {
                let now = clock::boot_now();
                if now.since(self.passed) >= FRESH {
                    self.pass();
                }
                let _ = reply.send(self.parts.engine.top(self.passed));
            }
            Message::Reload(reply) => {
                if let Err(error) = self.parts.log.reopen() {
                    self.note(Level::Error, format!("cannot reopen the log file: {error}"));
                }
                self.parts.io.read_config(&self.parts.place, &self.parts.inbox, reply);
            }
            Message::Loaded { result, reply } => {
                let result = result.and_then(|config| self.reload(config));
                let _ = reply.send(result);
            }
            Message::Validate(reply) => {
                let now = clock::boot_now();
                self.note(Level::Info, "judging now on user request".into());
                self.cycle(now);
                self.next_cycle = now + self.parts.config.cycle;
                let _ = reply.send(Ok("judged".into()));
            }
            Message::Quit(reply) => self.quit = Some(reply),
        }
    }

    /// The new configuration takes over, or the old one stays in force.
    fn reload(&mut self, config: Config) -> Result<String, String> {
        let old = &self.parts.config;
        for (what, same) in [
            ("state_dir", old.state_dir == config.state_dir),
            ("control: { socket }", old.socket == config.socket),
            ("log: { file }", old.log_file == config.log_file),
        ] {
            if !same {
                return Err(format!("{what} cannot change by a reload: restart the daemon"));
            }
        }
        let services = config.services.len();
        self.parts.io.reconfigure(&config);
        self.spare(&config);
        self.step(Input::Users(users::names()));
        let decisions = self.parts.engine.reload(config);
        self.parts.config = self.parts.engine.config();
        self.samples = self.parts.engine.needs_samples();
        self.descriptors = Descriptors::of(&self.parts.config);
        self.carry(decisions);
        self.follow_pressure();
        self.follow_minutes();
        let text = format!("configuration reloaded: {services} services");
        let decisions = self.parts.engine.alert_instance(&text, clock::boot_now());
        self.carry(decisions);
        self.next_cycle = self.next_cycle.min(clock::boot_now() + self.parts.config.cycle);
        Ok(text)
    }

    fn log(&self, line: &LogLine) {
        self.parts.log.write(line);
        self.parts.events.push(line);
    }

    fn note(&self, level: Level, text: String) {
        self.log(&LogLine { at: clock::boot_now(), level, service: None, event: None, text });
    }

    /// Nobody stays held behind us. The kernel stops nobody from here on.
    fn let_go(&mut self) {
        let decisions = self.parts.engine.farewell();
        self.carry(decisions);
        self.settle();
        let until = clock::boot_now() + FAREWELL;
        while self.parts.engine.holds() && clock::boot_now() < until {
            let inbox = self.parts.inbox.fd();
            let mut fds = [PollFd::new(&inbox, PollFlags::IN)];
            let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 100_000_000 }));
            for message in self.parts.inbox.take() {
                // Nothing else is begun now.
                if let Message::Input(input @ (Input::Released(_) | Input::Braked(_))) = message {
                    self.step(input);
                }
            }
        }
    }

    /// Stops in order; services keep running.
    fn finish(&mut self) {
        self.let_go();
        let decisions =
            self.parts.engine.alert_instance("ebpf-watchdog stopped", clock::boot_now());
        self.carry(decisions);
        self.save();
        self.parts.store.sync();
        if let Some(reply) = self.quit.take() {
            let _ = reply.send(Ok("stopped; services keep running".into()));
        }
        self.parts.io.finish();
        self.parts.log.finish();
    }
}
