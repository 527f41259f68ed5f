//! The brake: a rule has a service held, time or what follows lets it go. Never forgotten: what may
//! be held is part of the saved state until the runner has said that it is free.
//!
//! Not here: how processes are held (`action`), what the kernel stops by itself at a crossing.

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::attempt::human;
use crate::engine::service::ServiceState;
use crate::message::{
    ActionId, BrakeOrder, Braked, Context, Decision, Held, Level as LogLevel, ReleaseOrder,
    Released,
};
use crate::metric::Metric;
use crate::service::{
    Action, Brake, BrakeHow, Condition, EventWord, Level, Qualifier, Rule, Severity, Test,
};
use crate::source::Limits;

/// What was born so shortly before a brake came of the storm.
const STORM: Duration = Duration::from_secs(10);
/// A release that fails again is told again after this.
const TOLD: Duration = Duration::from_secs(60);
/// A release that failed is tried again after this.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

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
        match &mut state.brake {
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
        state.brake = Some(InForce { id, how: brake.how, held, former, phase, told: None });
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

    /// Lets go of what the service's brake holds. Where an action ends it, that is left to it.
    pub(crate) fn release(&mut self, i: usize) {
        let state = &mut self.services[i];
        if state.brake.is_none() && state.armed.brakes() {
            state.brake = Some(InForce::of_the_kernel());
        }
        let Some(brake) = &state.brake else { return };
        if matches!(brake.phase, Phase::Ending | Phase::Releasing(None)) {
            return;
        }
        // If the storm goes on, its rule is to find that out anew.
        let state = &mut self.services[i];
        for (rule, remembered) in state.service.rules.iter().zip(&mut state.rules) {
            if brakes(rule) {
                remembered.start_afresh();
            }
        }
        let id = self.next_action();
        let state = &mut self.services[i];
        let main = state.last_known();
        if let Some(brake) = &mut state.brake {
            (brake.id, brake.phase) = (id, Phase::Releasing(None));
            let (service, held, former) = (state.service.clone(), brake.held.clone(), brake.former);
            self.out.push(Decision::Release(ReleaseOrder { id, service, main, held, former }));
        }
    }

    /// The runner has let go, or could not.
    pub(crate) fn released(&mut self, released: &Released, at: BootTime) {
        if self.released_leaving(released, at) {
            return;
        }
        let Some(i) = self.index(released.service) else { return };
        let own = |brake: &&mut InForce| brake.id == released.id;
        let failed = released.result.is_err();
        let mut again = false;
        if let Some(brake) = self.services[i].brake.as_mut().filter(own).filter(|_| failed) {
            // It is tried each second; a line a minute says enough.
            again = brake.told.is_some_and(|told| at.since(told) < TOLD);
            if !again {
                brake.told = Some(at);
            }
        }
        if let Some((level, event, text)) = off(released).filter(|_| !again) {
            self.log(i, level, event, text, at);
        }
        let Some(brake) = self.services[i].brake.as_mut().filter(own) else {
            return;
        };
        if !failed {
            self.services[i].brake = None;
            self.out.push(Decision::Save);
        } else {
            brake.phase = Phase::Releasing(Some(at + AGAIN));
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

    /// Brakes whose time is over.
    pub(crate) fn release_due(&mut self, at: BootTime) {
        for i in 0..self.services.len() {
            let due = self.services[i].brake.as_ref().and_then(InForce::due);
            if due.is_some_and(|due| due <= at) {
                self.release(i);
            }
        }
        self.release_leaving(at);
    }

    /// Lets go of what a former run of the daemon left held.
    pub(crate) fn release_former(&mut self) {
        for i in 0..self.services.len() {
            self.release(i);
        }
        self.release_leaving(BootTime::default());
    }

    /// Lets go for good, or until the kernel is told anew what to watch for. It is told first, so that
    /// it stops nobody behind the release.
    pub(crate) fn release_wholly(&mut self, i: usize) {
        let state = &mut self.services[i];
        let brakes = state.armed.brakes();
        if brakes {
            let (service, limits) = (state.service.id, Limits::default());
            self.out.push(Decision::Arm { service, limits });
        }
        self.release(i);
        if brakes {
            self.services[i].armed.forgotten();
        }
    }

    /// Whom the kernel stopped at a crossing while nobody holds the service is let go at once.
    pub(crate) fn release_crossed(&mut self, i: usize) {
        let state = &mut self.services[i];
        if state.brake.is_none() {
            // Whatever is armed by now: it was when the limit was crossed.
            if state.service.rules.iter().any(by_kernel) {
                state.brake = Some(InForce::of_the_kernel());
            }
            self.release(i);
        }
    }

    /// The daemon ends: what is held is let go.
    pub fn farewell(&mut self) -> Vec<Decision> {
        for i in 0..self.services.len() {
            self.release_wholly(i);
        }
        self.release_leaving(BootTime(u64::MAX));
        std::mem::take(&mut self.out)
    }

    /// Whether anything is held that [`Engine::farewell`] lets go.
    pub fn holds(&self) -> bool {
        let mut brakes = self.services.iter().filter_map(|state| state.brake.as_ref());
        brakes.any(|brake| brake.phase != Phase::Ending) || !self.leaving.is_empty()
    }
}

/// What the log says of a release; nothing where nobody was held.
pub(crate) fn off(released: &Released) -> Option<(LogLevel, Option<EventWord>, String)> {
    match &released.result {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some((LogLevel::Info, None, format!("brake off: {text}"))),
        Err(why) => {
            let text = format!("failed to release the brake: {why}");
            Some((LogLevel::Error, Some(EventWord::Exec), text))
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
