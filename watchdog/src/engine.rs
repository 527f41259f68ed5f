//! The one place that decides: stamped inputs in, decisions out.
//!
//! Pure: no clock, no files, no tasks, no log. It cannot fail; what is not known is a value. The
//! order of the decisions is the order to carry them out in.

mod acting;
mod attempt;
mod brake;
mod crossing;
mod deaths;
mod host;
mod judge;
mod judging;
mod keep;
mod leaving;
mod levels;
mod measure;
mod observed;
mod operator;
mod order;
mod presence;
mod retry;
mod rule;
mod schedule;
mod service;
mod stalls;
mod stirring;
mod survey;
mod top;
pub mod trail;
mod trails;
pub mod trend;
mod view;
mod window;
mod wording;

pub(crate) use wording::bytes as size;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::BootTime;
use crate::engine::crossing::Scope;
use crate::engine::host::HostLevels;
use crate::engine::judging::Moment;
use crate::engine::leaving::Leaving;
use crate::engine::observed::Why;
use crate::engine::order::Graph;
use crate::engine::service::ServiceState;
use crate::event::Event;
use crate::identity::ServiceId;
use crate::message::{
    ActionId, Alert, Context, Decision, Input, Level, LogLine, SavedState, StallLimit, Stamped,
    SurveyBy,
};
use crate::service::every::Minute;
use crate::service::{Config, Control, EventWord, Recipient, Rule, Severity};

/// A busy host may delay samples by so much without losing the thread.
const GAP: std::time::Duration = std::time::Duration::from_secs(10);

