//! One rule's life: pending, failed, recovered. Each rule has a state of its own; two rules never
//! share one.
//!
//! Not here: whether the condition holds (`judge`), what people know of it (`told`), what an action does
//! (`service`).

mod good;
mod told;

use std::sync::Arc;
use std::time::Duration;

use crate::check::Observation;
use crate::clock::BootTime;
use crate::engine::window::Window;
use crate::message::RuleStatus;
use crate::service::{Action, Rule};
use good::Good;
use told::Events;

/// So long after people are told of something the alert is on disk: it may wait for a survey.
pub(crate) const ON_ITS_WAY: Duration = Duration::from_secs(5);

/// What a rule remembers.
#[derive(Debug, Clone)]
pub(crate) struct RuleState {
    window: Window,
    /// The qualifier was met and no recovery came since.
    failing: bool,
    /// People were told of a failure and must be told of the recovery, also when an action let the
    /// window start afresh meanwhile.
    announced: bool,
    /// People were told, and it was not found good since: an action let it start afresh.
    carried: bool,
    /// It does not last that it is good, so that its end was not told: failures since the one that
    /// people were told of.
    rounds: Option<u32>,
    /// People were told of its failure while nobody judged it.
    beforehand: bool,
    /// By which events people were told.
    events: Events,
    /// Cycles for which it held while nobody judged it.
    held: u8,
    /// When people were last told of a failure or its end, in this run.
    told_at: Option<BootTime>,
    /// Since it failed, or was judged afresh.
    good: Good,
    /// Cycles since the failure, for reminders and repeated programs.
    failing_cycles: u32,
    known: bool,
    /// The observation since which changes are told.
    pub(crate) base: Option<Arc<Observation>>,
    /// When it was found good last.
    pub good_at: Option<BootTime>,
    /// Its last failure is not counted: what its service depends on has just begun.
    pub withheld: bool,
    /// The last minute of local time in which it was judged by a crontab.
    pub minute: Option<i64>,
    /// What was seen when its condition held last.
    pub matter: Option<Box<Matter>>,
}

/// What was seen of a rule whose condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matter {
    /// In Monit's words, as the log has it.
    pub text: String,
    /// Why, where that can be another while the rule goes on failing.
    pub cause: Option<String>,
}

/// What a judgement changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing to say.
    None,
    /// It holds, but not for long or often enough.
    Pending,
    /// The qualifier is met: act.
    Failed,
    /// The same, and people know: act.
    FailedAgain,
    /// What people know goes on after an action that was not its own.
    Resumed,
    /// It goes on failing; so many cycles by now.
    StillFailing(u32),
    /// It is good again.
    Recovered,
}

impl RuleState {
    pub(crate) fn new(rule: &Rule) -> Self {
        Self {
            window: Window::new(rule.qualifier),
            failing: false,
            announced: false,
            carried: false,
            rounds: None,
            beforehand: false,
            held: 0,
            events: Events::default(),
            told_at: None,
            good: Good::default(),
            failing_cycles: 0,
            known: false,
            base: None,
            good_at: None,
            withheld: false,
            minute: None,
            matter: None,
        }
    }

    /// Takes one judgement of a state; `cycle`: at the end of a cycle, not between.
    pub(crate) fn judge(
        &mut self,
        rule: &Rule,
        truth: Option<bool>,
        cycle: bool,
        at: BootTime,
    ) -> Change {
        let Some(truth) = truth else {
            self.window.unknown();
            self.known = false;
            return Change::None;
        };
        (self.known, self.held) = (true, 0);
        let met = self.window.push(truth, at);
        if truth {
            self.good.bad(cycle);
            if self.failing {
                self.failing_cycles = self.failing_cycles.saturating_add(u32::from(cycle));
                return Change::StillFailing(self.failing_cycles);
            }
            if met {
                return self.fail(at);
            }
            return Change::Pending;
        }
        self.maybe_recover(rule, cycle, at)
    }

    /// Takes an event: true for this moment. It recovers at the next judgement that finds it false.
    pub(crate) fn judge_event(&mut self, at: BootTime) -> Change {
        self.known = true;
        self.good.bad(false);
        let met = self.window.push_event(at);
        match (self.failing, met) {
            // Told already, and armed again by the next judgement that finds it false.
            (true, _) => Change::None,
            (false, true) => self.fail(at),
            (false, false) => Change::Pending,
        }
    }

    /// Takes a change: true for this moment, and told anew each time.
    pub(crate) fn judge_change(&mut self, cycle: bool, at: BootTime) -> Change {
        self.known = true;
        self.good.bad(cycle);
        match (self.window.push_event(at), self.failing) {
            (true, _) => self.fail(at),
            (false, true) => {
                self.failing_cycles = self.failing_cycles.saturating_add(1);
                Change::StillFailing(self.failing_cycles)
            }
            (false, false) => Change::Pending,
        }
    }

    fn fail(&mut self, at: BootTime) -> Change {
        self.told_at = Some(at);
        self.failing = true;
        self.announced = true;
        self.failing_cycles = 0;
        self.good = Good::default();
        Change::Failed
    }

    fn maybe_recover(&mut self, rule: &Rule, cycle: bool, at: BootTime) -> Change {
        if !self.failing && !self.announced {
            return Change::None;
        }
        if !self.good.is_enough(rule.recovery, cycle) {
            return Change::None;
        }
        self.told_at = Some(at);
        (self.failing, self.announced) = (false, false);
        (self.carried, self.beforehand) = (false, false);
        self.good = Good::default();
        // The next failure needs its full count again.
        self.window.clear();
        Change::Recovered
    }

    /// What was true meanwhile is not known.
    pub(crate) fn interrupt(&mut self) {
        self.window.unknown();
    }

    /// An action was taken: what was counted before it does not count after it (Monit restarts
    /// again at every following cycle).
    pub(crate) fn start_afresh(&mut self) {
        self.window.clear();
        self.held = 0;
        self.carried |= self.failing;
        self.failing = false;
        self.good = Good::default();
        self.known = false;
        self.withheld = false;
        self.matter = None;
    }

    /// Back to where a new rule is.
    pub(crate) fn reset(&mut self) {
        self.start_afresh();
        (self.announced, self.carried, self.beforehand) = (false, false, false);
        self.rounds = None;
        self.events = Events::default();
        self.told_at = None;
        self.good_at = None;
    }

    pub(crate) fn status(&self) -> RuleStatus {
        if self.failing {
            RuleStatus::Failing
        } else if self.withheld {
            RuleStatus::Unknown
        } else if self.window.failing() > 0 {
            RuleStatus::Pending
        } else if self.known {
            RuleStatus::Ok
        } else {
            RuleStatus::Unknown
        }
    }

    pub(crate) fn failing_cycles(&self) -> u32 {
        if self.failing { self.failing_cycles + 1 } else { self.window.failing() }
    }
}

/// What is passive is told of, not touched.
pub(crate) fn is_spared(action: &Action, passive: bool) -> bool {
    passive && matches!(action, Action::Restart | Action::Start | Action::Stop)
}

/// Whether nothing of it starts, stops or holds anything.
fn tells_only(actions: &[Action], passive: bool) -> bool {
    let tells =
        |action: &Action| matches!(action, Action::Alert | Action::Ignore | Action::Exec(_));
    actions.iter().all(|action| tells(action) || is_spared(action, passive))
}
