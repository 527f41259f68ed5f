//! The one place that decides: stamped inputs in, decisions out.
//!
//! Pure: no clock, no files, no tasks, no log. It cannot fail; what is not known is a value. The
//! order of the decisions is the order to carry them out in.

mod acting;
mod advice;
mod alerts;
mod attempt;
mod brake;
mod crossing;
mod cycle;
mod deaths;
mod due;
mod host;
mod judge;
mod judging;
mod keep;
mod leaving;
mod levels;
mod measure;
mod note;
mod observed;
mod operator;
mod order;
mod presence;
mod programs;
mod retry;
mod rule;
mod schedule;
mod seldom;
mod sensed;
mod service;
mod services;
mod stalls;
mod stirring;
mod survey;
mod top;
pub mod trail;
mod trails;
pub mod trend;
mod unwatched;
mod view;
mod window;
mod wording;

pub(crate) use alerts::Detail;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{BootTime, Minute};
use crate::engine::crossing::Scope;
use crate::engine::due::Due;
use crate::engine::host::HostLevels;
use crate::engine::leaving::Leaving;
use crate::engine::note::Note;
use crate::engine::observed::Why;
use crate::engine::order::Graph;
use crate::engine::service::ServiceState;
use crate::engine::services::Services;
use crate::event::Event;
use crate::identity::{ProcessKey, ServiceId};
use crate::message::{ActionId, Decision, Input, SavedState, StallLimit, Stamped};
use crate::service::Config;

/// The engine: every service's state, and the rules that change it.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    host_name: String,
    started: BootTime,
    generation: u64,
    services: Services,
    /// Places in `services`, by name.
    by_name: Vec<usize>,
    graph: Graph,
    /// When something is due without an input.
    due: Due,
    host: HostLevels,
    /// Numbers of services that a reload took away while something was done to them: their groups
    /// may still get members, so nobody else gets the number before the answer.
    retired: BTreeMap<ServiceId, ActionId>,
    /// Those that a reload took away while they were observed: nobody else is to get the answer.
    unanswered: BTreeSet<ServiceId>,
    /// Those that a reload took away while somebody may be held.
    leaving: Vec<Leaving>,
    /// Processes of services that were taken out and that nothing names but our note, by name.
    departed: BTreeMap<String, ProcessKey>,
    cycle: u64,
    /// When the last cycle was judged.
    cycled: BootTime,
    /// The minute of local time, where any service or rule waits for minutes.
    minute: Option<Minute>,
    /// When levels were last judged.
    judged: BootTime,
    actions: u64,
    alerts: u64,
    /// Names of user ids, for texts.
    users: Arc<BTreeMap<u32, String>>,
    /// The stall that rules are being judged by.
    stalled: Option<StallLimit>,
    /// People know that the host tells no PSS.
    refusal_told: bool,
    /// A rule has failed or recovered since it was asked.
    told: bool,
    /// What is to be noted.
    note: Note,
    out: Vec<Decision>,
}

impl Engine {
    /// An engine for a configuration, with what the last run knew.
    pub fn new(config: Arc<Config>, saved: &SavedState, host_name: String, now: BootTime) -> Self {
        let services = config.services.iter().cloned().map(ServiceState::new).collect();
        let mut engine = Self {
            config,
            host_name,
            started: now,
            generation: 1,
            services,
            by_name: Vec::new(),
            graph: Graph::default(),
            due: Due::default(),
            host: HostLevels::default(),
            retired: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            leaving: Vec::new(),
            departed: BTreeMap::new(),
            cycle: 0,
            cycled: now,
            minute: None,
            judged: now,
            actions: 0,
            alerts: 0,
            users: Arc::default(),
            stalled: None,
            refusal_told: false,
            told: false,
            note: Note::default(),
            out: Vec::new(),
        };
        engine.follow_names();
        engine.follow_host();
        engine.restore(saved, now);
        engine.follow_dependencies();
        engine
    }

    /// The past of the host's numbers that any rule looks back on.
    fn follow_host(&mut self) {
        let rules = self.services.iter().flat_map(|state| &state.service.rules);
        self.host.follow(rules);
    }