/// The engine: every service's state, and the rules that change it.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    host_name: String,
    started: BootTime,
    generation: u64,
    services: Vec<ServiceState>,
    graph: Graph,
    host: HostLevels,
    /// Numbers of services that a reload took away while something was done to them: their groups
    /// may still get members, so nobody else gets the number before the answer.
    retired: BTreeMap<ServiceId, ActionId>,
    /// Those that a reload took away while they were observed: nobody else is to get the answer.
    unanswered: BTreeSet<ServiceId>,
    /// Those that a reload took away while somebody may be held.
    leaving: Vec<Leaving>,
    cycle: u64,
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
            graph: Graph::default(),
            host: HostLevels::default(),
            retired: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            leaving: Vec::new(),
            cycle: 0,
            minute: None,
            judged: now,
            actions: 0,
            alerts: 0,
            users: Arc::default(),
            stalled: None,
            refusal_told: false,
            out: Vec::new(),
        };
        engine.follow_host();
        engine.restore(saved, now);
        engine.follow_dependencies();
        engine
    }

    /// The past of the host's numbers that any rule looks back on.
    fn follow_host(&mut self) {
        let rules: Vec<Rule> =
            self.services.iter().flat_map(|state| state.service.rules.iter().cloned()).collect();
        self.host.follow(&rules);
    }

    /// Looks for every service's process; asked once the sensor and the runner are there.
    pub fn start(&mut self) -> Vec<Decision> {
        self.release_former();
        for i in 0..self.services.len() {
            self.look(i);
            self.observe(i, Why::Cycle);
        }
        self.take_turns(self.started);
        self.arm(Scope::All, self.started);
        std::mem::take(&mut self.out)
    }

    /// Takes one input and decides.
    pub fn step(&mut self, stamped: Stamped) -> Vec<Decision> {
        let at = stamped.at;
        let scope = Scope::of(&stamped.input);
        match stamped.input {
            Input::Event(event) => self.event(event, at),
            Input::Crossed(crossed) => self.crossed(crossed, at),
            Input::Stalled(limit) => self.stalled(limit, at),
            Input::Observed(observed) => self.observed(observed, at),
            Input::Measured(measured) => self.measured(&measured, at),
            Input::Stirred(name) => self.stirred_by_name(&name, at),
            Input::Users(users) => self.users = users,
            Input::Host(sample) => self.host.sample(*sample, at),
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
                self.wake(at);
                self.give_up_waiting(at);
            }
        }
        self.take_turns(at);
        self.arm(scope, at);
        std::mem::take(&mut self.out)
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

    fn event(&mut self, event: Event, at: BootTime) {
        match event {
            Event::Sample(sample) => {
                if let Some(i) = self.index(sample.service) {
                    self.services[i].levels.sample(sample);
                }
            }
            Event::Group(group) => {
                if let Some(i) = self.index(group.service) {
                    self.services[i].levels.group(&group);
                }
            }
            Event::PassEnd { at: began, complete } => self.pass_end(began, complete, at),
            Event::Exited(exited) => self.exited(&exited),
            Event::Signalled(signal) => self.signalled(signal),
            Event::OomVictim { service, process, at } => self.oom(service, process, at),
            Event::Looked { service, at: began, complete } => {
                self.looked(service, began, complete);
            }
            // The daemon looks first, and then tells it as an input of its own.
            Event::Crossed(_) => {}
            Event::Wanted { service, process, at } => self.begun(service, process, at),
            Event::Blind { hook, why } => {
                let text = format!("sensor: {hook} is blind: {why}");
                self.alert_daemon("Sensor blind", &text, Severity::Critical, at);
                self.log_daemon(Level::Error, None, text, at);
            }
            Event::Sighted { hook } => {
                let text = format!("sensor: {hook} sees again");
                self.alert_daemon("Sensor sees again", &text, Severity::Info, at);
                self.log_daemon(Level::Info, None, text, at);
            }
            // The same process under another program: nothing about it changes for the rules.
            Event::Executed { .. } => {}
            Event::Lost { records } => {
                let text =
                    format!("{records} kernel records were lost; the table is being repaired");
                self.log_daemon(Level::Warning, None, text, at);
            }
        }
    }

    fn pass_end(&mut self, began: BootTime, complete: bool, at: BootTime) {
        for i in 0..self.services.len() {
            let seen = self.services[i].levels.pass_end(began, complete);
            if !seen
                && complete
                && self.services[i].acting.is_none()
                && self.services[i].monitored
                && let Some(main) = self.services[i].main()
            {
                // The record of its death was lost; the pass is the repair.
                let text =
                    format!("process with pid {} is gone; how it ended was not seen", main.pid);
                let state = &mut self.services[i];
                state.last_death = Some(text.clone());
                state.deaths.last = None;
                self.log(i, Level::Info, Some(EventWord::Exit), text, at);
                self.gone(i, main, at, None);
            }
        }
    }

    /// After a suspend, or a long time without samples, nobody knows what was true in between:
    /// stretches of time start afresh.
    fn bridge_gap(&mut self, at: BootTime) {
        let gap = at.since(self.judged);
        self.judged = at;
        if gap <= self.config.sample * 5 + GAP {
            return;
        }
        // Without samples, cycles are all there is.
        let late = self.needs_samples() || gap > self.config.cycle * 5 + GAP;
        if late {
            for state in &mut self.services {
                state.rules.iter_mut().for_each(rule::RuleState::interrupt);
                state.levels.forget_past();
            }
            self.host.forget_past();
        }
    }

    fn judge_cycle(&mut self, at: BootTime) {
        self.cycle += 1;
        for i in 0..self.services.len() {
            if self.is_its_cycle(i) {
                self.cycle_of(i, at);
            } else {
                self.look_while_down(i);
            }
        }
        self.host.cycle_end();
    }

    /// One cycle of one service.
    fn cycle_of(&mut self, i: usize, at: BootTime) {
        // Before the rules: a restart that they ask for follows the life led until now.
        self.credit_life(i, at);
        let judged = self.services[i].acting.is_none();
        if self.graph.holds(i) && self.holder(i).is_some() {
            // What is true meanwhile is not known.
            self.services[i].rules.iter_mut().for_each(rule::RuleState::interrupt);
        }
        self.judge_service(i, Moment::Cycle, at);
        self.observe(i, Why::Cycle);
        self.services[i].levels.cycle_end();
        if judged {
            // Where an action was under way they are for the next cycle.
            self.deaths_judged(i, at);
        }
        self.look_while_down(i);
    }

    /// A look per cycle while it is down: somebody else may have started it.
    fn look_while_down(&mut self, i: usize) {
        let state = &mut self.services[i];
        if state.present() == Some(true) {
            state.untrusted_told = None;
        }
        if state.acting.is_none() && state.present() != Some(true) {
            self.look(i);
        }
    }

    fn judge_sample(&mut self, at: BootTime) {
        for i in 0..self.services.len() {
            self.judge_service(i, Moment::Sample, at);
        }
    }

    fn index(&self, id: ServiceId) -> Option<usize> {
        // Ids are places until a reload moves services about.
        match self.services.get(id.index()) {
            Some(state) if state.service.id == id => Some(id.index()),
            _ => self.services.iter().position(|state| state.service.id == id),
        }
    }

    fn next_action(&mut self) -> ActionId {
        self.actions += 1;
        ActionId(self.actions)
    }

    fn log(
        &mut self,
        i: usize,
        level: Level,
        event: Option<EventWord>,
        text: String,
        at: BootTime,
    ) {
        let service = Some(self.services[i].service.name.clone());
        self.out.push(Decision::Log(LogLine { at, level, service, event, text }));
    }

    fn log_daemon(&mut self, level: Level, event: Option<EventWord>, text: String, at: BootTime) {
        self.out.push(Decision::Log(LogLine { at, level, service: None, event, text }));
    }

    /// An alert that no rule stands behind.
    fn alert_service(
        &mut self,
        i: usize,
        event: EventWord,
        context: &Context,
        detail: &[String],
        severity: Severity,
    ) {
        let detail = Detail { lines: detail.to_vec(), survey: None };
        let config = self.config.clone();
        let told = told_of(&config.alerts, &self.services[i].service.control);
        let to = receivers(told, event, None);
        let service = self.services[i].service.name.clone();
        self.push_alert(service, event, context, &detail, severity, to);
    }

    #[expect(clippy::too_many_arguments, reason = "one call carries one alert's whole reason")]
    fn alert_rule(
        &mut self,
        i: usize,
        rule: &Rule,
        event: EventWord,
        context: &Context,
        detail: &Detail,
        severity: Severity,
        reminder: Option<u32>,
        at: BootTime,
    ) {
        let config = self.config.clone();
        let state = self.services[i].service.clone();
        let told = told_of(&config.alerts, &state.control);
        let to = receivers(told.chain(&rule.alert), event, reminder);
        if reminder.is_some() && to.is_empty() {
            return;
        }
        let context = Context { at, ..context.clone() };
        let service = self.services[i].service.name.clone();
        self.push_alert(service, event, &context, detail, severity, to);
    }

    /// An alert of the daemon's own: it has started, stopped or reloaded.
    pub fn alert_instance(&mut self, description: &str, at: BootTime) -> Vec<Decision> {
        self.alert_daemon("Instance changed", description, Severity::Info, at);
        let host = self.host_name.clone();
        self.out.push(Decision::Log(LogLine {
            at,
            level: Level::Info,
            service: Some(host),
            event: Some(EventWord::Instance),
            text: description.to_owned(),
        }));
        std::mem::take(&mut self.out)
    }

    /// An alert about the daemon itself: Monit's word for all of these is `instance`.
    fn alert_daemon(&mut self, title: &str, text: &str, severity: Severity, at: BootTime) {
        let context = Context {
            event: title.to_owned(),
            description: text.to_owned(),
            action: "alert".into(),
            at,
            ..Context::default()
        };
        let config = self.config.clone();
        let to = receivers(config.alerts.iter(), EventWord::Instance, None);
        let host = self.host_name.clone();
        self.push_alert(host, EventWord::Instance, &context, &Detail::default(), severity, to);
    }

    fn push_alert(
        &mut self,
        service: String,
        event: EventWord,
        context: &Context,
        detail: &Detail,
        severity: Severity,
        to: Vec<String>,
    ) {
        self.alerts += 1;
        self.out.push(Decision::Alert(Alert {
            number: self.alerts,
            at: context.at,
            service,
            event,
            title: context.event.clone(),
            action: context.action.clone(),
            description: context.description.clone(),
            detail: detail.lines.clone(),
            severity,
            to,
            survey: detail.survey,
        }));
    }
}

