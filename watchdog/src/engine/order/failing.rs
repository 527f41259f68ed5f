//! What becomes of those that wait, where one that they wait for does not start or stop.
//!
//! Not here: what becomes of that one itself (`acting`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::order::Role;
use crate::engine::rule::RuleState;
use crate::message::{Context, Decision, Level, Verb};
use crate::service::{EventWord, Severity};

impl Engine {
    /// Nobody waits at a terminal for what nobody brings about.
    pub(super) fn answer_if_stuck(&mut self, i: usize) {
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
            let result = Err(format!("waits: {why}; it is started when it can be"));
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
            state.rules.iter_mut().for_each(RuleState::start_afresh);
            if verb == Some(Verb::Restart) {
                // An attempt like any other: the next one waits.
                state.retry.begin(at);
                state.retry.failed(at);
            }
            self.out.push(Decision::Save);
        }
    }
}
