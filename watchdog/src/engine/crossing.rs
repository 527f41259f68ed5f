//! Limits that the kernel watches between cycles: which are armed, and what a crossing leads to.
//!
//! A rule without cycles on memory, children or forks is judged when its limit is crossed. Armed is
//! the lowest limit that is not passed yet: one that is passed already is told by its rule, or waits
//! for the next pass. Not here: judging (`judge`), how the kernel watches (`source`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::brake;
use crate::engine::judge::limit_number;
use crate::engine::judging::{Moment, has};
use crate::engine::levels::Over;
use crate::engine::service::ServiceState;
use crate::engine::services::{FEW, For};
use crate::engine::wording;
use crate::event::{Crossed, Crossing, Event};
use crate::identity::ServiceId;
use crate::message::{Decision, Input, RuleStatus};
use crate::metric::{Metric, Operator};
use crate::sensor::{ForkLimit, Limits};
use crate::service::{Condition, Level, Qualifier, Rule, Test};

/// A limit that was crossed and no longer is when looked at may be crossed again at once: so often it
/// is armed again at most.
const PAUSE: Duration = Duration::from_millis(100);

/// Of which services an input may have changed what is to be watched.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    Nothing,
    One(ServiceId),
    All,
}

impl Scope {
    pub(crate) fn of(input: &Input) -> Self {
        match input {
            Input::Event(Event::Exited(exited)) => Self::One(exited.service),
            Input::Crossed(crossed) => Self::One(crossed.service),
            Input::Measured(measured) => Self::One(measured.service),
            Input::Observed(observed) => Self::One(observed.service),
            Input::Found(found) => Self::One(found.service),
            Input::Progress(progress) => Self::One(progress.service),
            Input::Acted(acted) => Self::One(acted.service),
            Input::Braked(braked) => Self::One(braked.service),
            Input::Released(released) => Self::One(released.service),
            Input::Minute(_)
            | Input::Stalled(_)
            | Input::Command(_)
            | Input::Cycle
            | Input::Sampled
            | Input::Wake => Self::All,
            // What a pass shows is judged by the input behind it.
            Input::Event(_)
            | Input::Host(_)
            | Input::Users(_)
            | Input::Stirred(_)
            | Input::Advised { .. } => Self::Nothing,
        }
    }
}

/// What the kernel watches for one service, as far as we told it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Armed {
    limits: Limits,
    /// A limit was told, or the group is another: set them again even where they are the same.
    stale: bool,
    /// When they were set last.
    at: BootTime,
    /// The last look could not see every process: what the kernel told stands for it.
    pub blind: bool,
    /// The crossing that rules are being judged by.
    pub crossed: Option<Crossed>,
}

impl Armed {
    /// Whether the kernel may stop processes of the service by itself.
    pub(crate) fn brakes(&self) -> bool {
        self.limits.forks.is_some_and(|forks| forks.brake)
    }

    /// The kernel forgot them with the group.
    pub(crate) fn forgotten(&mut self) {
        (self.limits, self.stale) = (Limits::default(), false);
    }

    /// When the same limits may be set again; none where nothing waits for it.
    pub(crate) fn due(&self) -> Option<BootTime> {
        (self.stale && self.limits != Limits::default()).then_some(self.at + PAUSE)
    }

    /// Whether the kernel has to be told that this should be watched.
    fn differs(&self, limits: Limits, now: BootTime) -> bool {
        let again = limits != Limits::default() && self.stale && now >= self.at + PAUSE;
        limits != self.limits || again
    }

    /// The kernel is told so.
    fn set(&mut self, limits: Limits, now: BootTime) {
        (self.limits, self.stale, self.at) = (limits, false, now);
    }

    /// The value that a crossing stands for, where no look tells it.
    pub(crate) fn told(&self, metric: Metric) -> Option<f64> {
        let crossed = self.crossed.as_ref()?;
        let stands = match (crossed.crossing, metric) {
            // Forks within a moment are in no sample.
            (Crossing::Forks, Metric::Forks { per }) => {
                self.limits.forks.is_some_and(|forks| forks.window == per)
            }
            (Crossing::TotalMemory, Metric::TotalMemory)
            | (Crossing::Memory, Metric::Memory)
            | (Crossing::Children, Metric::Children) => self.blind,
            _ => false,
        };
        stands.then_some(crossed.value as f64)
    }
}

