//! When something is due without an input: the moment that each service waits for, kept from step to
//! step. Of ten thousand services not every one is asked at each turn of the loop.
//!
//! Not here: what is done then (`attempt`, `stirring`, `brake`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::event::Event;
use crate::identity::ServiceId;
use crate::message::{Decision, Input};

/// The moments, by the services' places.
#[derive(Debug)]
pub(crate) struct Due {
    moments: Vec<Option<BootTime>>,
    first: Option<BootTime>,
    stale: Stale,
}

/// Whose moment may be another now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stale {
    These(Vec<ServiceId>),
    All,
}

impl Default for Due {
    fn default() -> Self {
        Self { moments: Vec::new(), first: None, stale: Stale::All }
    }
}

/// Whose moment an input may change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Touches {
    Nobody,
    One(ServiceId),
    All,
}

impl Touches {
    pub(crate) fn of(input: &Input) -> Self {
        match input {
            // What a pass shows is taken in; its end judges it.
            Input::Event(Event::Sample(_) | Event::Group(_)) => Self::Nobody,
            Input::Observed(observed) => Self::One(observed.service),
            _ => Self::All,
        }
    }
}

impl Engine {
    /// When [`Engine::step`] wants an `Input::Wake`, at the latest.
    pub fn next_wake(&mut self) -> Option<BootTime> {
        match std::mem::replace(&mut self.due.stale, Stale::These(Vec::new())) {
            Stale::All => {
                self.due.moments = (0..self.services.len()).map(|i| self.due_of(i)).collect();
                self.due.first = self.due.moments.iter().flatten().min().copied();
            }
            Stale::These(services) => {
                for service in services {
                    self.due_again(service);
                }
            }
        }
        self.due.first.into_iter().chain(self.leaving_due()).min()
    }

    /// Remembers whose moment the step that is over may have changed.
    pub(crate) fn note_due(&mut self, touches: Touches) {
        // What decides more than to tell something may have moved others.
        let tells = |decision: &Decision| {
            matches!(decision, Decision::Log(_) | Decision::Alert(_) | Decision::Save)
        };
        match touches {
            Touches::Nobody => {}
            Touches::One(service)
                if self.out.iter().all(tells)
                    && self.index(service).is_some_and(|i| !self.graph.has_above(i)) =>
            {
                if let Stale::These(services) = &mut self.due.stale {
                    services.push(service);
                }
            }
            Touches::One(_) | Touches::All => self.due.stale = Stale::All,
        }
    }

    fn due_again(&mut self, service: ServiceId) {
        let Some(i) = self.index(service) else { return };
        let moment = self.due_of(i);
        let Some(place) = self.due.moments.get_mut(i) else { return };
        let former = std::mem::replace(place, moment);
        if former == moment {
            return;
        }
        self.due.first = if former.is_some() && former == self.due.first {
            self.due.moments.iter().flatten().min().copied()
        } else {
            self.due.first.into_iter().chain(moment).min()
        };
    }

    fn due_of(&self, i: usize) -> Option<BootTime> {
        let state = self.services.get(i)?;
        let brake = state.brake.as_ref().and_then(|brake| brake.due());
        if state.acting.is_some() || !state.monitored {
            return brake;
        }
        let recovering = state.recovering.as_ref().map(|recovering| recovering.next);
        // What waits for another begins with that.
        let wanted =
            state.wanted.as_ref().filter(|_| self.holder(i).is_none() && !self.is_asleep(i));
        let wanted = wanted.map(|wanted| wanted.at);
        let looks = [state.observed.due(), state.stirs()];
        let judged = [state.armed.due(), state.measure.due()];
        let own = [recovering, wanted, brake];
        own.into_iter().chain(looks).chain(judged).flatten().min()
    }
}
