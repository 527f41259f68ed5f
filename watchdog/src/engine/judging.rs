//! Rules are judged: what each goes by, and when.
//!
//! Not here: telling what it changes (`telling`), doing what follows (`taking`).

mod detail;
mod taking;
mod telling;
mod which;

use std::cell::Cell;
use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::brake;
use crate::engine::crossing;
use crate::engine::deaths::End;
use crate::engine::judge::{Facts, Finding, judge};
use crate::engine::levels::Over;
use crate::engine::rule::Change;
use crate::engine::service::ServiceState;
use crate::message::RuleStatus;
use crate::metric::Metric;
use crate::service::{Qualifier, ServiceKind, Test};

use which::concerns;
pub(crate) use which::{
    Moment, counts_events, has, is_about_presence, is_for_samples, is_observed, looks_back,
};

/// Rates over less say little.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What a judgement goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    /// The stretch of time of rates.
    pub over: Over,
    /// The deaths it is about.
    pub deaths: &'a [End],
    /// Whether it can wait for a reading of PSS.
    pub ask: bool,
}

impl Engine {
    pub(crate) fn judge_service(&mut self, i: usize, moment: Moment, at: BootTime) {
        // What was observed was asked for in time.
        let asked = matches!(moment, Moment::Observed | Moment::ObservedMinute);
        if !self.is_judged(i) || !asked && self.is_asleep(i) {
            return;
        }
        for r in 0..self.services[i].service.rules.len() {
            let state = &self.services[i];
            let service = state.service.clone();
            let rule = &service.rules[r];
            let failing = state.rules[r].status() == RuleStatus::Failing;
            // Whether it is good by now is asked between cycles, too.
            let early = moment == Moment::Noticed && state.rules[r].withheld;
            if !(concerns(rule, moment, failing) || early)
                || is_observed(&service, rule) != moment.observes()
                || !self.is_its_time(i, r, moment)
            {
                continue;
            }
            let state = &self.services[i];
            // Held still, it proves nothing: the storm is over when it is quiet after the release.
            if failing && state.brake.is_some() && brake::brakes(rule) {
                continue;
            }
            let over = match moment {
                _ if is_for_samples(rule) => Over::Sample,
                // A minute that begins a moment after a cycle: no rate is made of a moment.
                Moment::Minute if at.since(self.cycled) < A_MOMENT => Over::Known,
                Moment::Sample | Moment::Crossing | Moment::Stall | Moment::Noticed => Over::Known,
                _ => Over::Cycle,
            };
            // Rules that count cycles see each death once, at the cycle's end; the others were
            // told at once and recover now.
            let deaths: &[End] = match rule.qualifier {
                Qualifier::Cycles { .. } => &state.deaths.ends,
                _ => &[],
            };
            let mut findings = Vec::new();
            let ask = matches!(
                moment,
                Moment::Cycle | Moment::Minute | Moment::Sample | Moment::Crossing
            );
            let by = By { over, deaths, ask };
            let (truth, wanted) = self.judge_rule(i, r, &by, at, &mut findings);
            if truth.is_none() && wanted {
                self.put_off(i, r, moment, at);
                continue;
            }
            self.conclude(i, r, moment, truth, &findings, at);
            // An action or an operator's word may have changed everything.
            let state = &self.services[i];
            if !state.monitored || state.acting.is_some() || state.turn.is_some() {
                return;
            }
        }
        self.ask_pss(i, at);
    }