    /// Looks for every service's process; asked once the sensor and the runner are there.
    pub fn start(&mut self) -> Vec<Decision> {
        self.release_former();
        for i in 0..self.services.len() {
            self.look(i);
            // Which minute it is is not known yet: the first cycle asks for what waits for one.
            if !self.is_asleep(i) {
                self.observe(i, Why::Cycle);
            }
        }
        self.take_turns(self.started);
        self.arm(Scope::All, self.started);
        self.decided()
    }

    /// Takes one input and decides.
    pub fn step(&mut self, stamped: Stamped) -> Vec<Decision> {
        let at = stamped.at;
        if let Input::Event(Event::Sample(sample)) = stamped.input {
            // Nothing is decided by one process of a pass, and there may be thirty thousand.
            self.sample(sample);
            return Vec::new();
        }
        let scope = Scope::of(&stamped.input);
        match stamped.input {
            Input::Event(event) => self.event(event, at),
            Input::Crossed(crossed) => self.crossed(crossed, at),
            Input::Stalled(limit) => self.stalled(limit, at),
            Input::Observed(observed) => self.observed(observed, at),
            Input::Measured(measured) => self.measured(&measured, at),
            Input::Advised { service, text } => self.advised(&service, text, at),
            Input::Stirred(name) => self.stirred_by_name(&name, at),
            Input::Users(users) => self.users = users,
            Input::Host(sample) => {
                if self.host.sample(*sample, at) {
                    self.services.touch_all();
                }
            }
            Input::Found(found) => self.found(found, at),
            Input::Progress(progress) => self.progress(progress, at),
            Input::Acted(acted) => self.acted(acted, at),
            Input::Braked(braked) => self.braked(braked, at),
            Input::Released(released) => self.released(&released, at),
            Input::Command(command) => self.command(&command, at),
            Input::Cycle => {
                self.bridge_gap(at);
                self.judge_cycle(at);
            }
            Input::Sampled => {
                self.bridge_gap(at);
                self.judge_sample(at);
            }
            Input::Minute(minute) => {
                self.bridge_gap(at);
                self.minute(minute, at);
            }
            Input::Wake => {
                let due = self.due_by(at);
                self.release_due(&due, at);
                self.wake(&due, at);
                self.give_up_waiting(&due, at);
            }
        }
        self.take_turns(at);
        self.arm(scope, at);
        self.decided()
    }

    /// What people know of a rule is another: it is to be noted, and no deed waits for that.
    fn people_know(&mut self) {
        (self.told, self.note.told) = (true, true);
    }

    /// Whether people were told of a rule since this was asked last, and how long that is on its way:
    /// then [`Engine::saved`] has changed. No deed waits for the note of it.
    pub fn take_told(&mut self) -> Option<Duration> {
        std::mem::take(&mut self.told).then_some(rule::ON_ITS_WAY)
    }

    /// The configuration in force, with the ids that services really have.
    pub fn config(&self) -> Arc<Config> {
        self.config.clone()
    }

    /// Whether any rule needs passes between cycles.
    pub fn needs_samples(&self) -> bool {
        self.config
            .services
            .iter()
            .flat_map(|service| &service.rules)
            .any(|rule| judging::is_for_samples(rule) || judging::looks_back(rule))
    }

    /// Whether any rule is about stalled time.
    pub fn needs_pressure(&self) -> bool {
        let pressure = |test: &crate::service::Test| match test {
            crate::service::Test::Level(level) => {
                matches!(level.metric, crate::metric::Metric::Pressure { .. })
            }
            _ => false,
        };
        let mut rules = self.config.services.iter().flat_map(|service| &service.rules);
        rules.any(|rule| judging::has(rule, pressure))
    }

    fn index(&self, id: ServiceId) -> Option<usize> {
        // Ids are places until a reload moves services about.
        match self.services.get(id.index()) {
            Some(state) if state.service.id == id => Some(id.index()),
            _ => self.services.iter().position(|state| state.service.id == id),
        }
    }

    /// The step is over.
    fn decided(&mut self) -> Vec<Decision> {
        self.sift();
        self.note.sifted = 0;
        std::mem::take(&mut self.out)
    }

    fn next_action(&mut self) -> ActionId {
        self.actions += 1;
        ActionId(self.actions)
    }
}
