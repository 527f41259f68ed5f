//! Services that depend on others: who is stopped before whom and started after whom, who waits for
//! whom, and who is not judged meanwhile.
//!
//! An action that cannot begin at once is a turn of its service. A turn begins when its neighbours
//! allow it: a stop when all above it are stopped, a start when all below it are up. So actions that
//! meet become one, whoever asked for them, and what is independent goes side by side. Not here:
//! beginning an action (`attempt`) and its outcome (`acting`).

mod down;
mod failing;
mod graph;
mod ready;
mod turn;

use std::collections::BTreeMap;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judging::Moment;
use crate::engine::observed::Why;
use crate::engine::service::Life;
use crate::message::{Context, Decision, Level, Verb};
use crate::service::{EventWord, Service};

pub(crate) use graph::Graph;
pub(crate) use turn::{Role, Turn};

/// Actions of one cascade under way at the same time.
const SIDE_BY_SIDE: usize = 8;

impl Engine {
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
        let description = format!("{} of '{below}', which it depends on", verb.word());
        let context = Context::plain("Action done", description.clone(), at);
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
                self.unmonitor_one(d, &description, at);
            }
            return;
        }
        let again = former.as_ref().is_some_and(|turn| turn.role == Role::Above);
        let role = if known || again { Role::Above } else { Role::Unsure };
        match former {
            // It is to be stopped for good, or waits to be started: that stays.
            Some(former) if former.unmonitors() || former.verb == Verb::Start && !runs => {
                self.give_turn(d, *former);
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
            let state = &mut self.services[p];
            let forgotten = !state.monitored && state.turn.is_none();
            let idle = state.acting.is_none() && state.turn.is_none();
            let down = match state.service.process() {
                Some(_) => matches!(state.life, Life::Absent { .. } | Life::Unknown),
                None => state.is_bad(),
            };
            if start && idle && (forgotten || down) && state.is_startable() {
                // Before anything of it is judged: that it is down is what the order mends.
                state.retry.clear();
                state.wanted = None;
                let text = format!("start for '{name}', which depends on it");
                let context = Context::plain("Action done", text, at);
                let own = Turn::own(Verb::Start, context, None);
                self.give_turn(p, Turn { role: Role::Below, cascade, ..own });
            }
            if forgotten {
                let text = format!("monitor for '{name}', which depends on it");
                self.log(p, Level::Info, Some(EventWord::Action), text, at);
                self.monitor_one(p, at);
            }
        }
    }

    pub(crate) fn give_turn(&mut self, i: usize, turn: Turn) {
        self.services[i].turn = Some(Box::new(turn));
        self.graph.turns.insert(i);
    }

    /// The service has no turn any longer. Whoever waits for it is told why.
    pub(crate) fn drop_turn(&mut self, i: usize, result: Result<String, String>) -> Option<Turn> {
        self.graph.turns.remove(&i);
        let turn = self.services[i].turn.take()?;
        if let Some(id) = turn.request {
            self.out.push(Decision::Reply { id, result });
        }
        Some(*turn)
    }

    /// Begins what can begin by now. Comes last in each step.
    pub(crate) fn take_turns(&mut self, at: BootTime) {
        if self.graph.turns.is_empty() {
            return; // nearly always, and it comes with each sample of each process
        }
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
            let state = &self.services[i];
            if turn.role == Role::Below && state.service.checked().is_some() && state.is_good() {
                // It is there: nothing to bring about. Its rules were not judged meanwhile.
                self.drop_turn(i, Ok("it is good already".to_owned()));
                self.out.push(Decision::Save);
                self.observe(i, Why::Cycle);
                continue;
            }
            *beside += 1;
            self.graph.turns.remove(&i);
            match self.services[i].turn.take() {
                // It waited for what it depends on: now those above it come first.
                Some(turn) if turn.verb == Verb::Restart && turn.role == Role::Own => {
                    self.launch(i, *turn, at);
                }
                Some(turn) => self.begin(i, *turn, at),
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
        let known = match state.service.process() {
            Some(_) => state.life != Life::Unknown,
            None => turn.role != Role::Below || state.observed.stands(),
        };
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
