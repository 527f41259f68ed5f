//! Services that depend on others: who is stopped before whom and started after whom, who waits for
//! whom, and who is not judged meanwhile.
//!
//! An action that cannot begin at once is a turn of its service. A turn begins when its neighbours
//! allow it: a stop when all above it are stopped, a start when all below it are up. So actions that
//! meet become one, whoever asked for them, and what is independent goes side by side. Not here:
//! beginning an action (`attempt`) and its outcome (`acting`).

mod graph;

use std::collections::BTreeMap;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judging::Moment;
use crate::engine::observed::Why;
use crate::engine::service::{Life, ServiceState};
use crate::message::{Context, Decision, Level, RequestId, SavedTurn, Verb};
use crate::service::{EventWord, Service, ServiceKind, Severity};

pub(crate) use graph::Graph;

/// Actions of one cascade under way at the same time.
const SIDE_BY_SIDE: usize = 8;

/// An action, for as long as it waits for others, and what is to be known when it begins.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub verb: Verb,
    pub role: Role,
    pub context: Context,
    pub request: Option<RequestId>,
    /// Which of them belong together.
    pub cascade: u64,
}

/// For whose sake a service is stopped or started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Its own.
    Own,
    /// Its own; that it is tried is in the log already.
    Told,
    /// It stands above another that is restarted: stopped, and started again after that.
    Above,
    /// It may stand above another that is restarted: whether it lives was not known. Stopped; its
    /// rules say what follows.
    Unsure,
}

impl Turn {
    /// An action of its own.
    pub(crate) fn own(verb: Verb, context: Context, request: Option<RequestId>) -> Self {
        Self { verb, role: Role::Own, context, request, cascade: 0 }
    }

    /// What a former run of the daemon left to be done.
    fn restored(saved: &SavedTurn, now: BootTime) -> Option<Self> {
        let verb = [Verb::Start, Verb::Stop, Verb::Restart]
            .into_iter()
            .find(|v| v.word() == saved.verb)?;
        let role = if saved.above { Role::Above } else { Role::Own };
        let text = format!("{} left over from a former run of the daemon", verb.word());
        let context = Context::plain("Action done", text, now);
        Some(Self { verb, role, context, request: None, cascade: u64::MAX })
    }

    /// Nobody watches the service after it.
    pub(crate) fn unmonitors(&self) -> bool {
        self.verb == Verb::Stop && matches!(self.role, Role::Own | Role::Told)
    }
}

impl ServiceState {
    /// What is to be done as soon as others allow it, for the saved state.
    pub(crate) fn saved_turn(&self) -> Option<SavedTurn> {
        let saved = |verb: Verb, role| {
            Some(SavedTurn { verb: verb.word().to_owned(), above: role == Role::Above })
        };
        if let Some(turn) = &self.turn {
            return saved(turn.verb, turn.role);
        }
        match &self.acting {
            Some(acting) if acting.role == Role::Above => saved(Verb::Start, Role::Above),
            Some(_) => None,
            None if self.monitored && self.wanted.is_some() => saved(Verb::Start, Role::Own),
            None => None,
        }
    }

    /// Takes over what a former run left to be done. What it had given up on waits as before.
    pub(crate) fn restore_turn(&mut self, saved: Option<&SavedTurn>, now: BootTime) {
        let turn = saved.and_then(|saved| Turn::restored(saved, now));
        let wanted = |turn: &Turn| {
            turn.verb == Verb::Stop || self.monitored && self.is_startable() && !self.retry.given_up
        };
        self.turn = turn.filter(|turn| self.is_stoppable() && wanted(turn));
    }

    /// It waits to be stopped, or to be restarted.
    pub(crate) fn stops(&self) -> Option<Verb> {
        let turn = self.turn.as_ref()?;
        (turn.verb != Verb::Start).then_some(turn.verb)
    }

    /// It runs, or may run for all that is known.
    fn may_run(&self) -> bool {
        let gone = match self.service.process() {
            Some(_) => matches!(self.life, Life::Absent { .. }),
            None => self.present() == Some(false),
        };
        self.is_stoppable() && !gone
            || self.acting.as_ref().is_some_and(|acting| acting.verb != Verb::Stop)
    }