    /// Takes a judgement and tells what it changes.
    pub(crate) fn conclude(
        &mut self,
        i: usize,
        r: usize,
        moment: Moment,
        truth: Option<bool>,
        findings: &[Finding],
        at: BootTime,
    ) {
        let withheld = moment.observes() && truth == Some(true) && self.is_too_early(i, r, at);
        let truth = truth.filter(|_| !withheld);
        let state = &mut self.services[i];
        let lasts_not = is_restarted_in_vain(state, r);
        let (rule, remembered) = (&state.service.rules[r], &mut state.rules[r]);
        let for_cycles = moment == Moment::Noticed && !concerns(rule, moment, false);
        if for_cycles && truth == Some(true) {
            // Its failures are counted in cycles.
            return;
        }
        if moment.observes() {
            remembered.withheld = withheld;
        }
        if truth == Some(false) {
            remembered.good_at = Some(at);
        }
        let failing = remembered.status() == RuleStatus::Failing;
        let between = matches!(moment, Moment::Crossing | Moment::Stall);
        if between && !crossing::counts(rule, failing, truth) {
            return;
        }
        if moment == Moment::Noticed && failing && has(rule, Test::is_change) {
            // It was told between two cycles; what changes further waits for the cycle. Whoever
            // writes all the time is not told of all the time.
            return;
        }
        let cycle = moment.counts();
        let change = if truth == Some(true) && findings.iter().any(tells_change) {
            remembered.judge_change(cycle, at)
        } else if truth == Some(false) && remembered.is_announced() && lasts_not {
            remembered.is_good_for_now();
            self.people_know();
            return;
        } else {
            match remembered.judge(rule, truth, cycle, at) {
                // What is seen to cross a limit was below it.
                Change::Failed if !between => {
                    remembered.known_failure(rule, state.service.control.passive)
                }
                change => change,
            }
        };
        if moment.observes() && truth.is_some() {
            // What changes from now on is another change.
            remembered.base = state.observed.now().cloned();
        }
        self.changed(i, r, change, findings, cycle, at);
    }

    /// Whether a failure of what is observed says nothing yet: a process that it depends on has begun
    /// since the rule was good last, and its start may take longer.
    fn is_too_early(&self, i: usize, r: usize, at: BootTime) -> bool {
        let state = &self.services[i];
        if state.service.checked().is_none() || !self.graph.holds(i) {
            return false;
        }
        let good = state.rules[r].good_at;
        let failing = state.rules[r].status() == RuleStatus::Failing;
        let begun = self.just_begun(i, at);
        !failing && begun.is_some_and(|(_, born)| good.is_none_or(|good| good < born))
    }

    /// Whether the rule's condition holds, and whether that depends on a reading of PSS.
    pub(crate) fn judge_rule(
        &self,
        i: usize,
        r: usize,
        by: &By<'_>,
        at: BootTime,
        findings: &mut Vec<Finding>,
    ) -> (Option<bool>, bool) {
        let By { over, deaths, ask } = *by;
        let state = &self.services[i];
        let rule = &state.service.rules[r];
        let is_system = matches!(state.service.kind, ServiceKind::System);
        let value = |metric: Metric| {
            if metric.is_of_host() {
                // Whichever is greater: a trail of few samples is a mean over a longer time.
                let told = self.told_share(metric).into_iter();
                told.chain(self.host.value(metric, over)).reduce(f64::max)
            } else if is_system {
                // The only process metric that a system service shares: uptime of the host.
                (metric == Metric::Uptime).then(|| at.since(BootTime::default()).as_secs_f64())
            } else {
                let told = state.armed.told(metric);
                told.or_else(|| state.levels.value(metric, over, self.host.cpus(), at))
            }
        };
        let wanted = Cell::new(false);
        let facts = Facts {
            value: &value,
            whole: &|metric| match metric {
                Metric::FileDescriptors => state.levels.whole(metric),
                _ => self.host.whole(metric),
            },
            trail: &|metric: Metric, window| match metric.is_of_host() {
                true => self.host.trail(metric, window),
                false => state.levels.trail(metric, window),
            },
            pss: &|metric, rss| self.pss(state, ask, metric, rss),
            wanted: &wanted,
            present: state.present(),
            deaths,
            restarts: &|span| state.restarts_within(span, self.cycle, at),
            seen: state.observed.seen(&state.rules[r]),
            thing: state.service.checked().map(|checked| checked.check.word()),
        };
        let truth = judge(&rule.condition, &facts, findings);
        (truth, wanted.get())
    }
}

/// Whether a process that is there has ended within a minute of a start and not lived for one since:
/// that it is there again is no end of what people were told.
fn is_restarted_in_vain(state: &ServiceState, r: usize) -> bool {
    let absence = |test: &Test| *test == Test::DoesNotExist;
    state.main().is_some() && state.retry.fell() > 0 && has(&state.service.rules[r], absence)
}

/// A change that is the case: each is told anew.
fn tells_change(finding: &Finding) -> bool {
    finding.truth == Some(true) && finding.test.is_change()
}
