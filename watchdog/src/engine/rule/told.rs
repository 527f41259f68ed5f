//! What people know of a rule's failure: told once, whatever happens to the rule meanwhile.
//!
//! Not here: telling them (`judging/telling`).

use super::good::Good;
use super::{Change, ON_ITS_WAY, RuleState, tells_only};
use crate::clock::BootTime;
use crate::service::{Qualifier, Rule};

/// By which of its test's two events people were told of a rule's failure.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Events {
    own: bool,
    other: bool,
    /// By the other, last.
    last: bool,
    /// Cycles in a row in which it was not the one that was told last; none counts more than 64.
    turned: u8,
}

impl Events {
    fn tell(&mut self, other: bool) {
        *(if other { &mut self.other } else { &mut self.own }) = true;
        (self.last, self.turned) = (other, 0);
    }
}

impl RuleState {
    /// A failure that goes on as another event of its test (the server answers, and its certificate
    /// is about to end) is told as a failure of its own.
    pub(crate) fn of_event(
        &mut self,
        rule: &Rule,
        change: Change,
        other: bool,
        cycle: bool,
    ) -> Change {
        let events = &mut self.events;
        let turned = match change {
            Change::Failed => true,
            Change::Resumed => events.last != other,
            Change::StillFailing(_) if cycle && !events.own && !events.other => {
                // A former run has told it, as what it is, for all that is known.
                events.tell(other);
                false
            }
            Change::StillFailing(_) if cycle => {
                events.turned =
                    if events.last == other { 0 } else { events.turned.saturating_add(1) };
                let needed = match rule.qualifier {
                    Qualifier::Cycles { times, .. } => times,
                    _ => 1,
                };
                u32::from(events.turned) >= needed
            }
            _ => false,
        };
        if turned {
            events.tell(other);
            return Change::Failed;
        }
        change
    }

    /// Whether it is told as the other event, and whether to those, too, who want the one that it is
    /// not: whoever was told of that.
    pub(crate) fn told_as(&mut self, change: Change, other: bool) -> (bool, bool) {
        match change {
            Change::Recovered => match std::mem::take(&mut self.events) {
                Events { own: false, other: true, .. } => (true, false),
                // By a former run: by which is not known.
                Events { own: false, other: false, .. } => (false, true),
                Events { own: true, other, .. } => (false, other),
            },
            Change::Failed => (other, if other { self.events.own } else { self.events.other }),
            _ => (other, false),
        }
    }

    /// It is good, and whether that lasts is to be seen: people who know of its failure are told
    /// of its end later.
    pub(crate) fn is_good_for_now(&mut self) {
        self.window.clear();
        (self.failing, self.carried, self.known) = (false, false, true);
        self.good = Good::default();
        self.matter = None;
        self.rounds.get_or_insert(0);
    }

    /// It holds for another cycle in which nobody judges it. Returns true where people are to be told
    /// of it now: it is yet to be acted on.
    pub(crate) fn told_beforehand(&mut self, needed: u32, at: BootTime) -> bool {
        self.held = self.held.saturating_add(1);
        let now = u32::from(self.held) >= needed && !self.announced;
        if now {
            (self.announced, self.beforehand, self.told_at) = (true, true, Some(at));
        }
        now
    }

    /// Nobody judges it, and it does not hold, or is about to be otherwise.
    pub(crate) fn not_held(&mut self) {
        self.held = 0;
    }

    /// What a failure is for people who may know of it.
    pub(crate) fn known_failure(&mut self, rule: &Rule, passive: bool) -> Change {
        let carried = std::mem::take(&mut self.carried);
        if std::mem::take(&mut self.beforehand) {
            return Change::FailedAgain;
        }
        if let Some(rounds) = &mut self.rounds {
            *rounds = rounds.saturating_add(1);
            return Change::FailedAgain;
        }
        // Of what starts or stops something each time is news.
        if carried && tells_only(&rule.then, passive) { Change::Resumed } else { Change::Failed }
    }

    /// Whether people know of a failure whose end they were not told.
    pub(crate) fn is_announced(&self) -> bool {
        self.announced
    }

    /// It lasted that it was good: the next failure is told.
    pub(crate) fn ends_rounds(&mut self) {
        self.rounds = None;
    }

    /// The failures that people were not told one by one, once it is over.
    pub(crate) fn take_rounds(&mut self) -> u32 {
        self.rounds.take().unwrap_or(0)
    }

    /// What must survive the daemon: that people were told of a failure. Inside: whether it is failing.
    /// While the alert may not be on disk, it is to be told once more, whichever it is then: a daemon
    /// that is killed rather tells twice than never. What its end has started is not started twice.
    pub(crate) fn told(&self, rule: &Rule, passive: bool, now: BootTime) -> Option<bool> {
        if self.is_on_its_way(now) && (self.announced || tells_only(&rule.otherwise, passive)) {
            return Some(false);
        }
        self.announced.then_some(self.failing || self.carried)
    }

    /// Whether the alert of what people were told last may not be on disk.
    pub(crate) fn is_on_its_way(&self, now: BootTime) -> bool {
        self.told_at.is_some_and(|at| now < at + ON_ITS_WAY)
    }

    /// What a former run told people of: it is not told again, but that it is over is. What started
    /// something stays armed, for nobody knows whether that has helped.
    pub(crate) fn restore_told(&mut self, rule: &Rule, passive: bool, failing: bool) {
        self.announced = true;
        self.failing = failing && tells_only(&rule.then, passive);
    }
}
