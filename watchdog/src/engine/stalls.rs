//! Rules about pressure that the kernel wakes us for: which stalls it shall tell, and what follows.
//!
//! Not here: how it is asked (`crate::pressure`), the number at a sample (`host`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::crossing::rising;
use crate::engine::judging::Moment;
use crate::message::StallLimit;
use crate::metric::{Metric, PRESSURE, Resource};
use crate::service::{Level, Limit, Qualifier, Rule};

/// More limits than this are judged at samples: each is a file that stays open.
const MOST: usize = 16;

impl Engine {
    /// The stalls that rules are judged by when they happen.
    pub fn stalls(&self) -> Vec<StallLimit> {
        let mut limits = Vec::new();
        for rule in self.config.services.iter().flat_map(|service| &service.rules) {
            if matches!(rule.qualifier, Qualifier::Cycles { .. }) {
                continue;
            }
            rising(&rule.condition, false, &mut |level, inclusive| {
                let limit = stall(level, inclusive).filter(|limit| !limits.contains(limit));
                limits.extend(limit);
            });
        }
        limits.truncate(MOST);
        limits
    }

    /// Work has stood still for so long within the last ten seconds.
    pub(crate) fn stalled(&mut self, limit: StallLimit, at: BootTime) {
        self.stalled = Some(limit);
        for i in 0..self.services.len() {
            self.judge_service(i, Moment::Stall, at);
        }
        self.stalled = None;
    }

    /// The share that the stall being judged stands for; a look would only tell it later.
    pub(crate) fn told_share(&self, metric: Metric) -> Option<f64> {
        let told = self.stalled.filter(|told| {
            metric == Metric::Pressure { resource: told.resource, full: told.full }
        })?;
        Some(told.stalled.as_micros() as f64 / PRESSURE.as_micros() as f64)
    }
}

/// Whether the rule is judged at a stall.
pub(crate) fn is_at_once(rule: &Rule) -> bool {
    let mut watched = false;
    rising(&rule.condition, false, &mut |level, inclusive| {
        watched |= stall(level, inclusive).is_some();
    });
    watched && !matches!(rule.qualifier, Qualifier::Cycles { .. })
}

/// The least stall within ten seconds with which the test holds. There is no `full` of the host's CPUs:
/// whoever has them does not stand still.
fn stall(level: &Level, inclusive: bool) -> Option<StallLimit> {
    let (Metric::Pressure { resource, full }, Limit::Ratio(share)) = (level.metric, level.limit)
    else {
        return None;
    };
    if full && resource == Resource::Cpu || !share.is_finite() || share < 0.0 {
        return None;
    }
    let exact = share * PRESSURE.as_micros() as f64;
    let micros = if inclusive { (exact.ceil() as u64).max(1) } else { exact as u64 + 1 };
    let stalled = Duration::from_micros(micros);
    (stalled <= PRESSURE).then_some(StallLimit { resource, full, stalled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Operator;

    #[test]
    fn what_the_kernel_tells_makes_the_test_hold() {
        for (percent, operator, inclusive) in [
            (0.0, Operator::Greater, false),
            (5.0, Operator::Greater, false),
            (33.3, Operator::Greater, false),
            (33.3, Operator::GreaterOrEqual, true),
            (100.0, Operator::GreaterOrEqual, true),
        ] {
            let metric = Metric::Pressure { resource: Resource::Io, full: true };
            let share = percent / 100.0;
            let level = Level { metric, operator, limit: Limit::Ratio(share) };
            let told = stall(&level, inclusive).expect("possible").stalled;
            let value = |micros: u128| micros as f64 / PRESSURE.as_micros() as f64;
            assert!(operator.holds(value(told.as_micros()), share), "{level:?}");
            let less = told.as_micros() - 1;
            assert!(less == 0 || !operator.holds(value(less), share), "{level:?}: not the least");
        }
    }

    #[test]
    fn what_cannot_be_is_not_asked_for() {
        let level = |resource, full, share| Level {
            metric: Metric::Pressure { resource, full },
            operator: Operator::Greater,
            limit: Limit::Ratio(share),
        };
        assert_eq!(stall(&level(Resource::Cpu, true, 0.1), false), None);
        assert_eq!(stall(&level(Resource::Memory, false, 1.0), false), None);
        assert!(stall(&level(Resource::Cpu, false, 0.1), false).is_some());
    }
}
