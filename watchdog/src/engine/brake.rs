//! The brake: a rule has a service held, time or what follows lets it go. Never forgotten: what may
//! be held is part of the saved state until the runner has said that it is free.
//!
//! Not here: letting go (`release`), how processes are held (`action`), what the kernel stops by itself
//! at a crossing.

mod release;

pub(crate) use release::{AGAIN, off};

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::attempt::human;
use crate::engine::service::ServiceState;
use crate::message::{ActionId, BrakeOrder, Braked, Context, Decision, Held, Level as LogLevel};
use crate::metric::Metric;
use crate::service::{
    Action, Brake, BrakeHow, Condition, EventWord, Level, Qualifier, Rule, Severity, Test,
};

/// What was born so shortly before a brake came of the storm.
const STORM: Duration = Duration::from_secs(10);
/// A brake in force.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    /// The last order about it.
    id: ActionId,
    how: BrakeHow,
    held: Held,
    /// A former run's.
    former: bool,
    phase: Phase,
    /// When people were told that it cannot be let go.
    told: Option<BootTime>,
}

/// Where a brake is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Until then.
    Holding(BootTime),
    /// An action ends what is held.
    Ending,
    /// The runner was told to let go; where that failed, the moment of the next try.
    Releasing(Option<BootTime>),
}

impl InForce {
    /// What a former run of the daemon may have left held.
    pub(crate) fn former(held: Held) -> Self {
        let phase = Phase::Holding(BootTime::default());
        let (id, how) = (ActionId(0), BrakeHow::Freeze);
        Self { id, how, held, former: true, phase, told: None }
    }

    /// What the kernel may have stopped by itself.
    fn of_the_kernel() -> Self {
        Self { former: false, ..Self::former(Held::default()) }
    }

    /// When something is to be done about it.
    pub(crate) fn due(&self) -> Option<BootTime> {
        match self.phase {
            Phase::Holding(until) => Some(until),
            Phase::Releasing(again) => again,
            Phase::Ending => None,
        }
    }

    /// What is needed to let go of it: the last order, what is held, and whether a former run did it.
    pub(crate) fn note(&self) -> (ActionId, Held, bool) {
        (self.id, self.held.clone(), self.former)
    }

    /// Until when it holds, for people.
    pub(crate) fn until(&self) -> Option<BootTime> {
        match self.phase {
            Phase::Holding(until) => Some(until),
            Phase::Releasing(_) | Phase::Ending => None,
        }
    }
}

impl ServiceState {
    /// What may be held, for the saved state.
    pub(crate) fn may_hold(&self) -> Option<Held> {
        let armed = self.armed.brakes().then(Held::default);
        self.brake.as_ref().map(|brake| brake.held.clone()).or(armed)
    }
}

impl Engine {
    /// A rule wants the service held.
    pub(crate) fn brake(&mut self, i: usize, rule: &Rule, brake: Brake, at: BootTime) {
        let until = at + brake.lasting;
        let state = &mut self.services[i];
        if state.service.process().is_none() {
            return;
        }
        match state.brake.as_deref_mut() {
            Some(InForce { phase: Phase::Ending, .. }) => return,
            Some(InForce { phase: Phase::Holding(held_until), how, .. }) if *how >= brake.how => {
                *held_until = until.max(*held_until);
                return;
            }
            _ => {}
        }
        let id = self.next_action();
        let state = &mut self.services[i];
        let held = state.may_hold().unwrap_or_default();
        let former = state.brake.as_ref().is_some_and(|brake| brake.former);
        let phase = Phase::Holding(until);
        let brake_now = InForce { id, how: brake.how, held, former, phase, told: None };
        state.brake = Some(Box::new(brake_now));
        let order = BrakeOrder {
            id,
            service: state.service.clone(),
            how: brake.how,
            main: state.main(),
            storm: BootTime(at.0.saturating_sub(window(rule).as_nanos() as u64)),
        };
        let text = format!("trying to brake ({} for {})", brake.how.word(), human(brake.lasting));
        // The note stands before the deed: after a crash of ours nobody stays held.
        self.out.push(Decision::Save);
        self.log(i, LogLevel::Info, None, text, at);
        self.out.push(Decision::Brake(order));
    }

    /// The runner holds it, or not all of it.
    pub(crate) fn braked(&mut self, braked: Braked, at: BootTime) {
        let Some(i) = self.index(braked.service) else {
            self.braked_leaving(&braked);
            return;
        };
        if let Some(brake) = &mut self.services[i].brake
            && brake.id == braked.id
        {
            brake.held = braked.held;
            self.out.push(Decision::Save);
        }
        match braked.result {
            Ok(text) => self.log(i, LogLevel::Info, None, format!("brake on: {text}"), at),
            Err(why) => {
                let text = format!("failed to brake: {why}");
                self.log(i, LogLevel::Error, Some(EventWord::Exec), text.clone(), at);
                let context = Context::plain("Execution failed", text, at);
                self.alert_service(i, EventWord::Exec, &context, &[], Severity::Critical);
            }
        }
    }

    /// An action begins that ends what is held, if anything is.
    pub(crate) fn ends_brake(&mut self, i: usize) -> bool {
        let brake = self.services[i].brake.as_mut();
        brake.map(|brake| brake.phase = Phase::Ending).is_some()
    }

    /// An action has ended, and the brake that it met with it.
    pub(crate) fn brake_ended(&mut self, i: usize) {
        let state = &mut self.services[i];
        if state.brake.as_ref().is_some_and(|brake| brake.phase == Phase::Ending) {
            state.brake = None;
            self.out.push(Decision::Save);
        }
    }
}

/// Whether the kernel itself stops who forks: where the rule leaves nothing to judge, a count of
/// forks, at once, and the brake. It stops whatever the brake does then: what can be taken back
/// comes first, and those whom it ended would leave children behind that go on.
pub(crate) fn by_kernel(rule: &Rule) -> bool {
    let plain = matches!(
        &rule.condition,
        Condition::Test(Test::Level(level)) if matches!(level.metric, Metric::Forks { .. })
    );
    plain && brakes(rule) && rule.qualifier == Qualifier::Once
}

/// Whether the rule brakes.
pub(crate) fn brakes(rule: &Rule) -> bool {
    rule.then.iter().any(|action| matches!(action, Action::Brake(_)))
}

/// How long before a brake the storm can have begun.
fn window(rule: &Rule) -> Duration {
    let mut longest = STORM;
    rule.condition.for_each_test(&mut |test| {
        if let Test::Level(Level { metric: Metric::Forks { per }, .. }) = test {
            longest = longest.max(*per);
        }
    });
    longest
}