    /// A stop of it is awaited.
    fn is_stopping(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.verb == Verb::Stop)
            || self.acting.as_ref().is_some_and(|acting| acting.verb != Verb::Start)
    }

    /// Whether others may rely on it: it is watched, there, and nothing is done to it. What is
    /// observed must be good in all its rules.
    fn is_ready(&self) -> bool {
        if !self.monitored || self.acting.is_some() || self.turn.is_some() {
            return false;
        }
        match self.service.kind {
            ServiceKind::System => true,
            ServiceKind::Process(_) => {
                matches!(self.life, Life::Present { .. } | Life::Untrusted { .. })
            }
            ServiceKind::Checked(_) => self.is_good(),
        }
    }

    /// Whether what keeps it from being ready may be over in a moment without anybody's help.
    fn is_settling(&self) -> bool {
        self.acting.is_some()
            || self.turn.is_some()
            || self.wanted.is_some()
            || self.monitored
                && match self.service.kind {
                    ServiceKind::System => false,
                    ServiceKind::Process(_) => self.life == Life::Unknown,
                    ServiceKind::Checked(_) => self.observed.now().is_none(),
                }
    }
}

impl Engine {
    /// Whether a rule of the service is judged now.
    pub(crate) fn is_judged(&self, i: usize) -> bool {
        let state = &self.services[i];
        state.monitored
            && state.acting.is_none()
            && state.turn.is_none()
            && self.holder(i).is_none()
    }

    /// A service that this one depends on and that is not ready: the nearest.
    pub(crate) fn holder(&self, i: usize) -> Option<usize> {
        self.graph.all_below(i).find(|below| !self.services[*below].is_ready())
    }

    /// Why the service is not judged, for people.
    pub(crate) fn held(&self, i: usize) -> Option<String> {
        let below = &self.services[self.holder(i)?];
        let how = if !below.monitored {
            "is not monitored"
        } else if let Some(acting) = &below.acting {
            match acting.verb {
                Verb::Start => "is being started",
                Verb::Stop => "is being stopped",
                Verb::Restart => "is being restarted",
            }
        } else if let Some(turn) = &below.turn {
            match turn.verb {
                Verb::Start => "waits to be started",
                Verb::Stop => "waits to be stopped",
                Verb::Restart => "waits to be restarted",
            }
        } else if below.service.checked().is_some() && below.observed.now().is_some() {
            "is failing"
        } else if below.is_settling() && below.wanted.is_none() {
            "is not known yet"
        } else {
            "is not running"
        };
        Some(format!("'{}', which it depends on, {how}", below.service.name))
    }

    /// Does something to a service as soon as the others allow it; those above it are stopped first.
    pub(crate) fn launch(&mut self, i: usize, turn: Turn, at: BootTime) {
        let word = turn.verb.word();
        if let Some(why) = self.held(i).filter(|_| turn.verb != Verb::Stop) {
            self.log(i, Level::Info, None, format!("{word} waits: {why}"), at);
            self.services[i].wanted = None;
            if self.services[i].life == Life::Unknown {
                self.look(i);
            }
            let cascade = self.graph.next_cascade();
            self.give_turn(i, Turn { cascade, ..turn });
            self.out.push(Decision::Save);
            return;
        }
        let above = self.to_stop(i, turn.verb);
        if above.is_empty() {
            self.begin(i, turn, at);
            return;
        }
        self.log(i, Level::Info, None, format!("trying to {word}"), at);
        let cascade = self.graph.next_cascade();
        let name = self.services[i].service.name.clone();
        for d in above {
            self.stop_above(d, turn.verb, &name, cascade, at);
        }
        self.services[i].wanted = None;
        self.give_turn(i, Turn { role: Role::Told, cascade, ..turn });
        self.out.push(Decision::Save);
    }

    /// Those above a service that are stopped before it is.
    fn to_stop(&self, i: usize, verb: Verb) -> Vec<usize> {
        let wanted = |d: &usize| {
            let state = &self.services[*d];
            state.monitored
                && match verb {
                    Verb::Start => false,
                    // What nobody could start again is not taken down.
                    Verb::Restart => {
                        !state.service.control.passive
                            && state.is_startable()
                            && (state.may_run() || state.turn.is_some())
                    }
                    Verb::Stop => true,
                }
        };
        self.graph.all_above(i).filter(wanted).collect()
    }