impl Engine {
    /// A limit was crossed, and the service has been looked at since.
    pub(crate) fn crossed(&mut self, crossed: Crossed, at: BootTime) {
        let Some(i) = self.index(crossed.service) else { return };
        let armed = &mut self.services[i].armed;
        armed.stale = true;
        armed.crossed = Some(crossed);
        self.judge_service(i, Moment::Crossing, at);
        self.services[i].armed.crossed = None;
        if crossed.crossing == Crossing::Forks {
            self.release_crossed(i);
        }
    }

    /// Who crossed the limit that is being judged, where it was one process.
    pub(crate) fn crossed_by(&self, i: usize) -> Option<String> {
        let state = &self.services[i];
        let by = state.armed.crossed.as_ref().map(|crossed| crossed.by)?;
        let seen = state.levels.members().iter().find(|seen| seen.process == by);
        match seen {
            Some(seen) => Some(wording::crossed(seen)),
            None if by.pid != 0 => Some(format!("the limit was crossed by pid {}", by.pid)),
            None => None,
        }
    }

    pub(crate) fn looked(&mut self, service: ServiceId, began: BootTime, complete: bool) {
        if let Some(i) = self.index(service) {
            let state = &mut self.services[i];
            state.levels.looked(began, complete);
            state.armed.blind = !complete;
        }
    }

    /// What was decided may have changed what is to be watched. Comes last in each step.
    pub(crate) fn arm(&mut self, scope: Scope, at: BootTime) {
        let forgotten: Vec<ServiceId> = self
            .out
            .iter()
            .filter_map(|decision| match decision {
                Decision::Watch { service, .. } | Decision::Unwatch(service) => Some(*service),
                _ => None,
            })
            .collect();
        for service in forgotten {
            if let Some(i) = self.index(service) {
                if self.services[i].armed.brakes() {
                    // Whom the kernel may have stopped is in the note, and others are not.
                    self.out.push(Decision::Save);
                }
                self.services[i].armed.forgotten();
            }
        }
        let places = match scope {
            Scope::Nothing => return,
            Scope::One(service) => self.index(service).into_iter().collect(),
            // What nobody has touched is watched as it should be.
            Scope::All => self.services.take_touched(For::Limits),
        };
        for i in places {
            let limits = self.limits(&self.services[i]);
            if self.services[i].armed.differs(limits, at) {
                let state = &mut self.services[i];
                let braked = state.armed.brakes();
                state.armed.set(limits, at);
                let service = state.service.id;
                if braked != state.armed.brakes() {
                    // Whom the kernel may stop is noted as soon as may be, though not before it may: a deed
                    // waits for the note, and this is none.
                    self.out.push(Decision::Save);
                }
                self.out.push(Decision::Arm { service, limits });
            }
        }
        if cfg!(debug_assertions) && matches!(scope, Scope::All) && self.services.len() <= FEW {
            for state in self.services.iter() {
                let name = &state.service.name;
                assert_eq!(state.armed.limits, self.limits(state), "nobody touched {name}");
            }
        }
    }

    /// What the kernel shall watch for the service now.
    fn limits(&self, state: &ServiceState) -> Limits {
        let mut limits = Limits::default();
        if !state.monitored || state.acting.is_some() || state.main().is_none() {
            return limits;
        }
        let now = |metric| state.levels.value(metric, Over::Known, 1, BootTime::default());
        let whole = |metric| self.host.whole(metric);
        for (rule, remembered) in state.service.rules.iter().zip(&state.rules) {
            limits.member_deaths |=
                has(rule, |test| matches!(test, Test::Death(death) if death.member));
            // While a brake holds, the kernel goes on stopping who forks.
            let brakes = brake::by_kernel(rule);
            let held = state.brake.is_some() && brakes;
            if !is_at_once(rule) || remembered.status() == RuleStatus::Failing && !held {
                continue;
            }
            rising(&rule.condition, false, &mut |level, inclusive| {
                let worth = |rss| self.worth(state, level.metric, rss);
                lower(&mut limits, level, inclusive, &now, &whole, &worth);
                forks(&mut limits, level, inclusive, brakes);
            });
        }
        limits
    }
}

