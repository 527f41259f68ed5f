//! The note stands before the deed: deeds of a turn go out together, after one note of all of them.
//!
//! Not here: what is noted (`crate::message`), how it is written (`crate::state`).

use super::Core;
use crate::clock::{self, BootTime};
use crate::identity::ProcessKey;
use crate::message::{Act, BrakeOrder, Level, ReleaseOrder};
use crate::state::Durability;

/// What waits for the note of it.
pub(super) enum Deed {
    Act(Act),
    Brake(BrakeOrder),
    /// With those that may have been stopped besides, as of the decision.
    Release(ReleaseOrder, Vec<ProcessKey>),
}

impl Core {
    /// Notes what must survive, then lets the deeds of this turn out. A note without a deed behind
    /// it may wait, so that ten thousand services do not write ten thousand notes a second: writing
    /// takes a tenth of the time at most.
    pub(super) fn settle(&mut self) {
        let now = clock::boot_now();
        if self.told_due.take_if(|due| *due <= now).is_some() {
            self.unsaved = true;
        }
        if self.unsaved && (!self.deeds.is_empty() || now >= self.note_due()) {
            self.save();
        }
        for deed in self.deeds.drain(..) {
            match deed {
                Deed::Act(act) => self.parts.io.runner.act(act),
                Deed::Brake(order) => self.parts.io.runner.brake(order),
                Deed::Release(order, others) => self.parts.io.runner.release(order, others),
            }
        }
    }

    pub(super) fn note_due(&self) -> BootTime {
        let (at, took) = self.saved;
        at + took * 9
    }

    pub(super) fn save(&mut self) {
        self.unsaved = false;
        let (begun, calm) = (clock::boot_now(), self.deeds.is_empty());
        let changes = self.parts.engine.changes(begun);
        let noted = changes.and_then(|changes| self.parts.store.append(changes, calm));
        let noted = noted.unwrap_or_else(|| self.parts.store.save(self.parts.engine.saved(begun)));
        self.report(noted);
        let now = clock::boot_now();
        self.saved = (now, now.since(begun));
    }

    /// The last note, after which people will have been told of all: whole, for a version that comes
    /// after us may not know of appended changes.
    pub(super) fn save_last(&mut self) {
        self.unsaved = false;
        let noted = self.parts.store.save(self.parts.engine.saved(BootTime(u64::MAX)));
        self.report(noted);
    }

    fn report(&mut self, noted: Option<Durability>) {
        match noted {
            Some(Durability::NotDurable(why)) => {
                self.note(Level::Error, format!("state: not durable: {why}"));
            }
            Some(Durability::Durable) => self.note(Level::Info, "state: durable again".into()),
            None => {}
        }
    }
}
