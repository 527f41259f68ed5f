//! What outlives a run and what outlives a configuration: saved state and reload.
//!
//! Not here: files (`state`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::check::Observation;
use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::brake::InForce;
use crate::engine::crossing::Scope;
use crate::engine::due::Touches;
use crate::engine::observed::Observations;
use crate::engine::retry::Retry;
use crate::engine::rule::RuleState;
use crate::engine::service::{
    Life, RECOVERY_LOOK, Recovering, ServiceState, patience, start_patience,
};
use crate::identity::ServiceId;
use crate::message::{Decision, SavedAction, SavedRule, SavedService, SavedState};
use crate::service::{Config, OnReboot, Service};

impl Engine {
    pub(super) fn restore(&mut self, saved: &SavedState, now: BootTime) {
        for state in &mut self.services {
            let known = saved.services.get(&state.service.name);
            let unknown = SavedService::default();
            state.restore(known.unwrap_or(&unknown), saved.rebooted, now);
        }
        self.adopt_leaving(saved);
    }

    /// What must survive the daemon.
    pub fn saved(&self) -> SavedState {
        let services = self.services.iter().map(|state| {
            let acting = state.acting.as_ref().map(|acting| SavedAction {
                verb: acting.verb.word().to_owned(),
                since: acting.since.0,
                program: acting.program,
            });
            let saved = SavedService {
                monitored: state.monitored,
                restarts: state.restarts,
                attempts: state.retry.attempts,
                given_up: state.retry.given_up,
                main: state.last_known(),
                acting,
                brake: state.may_hold(),
                observed: state.observed.kept(),
                turn: state.saved_turn(),
                told: state.told(),
            };
            (state.service.name.clone(), saved)
        });
        let mut saved = SavedState { services: services.collect(), rebooted: false };
        self.save_leaving(&mut saved);
        saved
    }

    /// Another configuration takes over: services and rules that are the same keep their state;
    /// nothing is restarted because of a reload.
    pub fn reload(&mut self, config: Config) -> Vec<Decision> {
        for i in 0..self.services.len() {
            self.release_wholly(i);
        }
        let mut old: BTreeMap<String, ServiceState> = std::mem::take(&mut self.services)
            .into_iter()
            .map(|state| (state.service.name.clone(), state))
            .collect();
        let mut taken: BTreeSet<u32> = old.values().map(|state| state.service.id.0).collect();
        taken.extend(self.retired.keys().chain(&self.unanswered).map(|id| id.0));
        taken.extend(self.leaving.iter().map(|leaving| leaving.service().0));
        let mut config = config;
        let mut free = 0;
        let mut fresh = BTreeSet::new();
        for slot in &mut config.services {
            let mut service: Service = (**slot).clone();
            let same = |state: &ServiceState| state.service.kind.word() == service.kind.word();
            let known = old.get(&service.name).is_some_and(same);
            let known = if known { old.remove(&service.name) } else { None };
            let state = match known {
                Some(mut state) => {
                    service.id = state.service.id;
                    if state.take_over(&Arc::new(service)) {
                        // What the new words do not name is not ended as left over from it.
                        self.out.push(Decision::Unwatch(state.service.id));
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
                    let mut state = ServiceState::new(Arc::new(service));
                    state.restore(&SavedService::default(), false, BootTime::default());
                    state
                }
            };
            *slot = state.service.clone();
            self.services.push(state);
        }
        for gone in old.into_values() {
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
        self.note_due(Touches::All);
        std::mem::take(&mut self.out)
    }
}

impl ServiceState {
    /// The rules of whose failure people were told.
    fn told(&self) -> Vec<SavedRule> {
        let rules = self.service.rules.iter().zip(&self.rules);
        rules
            .filter_map(|(rule, state)| {
                Some(SavedRule { failing: state.told()?, rule: rule.text.clone() })
            })
            .collect()
    }

    fn restore_told(&mut self, saved: &[SavedRule]) {
        let mut left: Vec<&SavedRule> = saved.iter().collect();
        for (rule, state) in self.service.rules.iter().zip(&mut self.rules) {
            // Two rules may have the same sentence.
            if let Some(at) = left.iter().position(|saved| saved.rule == rule.text) {
                state.restore_told(rule, left.remove(at).failing);
            }
        }
    }

    /// What the last run of the daemon knew. Processes in it are believed only as far as the
    /// sensor finds them again by pid and start time.
    pub(crate) fn restore(&mut self, saved: &SavedService, rebooted: bool, now: BootTime) {
        self.monitored = match self.service.control.onreboot {
            OnReboot::Start if rebooted => true,
            OnReboot::NoStart if rebooted => false,
            _ => saved.monitored,
        };
        self.restarts = saved.restarts;
        self.retry = Retry::restored(saved.attempts, saved.given_up);
        let there = |observed: &Arc<Observation>| observed.facts.present() == Some(true);
        self.was_up = saved.main.is_some() || saved.observed.as_ref().is_some_and(there);
        self.hint = saved.main;
        self.brake = saved.brake.clone().map(InForce::former);
        self.observed = Observations::restored(saved.observed.clone());
        self.restore_turn(saved.turn.as_ref(), now);
        if !rebooted {
            self.restore_told(&saved.told);
        }
        // What has changed while nobody watched is told; of a process not what a boot or we did to it.
        let known = self.service.process().is_some() && (rebooted || saved.acting.is_some());
        if !known {
            self.rules.iter_mut().for_each(|rule| rule.base.clone_from(&saved.observed));
        }
        let Some(process) = self.service.process() else { return };
        // A start without a program never came to run one: each is noted before it does.
        let begun = |acting: &&SavedAction| match acting.verb.as_str() {
            "stop" => false,
            "start" => acting.program.is_some(),
            // What stops it may still be at work.
            _ => true,
        };
        if let Some(acting) = saved.acting.as_ref().filter(begun) {
            let limit = match acting.verb.as_str() {
                "start" => start_patience(process),
                _ => patience(process),
            };
            let until = BootTime(acting.since.min(now.0)) + limit;
            self.recovering =
                Some(Recovering { until, next: now + RECOVERY_LOOK, program: acting.program });
        }
        if !process.has_selector() {
            // Only our own start names the process, so only our own note can find it again.
            let hint = saved.acting.as_ref().and_then(|acting| acting.program).or(saved.main);
            self.life = match hint {
                Some(main) => Life::Present { main, candidates: 1 },
                None => Life::Absent { why: "it was never started".into() },
            };
        }
    }

    /// The same service under a new definition. Returns true where it may be another process now.
    fn take_over(&mut self, service: &Arc<Service>) -> bool {
        let former = std::mem::replace(&mut self.service, service.clone());
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
        self.levels.follow(&service.rules);
        if former.checked() != service.checked() {
            self.forget_observed();
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
            self.levels.forget_main();
        }
        moved
    }
}