/// What an alert says besides what happened.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    /// What did it, as far as the engine knows.
    pub lines: Vec<String>,
    /// What else is to be found out.
    pub survey: Option<SurveyBy>,
}

/// Who is told of a service: its own receivers, and those of all that it does not replace or exclude.
fn told_of<'a>(all: &'a [Recipient], control: &'a Control) -> impl Iterator<Item = &'a Recipient> {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let wanted = move |one: &&Recipient| {
        !control.noalert.iter().any(|not| same(not, &one.mail))
            && !control.alert.iter().any(|own| same(&own.mail, &one.mail))
    };
    all.iter().filter(wanted).chain(&control.alert)
}

/// Who is told: filters applied, each address once. A reminder goes only to those who asked for
/// one at this many cycles.
fn receivers<'a>(
    all: impl Iterator<Item = &'a Recipient>,
    event: EventWord,
    reminder: Option<u32>,
) -> Vec<String> {
    let mut to: Vec<String> = Vec::new();
    for recipient in all {
        let wanted = (recipient.only.is_empty() || recipient.only.contains(&event))
            && !recipient.not.contains(&event);
        let due = match (reminder, recipient.reminder) {
            (None, _) => true,
            (Some(_), None | Some(0)) => false,
            (Some(cycles), Some(every)) => cycles.is_multiple_of(every),
        };
        if wanted && due && !to.contains(&recipient.mail) {
            to.push(recipient.mail.clone());
        }
    }
    to
}