/// Puts a test's limit in where it is the lowest that is not passed.
fn lower(
    limits: &mut Limits,
    level: &Level,
    inclusive: bool,
    now: &dyn Fn(Metric) -> Option<f64>,
    whole: &dyn Fn(Metric) -> Option<f64>,
    worth: &dyn Fn(f64) -> Option<u64>,
) {
    let Some(mut above) = threshold(level, inclusive, whole) else { return };
    let slot = match level.metric {
        Metric::TotalMemory => &mut limits.total_memory,
        Metric::Memory => &mut limits.memory,
        Metric::Children => &mut limits.children,
        _ => return,
    };
    if let Some(value) = now(level.metric).filter(|value| *value > above as f64) {
        // RSS may be over a limit that PSS has not passed: told again when it has grown.
        match worth(value) {
            Some(next) => above = next,
            None => return,
        }
    }
    *slot = Some(slot.map_or(above, |known| known.min(above)));
}

/// Puts a limit of forks in. The kernel counts in one window for a service: that of the rule that
/// brakes, else the shortest; the others are judged at passes.
fn forks(limits: &mut Limits, level: &Level, inclusive: bool, brake: bool) {
    let Metric::Forks { per: window } = level.metric else { return };
    let Some(count) = threshold(level, inclusive, &|_| None) else { return };
    let new = ForkLimit { count, window, brake };
    let order = |limit: &ForkLimit| (!limit.brake, limit.window, limit.count);
    if limits.forks.as_ref().is_none_or(|known| order(&new) < order(known)) {
        limits.forks = Some(new);
    }
}

/// The whole number that the value is above where the test begins to hold.
fn threshold(level: &Level, inclusive: bool, whole: &dyn Fn(Metric) -> Option<f64>) -> Option<u64> {
    let number = match level.limit {
        crate::service::Limit::Ratio(ratio) => ratio * whole(level.metric)?,
        limit => limit_number(limit),
    };
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    Some(if inclusive { (number.ceil() as u64).saturating_sub(1) } else { number as u64 })
}

/// Calls `visit` for each test that begins to hold when its number rises, and says whether it holds
/// at the limit itself already.
pub(crate) fn rising(condition: &Condition, negated: bool, visit: &mut dyn FnMut(&Level, bool)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| rising(part, negated, visit));
        }
        Condition::Not(part) => rising(part, !negated, visit),
        Condition::Test(Test::Level(level)) => match (level.operator, negated) {
            (Operator::Greater, false) | (Operator::LessOrEqual, true) => visit(level, false),
            (Operator::GreaterOrEqual, false) | (Operator::Less, true) => visit(level, true),
            _ => {}
        },
        Condition::Test(_) => {}
    }
}

/// Whether the rule is judged when a limit of its is crossed.
pub(crate) fn is_at_once(rule: &Rule) -> bool {
    let mut watched = false;
    rising(&rule.condition, false, &mut |level, _| {
        watched |= matches!(
            level.metric,
            Metric::TotalMemory | Metric::Memory | Metric::Children | Metric::Forks { .. }
        );
    });
    watched && !matches!(rule.qualifier, Qualifier::Cycles { .. })
}

/// Whether a judgement at a crossing counts: what begins to hold does, and what breaks a stretch of
/// time. A rule recovers at a pass.
pub(crate) fn counts(rule: &Rule, failing: bool, truth: Option<bool>) -> bool {
    let lasting = matches!(rule.qualifier, Qualifier::Lasting(_));
    truth == Some(true) || lasting && !failing && truth == Some(false)
}

#[cfg(test)]
mod tests;
