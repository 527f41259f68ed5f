//! What people know of a rule's failure: told once, whatever happens to the rule meanwhile.
//!
//! Not here: telling them (`judging/telling`).

use super::good::Good;
use super::{Change, ON_ITS_WAY, RuleState, tells_only};
use crate::clock::BootTime;
use crate::service::Rule;

impl RuleState {
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
        let now = self.held >= needed && !self.announced;
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
