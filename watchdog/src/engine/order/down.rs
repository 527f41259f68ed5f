//! A process that is down and not started, because what it depends on is not there: told once, though
//! its rules are not judged meanwhile.
//!
//! Not here: that it waits (`ready`), what becomes of those that somebody asked for (`failing`).

use crate::clock::BootTime;
use crate::engine::service::{Life, ServiceState};
use crate::engine::{Detail, Engine};
use crate::message::{Context, Level};
use crate::service::{Action, Condition, EventWord, Qualifier, Test};

impl Engine {
    /// At the end of a cycle in which it was not judged: its rule about absence says when and to whom
    /// it is told. That rule acts when the service is judged again.
    pub(crate) fn tell_down(&mut self, i: usize, at: BootTime) {
        let service = self.services[i].service.clone();
        let absence = Condition::Test(Test::DoesNotExist);
        let r = service.rules.iter().position(|rule| rule.condition == absence);
        let Some((r, rule)) = r.and_then(|r| Some((r, service.rules.get(r)?))) else { return };
        let below = self.stuck_on(i).filter(|_| self.services[i].is_left_down());
        let (Some(below), Life::Absent { why }) = (below, self.services[i].life.clone()) else {
            self.services[i].rules[r].not_held();
            return;
        };
        let needed = match rule.qualifier {
            Qualifier::Cycles { times, .. } => times,
            _ => 1,
        };
        if rule.then == [Action::Ignore] || !self.services[i].rules[r].told_beforehand(needed, at) {
            return;
        }
        self.people_know();
        let state = &self.services[i];
        let begins = |action: &Action| matches!(action, Action::Restart | Action::Start);
        let starts =
            !service.control.passive && state.is_startable() && rule.then.iter().any(begins);
        let held = self.lacking(below);
        let text = if starts {
            format!("process is not running, and not started: {held}")
        } else {
            format!("process is not running; its rules are not judged: {held}")
        };
        // Where it was stopped for the other's sake its own last end is not the matter.
        let last = state.last_death.clone().filter(|_| state.turn.is_none());
        let detail = Detail { lines: vec![last.unwrap_or(why)], ..Detail::default() };
        self.log(i, Level::Error, Some(EventWord::Nonexist), text.clone(), at);
        let context = Context::plain("Does not exist", text, at);
        let context = Context { rule: rule.text.clone(), ..context };
        let severity = rule.severity;
        self.alert_rule(i, rule, EventWord::Nonexist, &context, &detail, severity, None, at);
    }

    /// The lowest that it depends on and that is not there, where nothing is done about that at this
    /// moment.
    fn stuck_on(&self, i: usize) -> Option<usize> {
        if self.graph.all_below(i).any(|below| self.services[below].acting.is_some()) {
            return None;
        }
        let stuck = |below: &usize| {
            let state = &self.services[*below];
            let settling = state.is_settling() && state.wanted.is_none();
            !state.is_ready() && !settling && self.holder(*below).is_none()
        };
        self.graph.all_below(i).find(stuck)
    }
}

impl ServiceState {
    /// Nothing is done to it at this moment, and nobody wants it down.
    fn is_left_down(&self) -> bool {
        self.monitored && self.acting.is_none() && !self.is_stopping()
    }
}
