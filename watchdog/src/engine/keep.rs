//! What outlives a configuration: reload.
//!
//! Not here: what outlives a run (`note`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::crossing::Scope;
use crate::engine::levels::Levels;
use crate::engine::rule::RuleState;
use crate::engine::seldom::Seldom;
use crate::engine::service::{Life, ServiceState};
use crate::engine::services::For;
use crate::identity::ServiceId;
use crate::message::{Decision, Level, LogLine, SavedService};
use crate::service::{Config, Service};

/// Services that were taken out, and whose processes are kept in mind.
pub(crate) const DEPARTED: usize = 256;

impl Engine {
    /// Another configuration takes over: services and rules that are the same keep their state;
    /// nothing is restarted because of a reload.
    pub fn reload(&mut self, config: Config) -> Vec<Decision> {
        for i in 0..self.services.len() {
            self.release_wholly(i);
        }
        let noted = std::mem::take(&mut self.note.places).into_iter();
        let noted: BTreeSet<ServiceId> = noted.map(|i| self.services[i].service.id).collect();
        let mut old: BTreeMap<String, ServiceState> = self
            .services
            .take()
            .into_iter()
            .map(|state| (state.service.name.clone(), state))
            .collect();
        let mut taken: BTreeSet<u32> = old.values().map(|state| state.service.id.0).collect();
        taken.extend(self.retired.keys().chain(&self.unanswered).map(|id| id.0));
        taken.extend(self.leaving.iter().map(|leaving| leaving.service().0));
        let mut config = config;
        let mut free = 0;
        let mut fresh = BTreeSet::new();
        self.services.reserve(config.services.len());
        for slot in &mut config.services {
            // Nobody else has it yet: it is not copied.
            let service = Arc::make_mut(slot);
            let same = |state: &ServiceState| state.service.kind.word() == service.kind.word();
            let known = old.get(&service.name).is_some_and(same);
            let known = if known { old.remove(&service.name) } else { None };
            let state = match known {
                Some(mut state) => {
                    service.id = state.service.id;
                    let changed = *state.service != *service;
                    if !changed {
                        *slot = state.service.clone();
                    } else if state.take_over(slot) {
                        // What the new words do not name is not ended as left over from it.
                        self.out.push(Decision::Unwatch(state.service.id));
                    }
                    // What is as it was is noted already.
                    if changed || state.brake.is_some() || noted.contains(&state.service.id) {
                        self.note.places.insert(self.services.len());
                    }
                    state
                }
                None => {
                    // The kernel's group numbers go with the ids: a new service takes a free one.
                    while !taken.insert(free) {
                        free += 1;
                    }
                    service.id = ServiceId(free);
                    fresh.insert(service.name.clone());
                    let mut state = ServiceState::new(slot.clone());
                    // Where only its own start names the process, it is there still.
                    let main = self.departed.remove(&state.service.name);
                    let main = main.filter(|_| state.is_nameless());
                    let known = SavedService { main, ..SavedService::default() };
                    state.restore(&known, false, BootTime::default());
                    state
                }
            };
            self.services.push(state);
        }
        self.services.take_touched(For::Note);
        self.note.whole |= !fresh.is_empty() || !old.is_empty();
        for gone in old.into_values() {
            self.remember(&gone);
            if let Some(brake) = &gone.brake {
                self.leave(gone.service.clone(), gone.last_known(), brake.note());
            }
            if gone.service.process().is_some() {
                self.out.push(Decision::Unwatch(gone.service.id));
            }
            if gone.observed.is_under_way() {
                self.unanswered.insert(gone.service.id);
            }
            if !gone.asked.is_empty() {
                let service = gone.service.id;
                self.out.push(Decision::Want { service, by: Vec::new() });
            }
            let requests = gone.turn.and_then(|turn| turn.request).into_iter();
            let requests = requests.chain(gone.acting.as_ref().and_then(|acting| acting.request));
            for id in requests {
                let result = Err("the service was taken out of the rule file".to_owned());
                self.out.push(Decision::Reply { id, result });
            }
            if let Some(acting) = gone.acting {
                self.retired.insert(gone.service.id, acting.id);
            }
        }
        self.config = Arc::new(config);
        self.generation += 1;
        self.follow_names();
        self.follow_host();
        self.follow_dependencies();
        for i in 0..self.services.len() {
            if fresh.contains(&self.services[i].service.name) || self.services[i].main().is_none() {
                self.look(i);
            }
        }
        self.out.push(Decision::Save);
        self.take_turns(self.judged);
        self.arm(Scope::All, self.judged);
        self.decided()
    }

    /// A service is taken out of the rules whose process nothing names but our note: should it come
    /// back, it is not started a second time.
    fn remember(&mut self, gone: &ServiceState) {
        let program = gone.acting.as_ref().and_then(|acting| acting.program);
        let Some(main) = program.or(gone.last_known()).filter(|_| gone.is_nameless()) else {
            return;
        };
        if self.departed.len() < DEPARTED {
            self.departed.insert(gone.service.name.clone(), main);
        } else {
            let text = "too many services were taken out: its process is not kept in mind".into();
            let (at, service) = (self.judged, Some(gone.service.name.clone()));
            let level = Level::Warning;
            self.out.push(Decision::Log(LogLine { at, level, service, event: None, text }));
        }
    }
}

impl ServiceState {
    /// The same service under a new definition. Returns true where it may be another process now.
    fn take_over(&mut self, service: &Arc<Service>) -> bool {
        let former = std::mem::replace(&mut self.service, service.clone());
        // They go by the places of rules.
        self.programs = Seldom::default();
        let mut remembered: Vec<Option<RuleState>> =
            std::mem::take(&mut self.rules).into_iter().map(Some).collect();
        self.rules = service
            .rules
            .iter()
            .map(|rule| {
                former
                    .rules
                    .iter()
                    .zip(&mut remembered)
                    .find(|(old, state)| {
                        state.is_some()
                            && old.condition == rule.condition
                            && old.qualifier == rule.qualifier
                            && old.then == rule.then
                    })
                    .and_then(|(_, state)| state.take())
                    .unwrap_or_else(|| RuleState::new(rule))
            })
            .collect();
        if service.process().is_some() {
            self.levels.follow(&service.rules);
        }
        if former.checked() != service.checked() {
            self.forget_observed();
        }
        if former.about() != service.about() {
            // People were told of something else.
            self.rules.iter_mut().for_each(RuleState::reset);
        }
        let moved = match (former.process(), service.process()) {
            (Some(old), Some(new)) => {
                old.pidfile != new.pidfile
                    || old.matching != new.matching
                    || old.unit != new.unit
                    || old.cgroup != new.cgroup
            }
            _ => false,
        };
        let moved = moved && self.acting.is_none();
        if moved {
            // The finder says.
            (self.former_main, self.hint) = (None, None);
            self.known_by.clear();
            self.stirring = None;
            self.life = Life::Unknown;
            self.levels.if_there(Levels::forget_main);
        }
        moved
    }
}
