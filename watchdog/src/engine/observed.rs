//! What has to be observed: asked for, taken in, and judged when it has come.
//!
//! Not here: observing (`observe`) and what an observation means (`check`).

use std::sync::Arc;
use std::time::Duration;

use crate::check::connection::Outcome;
use crate::check::{Facts, Observation, Seen};
use crate::clock::BootTime;
use crate::clock::Minute;
use crate::engine::Engine;
use crate::engine::judging::Moment;
use crate::engine::rule::RuleState;
use crate::message::{Context, Decision, Level, Observe, Observed};
use crate::service::{EventWord, Severity};

/// What depends on a process that has just begun is looked at so often until it is good.
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// Why something is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// The kernel says that something has changed.
    Stirred,
    /// A minute that a rule's crontab names.
    Minute,
    /// A cycle.
    Cycle,
}

/// What was observed of one service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observations {
    /// What is under way, and why.
    asked: Option<Why>,
    /// The cycle and the minute in which it was asked for.
    asked_in: Option<(u64, Option<Minute>)>,
    /// Wanted once more when that has come: it may be older than the wish.
    again: Option<Why>,
    now: Option<Arc<Observation>>,
    /// Whether `now` is of this run.
    fresh: bool,
    /// When it is looked at once more, because what it depends on has just begun.
    look: Option<BootTime>,
    /// All that it depends on was ready when `now` came, and still is as it was then.
    stands: bool,
    /// What is under way is about something else by now.
    stale: bool,
}

impl Observations {
    /// What a former run saw last.
    pub(crate) fn restored(saved: Option<Arc<Observation>>) -> Self {
        Self { now: saved, ..Self::default() }
    }

    /// Whether an answer is still to come.
    pub(crate) fn is_under_way(&self) -> bool {
        self.asked.is_some()
    }

    /// The last observation of this run.
    pub(crate) fn now(&self) -> Option<&Arc<Observation>> {
        self.now.as_ref().filter(|_| self.fresh)
    }

    /// The cycle and the minute in which the last observation was asked for.
    pub(crate) fn asked_in(&self) -> Option<(u64, Option<Minute>)> {
        self.asked_in
    }

    /// What a rule's tests are judged by.
    pub(crate) fn seen<'a>(&'a self, rule: &'a RuleState) -> Option<Seen<'a>> {
        Some(Seen { now: self.now()?, before: rule.base.as_deref() })
    }

    /// When it is looked at once more without a cycle.
    pub(crate) fn due(&self) -> Option<BootTime> {
        self.look
    }

    /// Whether others may go by the last observation.
    pub(crate) fn stands(&self) -> bool {
        self.stands && self.now().is_some()
    }

    /// What is to survive the daemon: what something was, not how a connection went.
    pub(crate) fn kept(&self) -> Option<Arc<Observation>> {
        let now = self.now.as_ref()?;
        match (&now.facts, now.conversations.is_empty()) {
            (_, true) => Some(now.clone()),
            (Facts::None, false) => None,
            (facts, false) => {
                Some(Arc::new(Observation { facts: facts.clone(), ..Observation::default() }))
            }
        }
    }

    /// Something was done to it, or nobody looked for a while: what was seen last is the past.
    pub(crate) fn outdate(&mut self) {
        self.fresh = false;
    }

    /// It is about something else now.
    pub(crate) fn forget(&mut self) {
        (self.now, self.fresh) = (None, false);
        if self.asked.is_some() {
            // It is asked again when what is under way has come.
            (self.again, self.stale) = (Some(Why::Cycle), true);
        }
    }
}

impl Engine {
    /// Asks for an observation, where the service has something to observe.
    pub(crate) fn observe(&mut self, i: usize, why: Why) {
        if why == Why::Stirred && self.is_asleep(i) {
            return;
        }
        let state = &mut self.services[i];
        if !state.monitored || !state.service.is_observed() {
            return;
        }
        let main = state.main();
        if state.service.process().is_some() && (main.is_none() || state.acting.is_some()) {
            return;
        }
        if let Some(under_way) = state.observed.asked {
            // A cycle that finds the one before it still waiting is none; nor is a minute.
            if why == Why::Stirred || under_way != why {
                state.observed.again = state.observed.again.max(Some(why));
            }
            return;
        }
        state.observed.asked = Some(why);
        state.observed.asked_in = Some((self.cycle, self.minute));
        let (service, before) = (state.service.clone(), state.observed.now.clone());
        self.out.push(Decision::Observe(Observe { service, before, main }));
    }

