//! When something is due without an input: the moment that each service waits for, kept from step to
//! step. Of ten thousand services not every one is asked at each turn of the loop.
//!
//! Not here: what is done then (`attempt`, `stirring`, `brake`).

use std::collections::BTreeSet;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::services::{FEW, For};

/// The moments, by the services' places and in order.
#[derive(Debug, Default)]
pub(crate) struct Due {
    moments: Vec<Option<BootTime>>,
    order: BTreeSet<(BootTime, usize)>,
}

impl Due {
    fn set(&mut self, i: usize, moment: Option<BootTime>) {
        let Some(place) = self.moments.get_mut(i) else { return };
        let former = std::mem::replace(place, moment);
        if former == moment {
            return;
        }
        if let Some(former) = former {
            self.order.remove(&(former, i));
        }
        if let Some(moment) = moment {
            self.order.insert((moment, i));
        }
    }
}

impl Engine {
    /// When [`Engine::step`] wants an `Input::Wake`, at the latest.
    pub fn next_wake(&mut self) -> Option<BootTime> {
        self.follow_due();
        let first = self.due.order.first().map(|(moment, _)| *moment);
        first.into_iter().chain(self.leaving_due()).min()
    }

    /// The services whose moment has come, by place.
    pub(crate) fn due_by(&mut self, at: BootTime) -> Vec<usize> {
        self.follow_due();
        let come = self.due.order.iter().take_while(|(moment, _)| *moment <= at);
        let mut come: Vec<usize> = come.map(|(_, i)| *i).collect();
        come.sort_unstable();
        // What time alone has changed.
        come.iter().for_each(|i| self.services.touch(*i));
        come
    }

    /// Finds the moments of those anew whose may be another: of what was touched, and of what waits for
    /// that.
    fn follow_due(&mut self) {
        let services = self.services.len();
        if self.due.moments.len() != services {
            self.due = Due { moments: vec![None; services], order: BTreeSet::new() };
        }
        let touched = self.services.take_touched(For::Due);
        let all = touched.len() == services;
        for i in touched {
            self.due.set(i, self.due_of(i));
            if all || !self.graph.has_above(i) {
                continue;
            }
            let above: Vec<usize> = self.graph.all_above(i).collect();
            for d in above {
                self.due.set(d, self.due_of(d));
            }
        }
        if cfg!(debug_assertions) && services <= FEW {
            for i in 0..services {
                let name = &self.services[i].service.name;
                assert_eq!(self.due.moments[i], self.due_of(i), "nobody touched {name}");
            }
        }
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