    /// One that stands above is to be stopped first.
    fn stop_above(&mut self, d: usize, verb: Verb, below: &str, cascade: u64, at: BootTime) {
        let state = &mut self.services[d];
        let former = state.turn.take();
        state.wanted = None;
        let runs = state.may_run();
        let known = state.last_known().is_some()
            || state.acting.is_some()
            || state.service.process().is_none();
        let text = format!("{} of '{below}', which it depends on", verb.word());
        let context = Context::plain("Action done", text, at);
        let turn = |verb, role, request| Turn { verb, role, context, request, cascade };
        let former_request = former.as_ref().and_then(|turn| turn.request);
        if verb == Verb::Stop {
            if let Some(id) = former_request {
                let result = Err(format!("'{below}', which it depends on, is stopped"));
                self.out.push(Decision::Reply { id, result });
            }
            if runs {
                self.give_turn(d, turn(Verb::Stop, Role::Told, None));
            } else {
                self.graph.turns.remove(&d);
                self.unmonitor_one(d);
            }
            return;
        }
        let again = former.as_ref().is_some_and(|turn| turn.role == Role::Above);
        let role = if known || again { Role::Above } else { Role::Unsure };
        match former {
            // It is to be stopped for good, or waits to be started: that stays.
            Some(former) if former.unmonitors() || former.verb == Verb::Start && !runs => {
                self.give_turn(d, former);
            }
            _ if runs => self.give_turn(d, turn(Verb::Stop, role, former_request)),
            Some(former) => {
                let role = if former.verb == Verb::Stop { Role::Above } else { Role::Own };
                self.give_turn(d, turn(Verb::Start, role, former_request));
            }
            None => {}
        }
    }

    /// What an operator wants up needs what it depends on.
    pub(crate) fn pull_up(&mut self, i: usize, start: bool, at: BootTime) {
        let below: Vec<usize> = self.graph.all_below(i).collect();
        let cascade = self.graph.next_cascade();
        let name = self.services[i].service.name.clone();
        for p in below.into_iter().rev() {
            if !self.services[p].monitored && self.services[p].turn.is_none() {
                let text = format!("monitor for '{name}', which depends on it");
                self.log(p, Level::Info, Some(EventWord::Action), text, at);
                self.monitor_one(p, at);
            }
            let state = &mut self.services[p];
            let idle = state.acting.is_none() && state.turn.is_none();
            let down = match state.service.process() {
                Some(_) => matches!(state.life, Life::Absent { .. } | Life::Unknown),
                None => state.observed.now().is_some() && !state.is_good(),
            };
            if start && idle && down && state.is_startable() {
                state.retry.clear();
                state.wanted = None;
                let text = format!("start for '{name}', which depends on it");
                let context = Context::plain("Action done", text, at);
                let own = Turn::own(Verb::Start, context, None);
                self.give_turn(p, Turn { cascade, ..own });
            }
        }
    }

    pub(crate) fn give_turn(&mut self, i: usize, turn: Turn) {
        self.services[i].turn = Some(turn);
        self.graph.turns.insert(i);
    }

    /// The service has no turn any longer. Whoever waits for it is told why.
    pub(crate) fn drop_turn(&mut self, i: usize, result: Result<String, String>) -> Option<Turn> {
        self.graph.turns.remove(&i);
        let turn = self.services[i].turn.take()?;
        if let Some(id) = turn.request {
            self.out.push(Decision::Reply { id, result });
        }
        Some(turn)
    }

    /// Begins what can begin by now. Comes last in each step.
    pub(crate) fn take_turns(&mut self, at: BootTime) {
        // What begins may give others their turn; each begins once.
        while self.take_some(at) {}
        let waiting: Vec<usize> = self.graph.turns.iter().copied().collect();
        for i in waiting {
            self.answer_if_stuck(i);
        }
    }

    fn take_some(&mut self, at: BootTime) -> bool {
        let waiting: Vec<usize> = self.graph.turns.iter().copied().collect();
        let mut under_way = self.under_way();
        let mut some = false;
        for i in waiting {
            let Some(turn) = &self.services[i].turn else { continue };
            let running = self.services[i].main().filter(|_| turn.verb == Verb::Start);
            let beside = under_way.entry(turn.cascade).or_default();
            if running.is_none() && (*beside >= SIDE_BY_SIDE || !self.may_begin(i)) {
                continue;
            }
            some = true;
            if let Some(main) = running {
                let text = format!("process is running with pid {}", main.pid);
                self.drop_turn(i, Ok(text));
                self.out.push(Decision::Save);
                continue;
            }
            *beside += 1;
            self.graph.turns.remove(&i);
            match self.services[i].turn.take() {
                // It waited for what it depends on: now those above it come first.
                Some(turn) if turn.verb == Verb::Restart && turn.role == Role::Own => {
                    self.launch(i, turn, at);
                }
                Some(turn) => self.begin(i, turn, at),
                None => {}
            }
        }
        some
    }

    fn may_begin(&self, i: usize) -> bool {
        let state = &self.services[i];
        let Some(turn) = &state.turn else { return false };
        if state.acting.is_some() {
            return false;
        }
        let above = || !self.graph.all_above(i).any(|d| self.services[d].is_stopping());
        let known = state.service.process().is_none() || state.life != Life::Unknown;
        let below = || known && self.holder(i).is_none();
        match turn.verb {
            Verb::Stop => above(),
            Verb::Start => below(),
            Verb::Restart => above() && below(),
        }
    }