    /// Something happens to a service: what was observed of those above it was so before that.
    pub(crate) fn shake_above(&mut self, i: usize) {
        let above: Vec<usize> = self.graph.all_above(i).collect();
        for d in above {
            self.services[d].observed.stands = false;
        }
    }

    /// What fails only because another has just begun is not left to the next cycle: somebody may wait.
    pub(crate) fn look_once_more(&mut self, i: usize, at: BootTime) {
        let observed = &mut self.services[i].observed;
        if observed.look.is_some_and(|due| due <= at) {
            observed.look = None;
            self.observe(i, Why::Stirred);
        }
    }

    /// Attempts that failed before the last one, in Monit's words. Of a connection that goes on failing they
    /// are no news.
    fn tell_attempts(
        &mut self,
        i: usize,
        before: Option<&Observation>,
        now: &Observation,
        at: BootTime,
    ) {
        let failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_));
        for talk in &now.conversations {
            let known = before
                .into_iter()
                .flat_map(|before| &before.conversations)
                .any(|old| old.with == talk.with && failed(&old.outcome));
            if known && failed(&talk.outcome) {
                continue;
            }
            for text in &talk.attempts {
                let event = Some(EventWord::Connection);
                self.log(i, Level::Warning, event, text.clone(), at);
            }
        }
    }

    /// An observation has come: it is judged, unless something was done to the service since.
    pub(crate) fn observed(&mut self, observed: Observed, at: BootTime) {
        let Some(i) = self.index(observed.service) else {
            self.unanswered.remove(&observed.service);
            return;
        };
        let stands = self.holder(i).is_none();
        let state = &mut self.services[i];
        let Some(why) = state.observed.asked.take() else { return };
        let mut again = state.observed.again.take();
        let old = observed.began < state.settled || state.acting.is_some();
        if old && state.acting.is_none() {
            // It began before the last action: what that has brought about is not in it.
            again = again.max(Some(why));
        }
        if !std::mem::take(&mut state.observed.stale) && !old {
            let new = &observed.observation.facts;
            let changed = state.observed.now.as_ref().is_none_or(|now| !now.facts.is_like(new));
            let refused = new.refused().filter(|refused| {
                let before = state.observed.now.as_ref().and_then(|now| now.facts.refused());
                before != Some(*refused)
            });
            let refused = refused.map(str::to_owned);
            // What a rule has not told of yet is in the note; it is not to be told twice.
            let behind = !state.bases().is_empty();
            let seen = observed.observation;
            let before = state.observed.now.replace(Arc::clone(&seen));
            state.observed.fresh = true;
            state.observed.stands = stands;
            self.tell_attempts(i, before.as_deref(), &seen, at);
            let moment = match why {
                Why::Cycle => Moment::Observed,
                Why::Minute => Moment::ObservedMinute,
                Why::Stirred => Moment::Noticed,
            };
            self.judge_service(i, moment, at);
            let state = &mut self.services[i];
            state.observed.look = state.is_withheld().then(|| at + NEXT_LOOK);
            if state.service.checked().is_some() && state.is_good() {
                // Whatever wanted it started: it is good without that.
                state.wanted = None;
                state.was_up = true;
            }
            self.rouse(i, at);
            if let Some(text) = refused {
                self.log(i, Level::Error, Some(EventWord::Data), text.clone(), at);
                let context = Context::plain("Data access error", text, at);
                self.alert_service(i, EventWord::Data, &context, &[], Severity::Warning);
            }
            if changed || behind {
                self.out.push(Decision::Save);
            }
        }
        if let Some(why) = again {
            self.observe(i, why);
        }
    }
}
