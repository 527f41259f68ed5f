//! Letting go of what a brake holds: when its time is over, at the daemon's end, after a former run,
//! and where the kernel stopped somebody by itself. What cannot be let go is tried again until it is.
//!
//! Not here: when a rule brakes (`brake`), services that are no more (`leaving`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::brake::{InForce, Phase, brakes, by_kernel};
use crate::message::{Decision, Level as LogLevel, ReleaseOrder, Released};
use crate::sensor::Limits;
use crate::service::EventWord;

/// A release that fails again is told again after this.
const TOLD: Duration = Duration::from_secs(60);
/// A release that failed is tried again after this.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Lets go of what the service's brake holds. Where an action ends it, that is left to it.
    pub(crate) fn release(&mut self, i: usize) {
        let state = &mut self.services[i];
        if state.brake.is_none() && state.armed.brakes() {
            state.brake = Some(Box::new(InForce::of_the_kernel()));
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
        if let Some(brake) = self.services[i].brake.as_deref_mut().filter(own).filter(|_| failed) {
            // It is tried each second; a line a minute says enough.
            again = brake.told.is_some_and(|told| at.since(told) < TOLD);
            if !again {
                brake.told = Some(at);
            }
        }
        if let Some((level, event, text)) = off(released).filter(|_| !again) {
            self.log(i, level, event, text, at);
        }
        let Some(brake) = self.services[i].brake.as_deref_mut().filter(own) else {
            return;
        };
        if !failed {
            self.services[i].brake = None;
            self.out.push(Decision::Save);
        } else {
            brake.phase = Phase::Releasing(Some(at + AGAIN));
        }
    }

    /// Brakes whose time is over.
    pub(crate) fn release_due(&mut self, due: &[usize], at: BootTime) {
        for &i in due {
            let due = self.services[i].brake.as_deref().and_then(InForce::due);
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
                state.brake = Some(Box::new(InForce::of_the_kernel()));
                // It may be armed no more, and the note without it.
                self.out.push(Decision::Save);
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
        self.decided()
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
