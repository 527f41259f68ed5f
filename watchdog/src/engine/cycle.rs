//! Time passes: cycles, samples between them, and stretches of which nobody knows what was true.
//!
//! Not here: when a service has its cycle (`schedule`), judging (`judging`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judging::Moment;
use crate::engine::levels::Levels;
use crate::engine::observed::Why;
use crate::engine::rule::RuleState;

/// What the start has asked for is not asked for again by a cycle within this.
const ONCE: Duration = Duration::from_secs(1);
/// A busy host may delay samples by so much without losing the thread.
const GAP: Duration = Duration::from_secs(10);

impl Engine {
    /// After a suspend, or a long time without samples, nobody knows what was true in between:
    /// stretches of time start afresh.
    pub(crate) fn bridge_gap(&mut self, at: BootTime) {
        let gap = at.since(self.judged);
        self.judged = at;
        if gap <= self.config.sample * 5 + GAP {
            return;
        }
        // Without samples, cycles are all there is.
        let late = self.needs_samples() || gap > self.config.cycle * 5 + GAP;
        if late {
            for state in self.services.iter_mut() {
                state.rules.iter_mut().for_each(RuleState::interrupt);
                state.levels.if_there(Levels::forget_past);
            }
            self.host.forget_past();
        }
    }

    pub(crate) fn judge_cycle(&mut self, at: BootTime) {
        self.cycle += 1;
        self.cycled = at;
        for i in 0..self.services.len() {
            if self.is_its_cycle(i) {
                self.cycle_of(i, at);
            } else {
                self.look_while_down(i);
            }
            self.sift();
        }
        self.host.cycle_end();
    }

    /// One cycle of one service.
    pub(crate) fn cycle_of(&mut self, i: usize, at: BootTime) {
        // Before the rules: a restart that they ask for follows the life led until now.
        self.credit_life(i, at);
        let judged = self.services[i].acting.is_none();
        if self.graph.holds(i) && self.holder(i).is_some() {
            // What is true meanwhile is not known.
            self.services[i].rules.iter_mut().for_each(RuleState::interrupt);
            self.tell_down(i, at);
        }
        self.judge_service(i, Moment::Cycle, at);
        // The first cycle follows the start at once, which has asked already: a program that ran
        // twice would be said to have changed and not to have changed in the same second.
        let first = self.cycle == 1 && at.since(self.started) < ONCE;
        if !first || self.services[i].observed.asked_in().is_none() {
            self.observe(i, Why::Cycle);
        }
        self.services[i].levels.if_there(Levels::cycle_end);
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

    pub(crate) fn judge_sample(&mut self, at: BootTime) {
        for i in 0..self.services.len() {
            self.judge_service(i, Moment::Sample, at);
            self.sift();
        }
    }
}
