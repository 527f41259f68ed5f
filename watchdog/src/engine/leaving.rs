//! Services that the configuration does not name any more while processes of theirs may be held: each
//! stays in the saved state until the runner has let go.
//!
//! Not here: services that there are (`brake`).

use std::sync::Arc;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::brake::{AGAIN, off};
use crate::identity::{ProcessKey, ServiceId};
use crate::message::{
    ActionId, Braked, Decision, Held, LogLine, ReleaseOrder, Released, SavedService, SavedState,
};
use crate::service::{Control, Service, ServiceKind};

/// A service that is no more, and may hold somebody.
#[derive(Debug, Clone)]
pub(crate) struct Leaving {
    order: ReleaseOrder,
    /// When it is to be let go; none while that, or the end of what is held, is under way.
    due: Option<BootTime>,
}

impl Leaving {
    /// What is to be let go, or is being let go.
    pub(crate) fn of(order: ReleaseOrder) -> Self {
        Self { order, due: None }
    }

    /// Its number is nobody else's before it is let go.
    pub(crate) fn service(&self) -> ServiceId {
        self.order.service.id
    }
}

impl Engine {
    /// What a former run noted of services that are not in the configuration.
    pub(crate) fn adopt_leaving(&mut self, saved: &SavedState) {
        let mut number = self.services.len() as u32;
        for (name, saved) in &saved.services {
            let known = self.services.iter().any(|state| state.service.name == *name);
            let Some(held) = saved.brake.clone().filter(|_| !known) else { continue };
            let service = Arc::new(Service {
                id: ServiceId(number),
                name: name.clone(),
                groups: Vec::new(),
                kind: ServiceKind::System,
                control: Control::default(),
                rules: Vec::new(),
            });
            number += 1;
            let (id, main) = (ActionId(0), saved.main);
            let order = ReleaseOrder { id, service, main, held, former: true };
            self.leaving.push(Leaving { order, due: Some(BootTime::default()) });
        }
    }

    /// A service is taken out of the configuration; it was told to let go, or what it holds is being
    /// ended.
    pub(crate) fn leave(
        &mut self,
        service: Arc<Service>,
        main: Option<ProcessKey>,
        brake: (ActionId, Held, bool),
    ) {
        let (id, held, former) = brake;
        self.leaving.push(Leaving::of(ReleaseOrder { id, service, main, held, former }));
    }

    /// Adds them to what must survive the daemon.
    pub(crate) fn save_leaving(&self, saved: &mut SavedState) {
        for Leaving { order, .. } in &self.leaving {
            let unknown = SavedService { main: order.main, ..SavedService::default() };
            let saved = saved.services.entry(order.service.name.clone()).or_insert(unknown);
            // It may be there again, and hold somebody again.
            let mut held = saved.brake.take().unwrap_or_default();
            held.frozen = held.frozen.or_else(|| order.held.frozen.clone());
            held.stopped.extend(&order.held.stopped);
            saved.brake = Some(held);
        }
    }

    /// Lets go of those whose time has come.
    pub(crate) fn release_leaving(&mut self, at: BootTime) {
        for n in 0..self.leaving.len() {
            if self.leaving[n].due.is_some_and(|due| due <= at) {
                let id = self.next_action();
                let leaving = &mut self.leaving[n];
                (leaving.order.id, leaving.due) = (id, None);
                self.out.push(Decision::Release(leaving.order.clone()));
            }
        }
    }

    /// When the next is to be let go.
    pub(crate) fn leaving_due(&self) -> impl Iterator<Item = BootTime> {
        self.leaving.iter().filter_map(|leaving| leaving.due)
    }

    /// A brake that was under way when the service was taken out has held these.
    pub(crate) fn braked_leaving(&mut self, braked: &Braked) {
        let leaving = self.leaving.iter_mut().find(|one| one.service() == braked.service);
        if let Some(leaving) = leaving {
            leaving.order.held = braked.held.clone();
            self.note.whole = true;
            self.out.push(Decision::Save);
        }
    }

    /// The runner has let one go, or could not. False where it is none of these.
    pub(crate) fn released_leaving(&mut self, released: &Released, at: BootTime) -> bool {
        let Some(n) = self.leaving.iter().position(|one| one.order.id == released.id) else {
            return false;
        };
        if let Some((level, event, text)) = off(released) {
            let service = Some(self.leaving[n].order.service.name.clone());
            self.out.push(Decision::Log(LogLine { at, level, service, event, text }));
        }
        if released.result.is_ok() {
            self.leaving.remove(n);
            self.note.whole = true;
            self.out.push(Decision::Save);
        } else {
            self.leaving[n].due = Some(at + AGAIN);
        }
        true
    }

    /// The action that ended what a service held is over.
    pub(crate) fn left(&mut self, service: ServiceId) {
        let before = self.leaving.len();
        self.leaving.retain(|leaving| leaving.service() != service);
        if self.leaving.len() != before {
            self.note.whole = true;
            self.out.push(Decision::Save);
        }
    }
}
