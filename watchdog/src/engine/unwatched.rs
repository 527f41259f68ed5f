//! A service that nobody watches: by whom that was decided, why, and since when.
//!
//! Not here: watching it again (`operator`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::levels::Levels;
use crate::engine::measure::Measure;
use crate::engine::service::{Life, ServiceState};
use crate::message::{Context, Decision, Level, SavedUnwatched};
use crate::service::EventWord;

/// Bytes of why: a rule can be long.
const WHY: usize = 512;

impl Engine {
    /// Nobody watches the service any longer, nor what depends on it.
    pub(crate) fn unmonitor(&mut self, i: usize, why: &str, at: BootTime) {
        let name = self.services[i].service.name.clone();
        let above: Vec<usize> = self.graph.all_above(i).collect();
        for d in above.into_iter().rev() {
            if self.services[d].monitored {
                let text = format!("unmonitored with '{name}', which it depends on");
                self.log(d, Level::Warning, Some(EventWord::Action), text.clone(), at);
                self.unmonitor_one(d, &text, at);
            }
        }
        self.unmonitor_one(i, why, at);
    }

    pub(crate) fn unmonitor_one(&mut self, i: usize, why: &str, at: BootTime) {
        self.drop_turn(i, Err("it was unmonitored".to_owned()));
        // While the sensor still knows who is in the group.
        self.release_wholly(i);
        let state = &mut self.services[i];
        // Kept for `monitor` and `start`, where nothing else can name the process.
        state.former_main = state.main().or(state.former_main);
        state.unwatch(why, at);
        state.wanted = None;
        state.measure.if_there(Measure::drop_waiting);
        state.recovering = None;
        state.life = Life::Unknown;
        state.observed.outdate();
        state.levels.if_there(Levels::forget_main);
        for rule in &mut state.rules {
            rule.reset();
        }
        let (id, is_process) = (state.service.id, state.service.process().is_some());
        // An action under way must still find what it has started, to end it if it fails.
        if is_process && state.acting.is_none() {
            self.out.push(Decision::Unwatch(id));
        }
        self.services[i].settle_down();
        self.ask(i);
        self.out.push(Decision::Save);
    }
}

impl ServiceState {
    /// Nobody watches it from now on.
    pub(crate) fn unwatch(&mut self, why: &str, at: BootTime) {
        if !std::mem::replace(&mut self.monitored, false) && self.unwatched.is_some() {
            // It was not before, and that is why.
            return;
        }
        let why = why.get(..why.floor_char_boundary(WHY)).unwrap_or_default().to_owned();
        self.unwatched = Some(Box::new(SavedUnwatched { why, at: Some(at.0) }));
    }
}

/// On whose word it is, and what was said: a rule's, an operator's, or that of what it depends on.
/// `action`: what it was that the rule asked for.
pub(crate) fn why(action: &str, context: &Context) -> String {
    if context.rule.is_empty() {
        context.description.clone()
    } else {
        format!("{action} by its rule: {}", context.rule)
    }
}