    /// How many actions of each cascade are under way.
    fn under_way(&self) -> BTreeMap<u64, usize> {
        let mut all = BTreeMap::new();
        for acting in self.services.iter().filter_map(|state| state.acting.as_ref()) {
            *all.entry(acting.cascade).or_default() += 1;
        }
        all
    }

    /// Nobody waits at a terminal for what nobody brings about.
    fn answer_if_stuck(&mut self, i: usize) {
        let Some(turn) = self.services[i].turn.as_ref().filter(|turn| turn.request.is_some())
        else {
            return;
        };
        if turn.verb == Verb::Stop {
            return;
        }
        let stuck = self.graph.all_below(i).any(|below| {
            let state = &self.services[below];
            !state.is_ready() && !state.is_settling()
        });
        if let (true, Some(why)) = (stuck, self.held(i)) {
            self.answer_turn(i, &why);
        }
    }

    fn answer_turn(&mut self, i: usize, why: &str) {
        let request = self.services[i].turn.as_mut().and_then(|turn| turn.request.take());
        if let Some(id) = request {
            let result = Err(format!("it waits: {why}; it is started when it can be"));
            self.out.push(Decision::Reply { id, result });
        }
    }

    /// A service could not be started: whoever waits for one above it is told.
    pub(crate) fn start_failed(&mut self, i: usize) {
        let name = &self.services[i].service.name;
        let why = format!("'{name}', which it depends on, failed to start");
        let above: Vec<usize> = self.graph.all_above(i).collect();
        for d in above {
            self.answer_turn(d, &why);
        }
    }

    /// A service did not stop. What lives and was to be stopped after it is left alone, with all that
    /// was to be stopped for its sake; what is down already is started all the same.
    pub(crate) fn stop_failed(&mut self, i: usize, at: BootTime) {
        let name = self.services[i].service.name.clone();
        let below: Vec<usize> = self.graph.all_below(i).collect();
        let mut cancelled = Vec::new();
        for p in below {
            let state = &self.services[p];
            let lives = state.main().is_some();
            let Some(turn) = state.turn.as_ref().filter(|turn| turn.verb != Verb::Start && lives)
            else {
                continue;
            };
            if matches!(turn.role, Role::Own | Role::Told) {
                cancelled.push((p, turn.cascade));
            }
        }
        for (p, cascade) in cancelled {
            let whole: Vec<usize> = self.graph.turns.iter().copied().collect();
            for d in whole {
                let turn = self.services[d].turn.as_ref();
                if turn.is_some_and(|turn| turn.cascade == cascade && turn.verb == Verb::Stop) {
                    let result = Err(format!("'{name}' did not stop"));
                    self.drop_turn(d, result);
                }
            }
            let why = format!("'{name}', which depends on it, did not stop");
            let verb = self.services[p].turn.as_ref().map(|turn| turn.verb);
            self.drop_turn(p, Err(why.clone()));
            let word = verb.unwrap_or(Verb::Stop).word();
            let text = format!("failed to {word}: {why}");
            self.log(p, Level::Error, Some(EventWord::Exec), text.clone(), at);
            let context = Context::plain("Execution failed", text, at);
            self.alert_service(p, EventWord::Exec, &context, &[], Severity::Critical);
            let state = &mut self.services[p];
            state.rules.iter_mut().for_each(crate::engine::rule::RuleState::start_afresh);
            if verb == Some(Verb::Restart) {
                // An attempt like any other: the next one waits.
                state.retry.begin(at);
                state.retry.failed(at);
            }
            self.out.push(Decision::Save);
        }
    }

    /// A service may be ready now: those above it are judged as to whether they are there.
    pub(crate) fn rouse(&mut self, i: usize, at: BootTime) {
        if !self.graph.has_above(i) || !self.services[i].is_ready() {
            return;
        }
        let above: Vec<usize> = self.graph.all_above(i).collect();
        for d in above {
            if self.services[d].service.process().is_none() {
                self.observe(d, Why::Stirred);
            } else if self.services[d].present() == Some(false) {
                self.judge_service(d, Moment::Presence, at);
            }
        }
    }

    /// Another configuration, or the first.
    pub(crate) fn follow_dependencies(&mut self) {
        let services: Vec<&Service> = self.services.iter().map(|state| &*state.service).collect();
        let turns = self.services.iter().enumerate();
        let turns = turns.filter(|(_, state)| state.turn.is_some()).map(|(i, _)| i).collect();
        let cascades = self.graph.cascades;
        self.graph = Graph::of(&services, turns, cascades);
    }
}
