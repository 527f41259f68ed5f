//! Which rules a moment is for, by what they are about.
//!
//! Pure functions of the configuration. Not here: judging them (`judging`).

use crate::engine::{crossing, stalls};
use crate::metric::Metric;
use crate::service::every::Every;
use crate::service::{Qualifier, Rule, Service, Test};

/// A moment at which rules are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The end of a cycle: all of them.
    Cycle,
    /// A sample between cycles: rules in time.
    Sample,
    /// The main process came or went: rules about that, but for those that count cycles.
    Presence,
    /// An attempt has ended: rules about restarts.
    Attempt,
    /// A limit was crossed: rules that are judged then.
    Crossing,
    /// Work stood still for long: rules that are judged then.
    Stall,
    /// Another minute of local time: rules with a crontab of their own.
    Minute,
    /// What a minute asked to observe was observed: those of them that are about that.
    ObservedMinute,
    /// What the cycle asked to observe was observed: all rules about that.
    Observed,
    /// Something was observed between cycles: those of them that do not count cycles.
    Noticed,
}
pub(crate) fn has(rule: &Rule, what: impl Fn(&Test) -> bool) -> bool {
    let mut found = false;
    rule.condition.for_each_test(&mut |test| found |= what(test));
    found
}

impl Moment {
    /// Whether it is for rules about what has to be observed.
    pub(super) fn observes(self) -> bool {
        matches!(self, Self::Observed | Self::ObservedMinute | Self::Noticed)
    }

    /// Whether it is a time of the rule's own, not one between two of them: counts count these.
    pub(crate) fn counts(self) -> bool {
        matches!(self, Self::Cycle | Self::Observed | Self::Minute | Self::ObservedMinute)
    }
}

/// Whether the rule is about what has to be observed: it is judged when that has come.
pub(crate) fn is_observed(service: &Service, rule: &Rule) -> bool {
    let is_check = |test: &Test| matches!(test, Test::Check(_));
    let is_state = |test: &Test| !matches!(test, Test::Restarts { .. });
    has(rule, is_check) || service.checked().is_some() && has(rule, is_state)
}

/// Whether the rule is about the process being there.
pub(crate) fn is_about_presence(rule: &Rule) -> bool {
    has(rule, |test| matches!(test, Test::DoesNotExist | Test::Exists))
}

/// Whether the rule is about what happens to the service rather than how it is.
pub(crate) fn counts_events(rule: &Rule) -> bool {
    has(rule, |test| test.is_event() || matches!(test, Test::Restarts { .. }))
}

/// Whether the rule is judged at samples between cycles: it lasts a time, or it is about how a number
/// moves and does not count cycles.
pub(crate) fn is_for_samples(rule: &Rule) -> bool {
    // The host's forks have no crossing that the kernel could tell.
    let is_host_rate = |test: &Test| match test {
        Test::Level(level) => matches!(level.metric, Metric::SystemForks { .. }),
        _ => false,
    };
    match rule.qualifier {
        Qualifier::Lasting(_) => true,
        Qualifier::Cycles { .. } => false,
        Qualifier::Once | Qualifier::TimesWithin { .. } => {
            looks_back(rule) || has(rule, is_host_rate)
        }
    }
}

/// Whether the rule is about how a number moves: that needs samples between cycles. So does the share
/// of stalled time over ten seconds.
pub(crate) fn looks_back(rule: &Rule) -> bool {
    has(rule, |test| match test {
        Test::Trend(_) => true,
        Test::Level(level) => matches!(level.metric, Metric::Pressure { .. }),
        _ => false,
    })
}

/// Whether the rule is judged at this moment; `failing`: it fails already.
pub(super) fn concerns(rule: &Rule, moment: Moment, failing: bool) -> bool {
    let counts_cycles = matches!(rule.qualifier, Qualifier::Cycles { .. });
    match moment {
        Moment::Cycle | Moment::Observed => true,
        Moment::Minute | Moment::ObservedMinute => matches!(rule.every, Some(Every::Minutes(_))),
        Moment::Noticed => !counts_cycles,
        // What failed between cycles recovers at the next pass.
        Moment::Sample => is_for_samples(rule) || failing && crossing::is_at_once(rule),
        Moment::Crossing => crossing::is_at_once(rule),
        Moment::Stall => stalls::is_at_once(rule),
        Moment::Presence => !counts_cycles && is_about_presence(rule),
        Moment::Attempt => {
            !counts_cycles && has(rule, |test| matches!(test, Test::Restarts { .. }))
        }
    }
}
