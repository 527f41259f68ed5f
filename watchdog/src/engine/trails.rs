//! The trails of one service: one for each number and window that its rules look back on.
//!
//! Not here: one trail (`trail`), what it says (`trend`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::trail::Trail;
use crate::metric::Metric;
use crate::service::{Rule, Test};

/// As many as there are such tests; each bounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trails(Vec<(Metric, Duration, Trail)>);

impl Trails {
    /// Keeps what these rules look back on, of the metrics that are `ours`; what was followed before
    /// keeps its past.
    pub(crate) fn follow<'a>(
        &mut self,
        rules: impl IntoIterator<Item = &'a Rule>,
        ours: impl Fn(Metric) -> bool,
    ) {
        let mut former = std::mem::take(&mut self.0);
        for rule in rules {
            rule.condition.for_each_test(&mut |test| {
                let wanted = match test {
                    Test::Trend(trend) => Some((trend.metric, trend.window())),
                    Test::Level(level) => {
                        level.metric.counts_over().map(|time| (level.metric, time))
                    }
                    _ => None,
                };
                let Some((metric, window)) = wanted.filter(|wanted| ours(wanted.0)) else { return };
                if self.get(metric, window).is_some() {
                    return;
                }
                let known = former.iter().position(|(m, w, _)| (*m, *w) == (metric, window));
                let trail = match known {
                    Some(known) => former.swap_remove(known).2,
                    None => Trail::new(window),
                };
                self.0.push((metric, window, trail));
            });
        }
    }

    /// Takes each number as it is now; one that is not known leaves its trail as it is.
    pub(crate) fn push(&mut self, at: BootTime, value: impl Fn(Metric) -> Option<f64>) {
        for (metric, _, trail) in &mut self.0 {
            if let Some(value) = value(*metric) {
                trail.push(at, value);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(|(_, _, trail)| trail.clear());
    }

    pub(crate) fn get(&self, metric: Metric, window: Duration) -> Option<&Trail> {
        self.0.iter().find(|(m, w, _)| (*m, *w) == (metric, window)).map(|(_, _, trail)| trail)
    }
}
