//! What outlives a run: what is noted for the next one, and what is taken from the last.
//!
//! Not here: one service's part (`service`), files (`crate::state`), another configuration (`keep`).

mod service;

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::keep::DEPARTED;
use crate::engine::service::ServiceState;
use crate::engine::services::For;
use crate::identity::ProcessKey;
use crate::message::{Changes, Decision, SavedService, SavedState};

/// Nanoseconds within which it is the same moment for the note of when processes lived.
const SEEN: u64 = 60_000_000_000;

/// What is to be noted.
#[derive(Debug)]
pub(crate) struct Note {
    /// Services, by place.
    pub(super) places: BTreeSet<usize>,
    /// All of them, and those that there are no more.
    pub(super) whole: bool,
    /// A rule has failed or recovered in this part of the step.
    pub(super) told: bool,
    /// So many decisions of the step were looked through.
    pub(super) sifted: usize,
    /// The minute of the last note.
    minute: u64,
}

impl Default for Note {
    fn default() -> Self {
        Self { places: BTreeSet::new(), whole: true, told: false, sifted: 0, minute: 0 }
    }
}

impl Engine {
    pub(super) fn restore(&mut self, saved: &SavedState, now: BootTime) {
        for state in self.services.iter_mut() {
            let known = saved.services.get(&state.service.name);
            let unknown = SavedService::default();
            state.restore(known.unwrap_or(&unknown), saved.rebooted, now);
            let seen = saved.seen.filter(|_| !state.ended);
            state.seen = seen.map(|seen| BootTime(seen.min(now.0)));
        }
        self.departed = departed(saved, &self.services);
        self.adopt_leaving(saved);
    }

    /// In which order services stand in what is saved: sorted once, not for each note.
    pub(crate) fn follow_names(&mut self) {
        self.by_name = (0..self.services.len()).collect();
        let services = &self.services;
        self.by_name
            .sort_unstable_by(|a, b| services[*a].service.name.cmp(&services[*b].service.name));
    }

    /// What must survive the daemon. `now`: of the last moments before it nobody knows whether
    /// people were told; at the end, where the alerts are waited for, it is the end of time.
    pub fn saved(&self, now: BootTime) -> SavedState {
        let services = self.by_name.iter().map(|i| {
            let state = &self.services[*i];
            (state.service.name.clone(), state.saved(now))
        });
        let mut services: BTreeMap<String, SavedService> = services.collect();
        for (name, main) in &self.departed {
            let gone = || SavedService { main: Some(*main), ..SavedService::default() };
            services.entry(name.clone()).or_insert_with(gone);
        }
        let seen = Some(self.lived().0 / SEEN * SEEN).filter(|seen| *seen > 0);
        let mut saved = SavedState { services, seen, rebooted: false };
        self.save_leaving(&mut saved);
        saved
    }

    /// What may have changed of that since this was asked last: of each service that was touched where a
    /// note was asked for. None where all is to be noted.
    pub fn changes(&mut self, now: BootTime) -> Option<Changes> {
        // Whoever is let go may be there again by its name: what is held of the former one stands in its note.
        let whole = std::mem::take(&mut self.note.whole) || !self.leaving.is_empty();
        let mut places = std::mem::take(&mut self.note.places);
        if whole {
            // A reload may have given them to others.
            places = (0..self.services.len()).collect();
        }
        let on_its_way = |i: &usize| {
            let rules = self.services.get(*i).map_or(&[][..], |state| &state.rules);
            rules.iter().any(|rule| rule.is_on_its_way(now))
        };
        // These are noted once more when it is there.
        self.note.places = places.iter().copied().filter(on_its_way).collect();
        if whole {
            return None;
        }
        let states = places.iter().filter_map(|i| self.services.get(*i));
        let services = states.map(|state| (state.service.name.clone(), state.saved(now))).collect();
        let minute = self.judged.0 / SEEN * SEEN;
        let seen = (std::mem::replace(&mut self.note.minute, minute) != minute)
            .then(|| self.lived().0 / SEEN * SEEN)
            .filter(|seen| *seen > 0);
        Some(Changes { services, seen })
    }

    /// A part of a step is over: what it has touched is to be noted where it asked for a note.
    pub(crate) fn sift(&mut self) {
        let touched = self.services.take_touched(For::Note);
        let new = self.out.get(self.note.sifted..).unwrap_or_default();
        let asked = new.iter().any(|decision| matches!(decision, Decision::Save));
        self.note.sifted = self.out.len();
        if std::mem::take(&mut self.note.told) || asked {
            self.note.places.extend(touched);
        }
    }

    /// When all processes in the note were known to live: now, but for those that this run has not
    /// looked for yet.
    fn lived(&self) -> BootTime {
        let noted = |state: &&ServiceState| state.monitored && state.last_known().is_some();
        let former = self.services.iter().filter(noted).filter_map(|state| state.seen);
        former.min().unwrap_or(self.judged).min(self.judged)
    }
}

/// What a former run left of services that are not configured.
fn departed(saved: &SavedState, services: &[ServiceState]) -> BTreeMap<String, ProcessKey> {
    let known: BTreeSet<&str> = services.iter().map(|state| state.service.name.as_str()).collect();
    let gone = saved.services.iter().filter(|(name, _)| !known.contains(name.as_str()));
    gone.filter_map(|(name, saved)| Some((name.clone(), saved.main?))).take(DEPARTED).collect()
}
