//! What outlives a run: what is noted for the next one, and what is taken from the last.
//!
//! Not here: files (`crate::state`), another configuration (`keep`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::check::Observation;
use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::brake::InForce;
use crate::engine::judging::has;
use crate::engine::keep::DEPARTED;
use crate::engine::observed::Observations;
use crate::engine::retry::Retry;
use crate::engine::service::{
    Life, RECOVERY_LOOK, Recovering, ServiceState, patience, start_patience,
};
use crate::engine::services::For;
use crate::identity::ProcessKey;
use crate::message::{Changes, Decision, SavedAction, SavedRule, SavedService, SavedState};
use crate::service::{Action, OnReboot, Rule, Test};

/// Nanoseconds within which it is the same moment for the note of when processes lived.
const SEEN: u64 = 60_000_000_000;

/// What a rule is remembered by over a restart of the daemon.
fn key(rule: &Rule) -> String {
    match &rule.every {
        Some(every) => format!("{} every {every}", rule.text),
        None => rule.text.clone(),
    }
}

/// Bytes of a text for people that is saved.
const TEXT: usize = 512;

fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(TEXT)).unwrap_or_default().to_owned()
}

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

impl ServiceState {
    /// What of it must survive.
    fn saved(&self, now: BootTime) -> SavedService {
        let acting = self.acting.as_ref().map(|acting| SavedAction {
            verb: acting.verb.word().to_owned(),
            since: acting.since.0,
            program: acting.program,
        });
        let (observed, bases) = (self.observed.kept(), self.bases());
        let told = self.told(now);
        let known = observed.is_some() || !bases.is_empty() || !told.is_empty();
        SavedService {
            monitored: self.monitored,
            restarts: self.restarts,
            attempts: self.retry.attempts,
            given_up: self.retry.given_up,
            main: self.last_known(),
            ended: self.ended && self.main().is_none(),
            death: self.last_death.as_deref().map(bounded),
            acting,
            brake: self.may_hold(),
            about: known.then(|| self.service.about()),
            observed,
            told,
            bases,
            tried: self.retry.tried().map(|at| at.0),
            turn: self.saved_turn(),
        }
    }

    /// The rules of whose failure people were told.
    fn told(&self, now: BootTime) -> Vec<SavedRule> {
        let rules = self.service.rules.iter().zip(&self.rules);
        let passive = self.service.control.passive;
        // Nobody was told of what is ignored.
        let rules = rules.filter(|(rule, _)| rule.then != [Action::Ignore]);
        rules
            .filter_map(|(rule, state)| {
                Some(SavedRule {
                    failing: state.told(rule, passive, now)?,
                    rule: rule.text.clone(),
                })
            })
            .collect()
    }

    fn restore_told(&mut self, saved: &[SavedRule]) {
        let mut left: Vec<&SavedRule> = saved.iter().collect();
        let passive = self.service.control.passive;
        for (rule, state) in self.service.rules.iter().zip(&mut self.rules) {
            // Two rules may have the same sentence.
            if let Some(at) = left.iter().position(|saved| saved.rule == rule.text) {
                state.restore_told(rule, passive, left.remove(at).failing);
            }
        }
    }

    /// What rules about changes have told of, where it is not what was observed last.
    pub(crate) fn bases(&self) -> BTreeMap<String, Arc<Observation>> {
        let now = self.observed.kept();
        let rules = self.service.rules.iter().zip(&self.rules);
        let changes = rules.filter(|(rule, _)| has(rule, Test::is_change));
        let behind = changes.filter_map(|(rule, remembered)| {
            let base = remembered.base.as_ref()?;
            let same = now.as_ref().is_some_and(|now| now.facts.is_like(&base.facts));
            let base = Observation { facts: base.facts.clone(), ..Observation::default() };
            (!same).then(|| (key(rule), Arc::new(base)))
        });
        behind.collect()
    }

    /// Nothing names its process but our own start of it.
    pub(crate) fn is_nameless(&self) -> bool {
        self.service.process().is_some_and(|process| !process.has_selector())
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
        self.last_death = saved.death.as_deref().map(bounded);
        let tried = saved.tried.map(|tried| BootTime(tried.min(now.0)));
        self.retry = Retry::restored(saved.attempts, saved.given_up, tried);
        let there = |observed: &Arc<Observation>| observed.facts.present() == Some(true);
        // Of another thing under the same name nothing is known.
        let same = saved.about.as_ref().is_none_or(|about| *about == self.service.about());
        let observed = saved.observed.as_ref().filter(|_| same);
        self.was_up = saved.main.is_some() || observed.is_some_and(there);
        (self.hint, self.ended) = (saved.main, saved.ended);
        self.brake = saved.brake.clone().map(InForce::former).map(Box::new);
        self.observed = Observations::restored(observed.cloned());
        self.restore_turn(saved.turn.as_ref(), now);
        if same && !rebooted {
            self.restore_told(&saved.told);
        }
        // What has changed while nobody watched is told; of a process not what a boot or we did to it.
        let known = self.service.process().is_some() && (rebooted || saved.acting.is_some());
        if same && !known {
            for (rule, remembered) in self.service.rules.iter().zip(&mut self.rules) {
                remembered.base = saved.bases.get(&key(rule)).or(saved.observed.as_ref()).cloned();
            }
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
            self.recovering = Some(Box::new(Recovering {
                until,
                next: now + RECOVERY_LOOK,
                program: acting.program,
            }));
        }
        if !process.has_selector() {
            // Only our own start names the process, so only our own note can find it again.
            let hint = saved.acting.as_ref().and_then(|acting| acting.program).or(saved.main);
            self.life = match hint {
                Some(main) if saved.ended && saved.main == Some(main) => {
                    Life::Absent { why: format!("process {} has ended", main.pid) }
                }
                Some(main) => Life::Present { main, candidates: 1 },
                None => Life::Absent { why: "it was never started".into() },
            };
        }
    }
}
