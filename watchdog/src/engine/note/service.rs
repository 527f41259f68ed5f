//! What of one service outlives a run.
//!
//! Not here: when it is noted (`super`), its brake and its turn (`brake`, `order`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::Observation;
use crate::clock::BootTime;
use crate::engine::brake::InForce;
use crate::engine::judging::has;
use crate::engine::observed::Observations;
use crate::engine::retry::Retry;
use crate::engine::service::{
    Life, RECOVERY_LOOK, Recovering, ServiceState, patience, start_patience,
};
use crate::message::{SavedAction, SavedDeath, SavedRule, SavedService};
use crate::service::{Action, OnReboot, Rule, Test};

/// What a rule is remembered by over a restart of the daemon.
fn key(rule: &Rule) -> String {
    match &rule.every {
        Some(every) => format!("{} every {every}", rule.text),
        None => rule.text.clone(),
    }
}

/// Bytes of a text for people that is saved.
const TEXT: usize = 512;

fn bounded(text: &str) -> SavedDeath {
    SavedDeath { text: text.get(..text.floor_char_boundary(TEXT)).unwrap_or_default().to_owned() }
}

impl ServiceState {
    /// What of it must survive.
    pub(super) fn saved(&self, now: BootTime) -> SavedService {
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
            unmonitored: self.unwatched.clone(),
            restarts: self.restarts,
            attempts: self.retry.attempts,
            given_up: self.retry.given_up,
            main: self.last_known(),
            ended: self.ended && self.main().is_none(),
            death: self.last_death.as_deref().map(bounded).map(Box::new),
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
        if !self.monitored {
            self.unwatched = saved.unmonitored.clone();
            if saved.monitored {
                self.unwatch("onreboot: nostart", now);
            }
        }
        self.restarts = saved.restarts;
        self.last_death = saved.death.as_ref().map(|death| death.text.clone());
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
            // Also where its program is known to have ended: what it left in the background may not have
            // written its pidfile yet, and a second start would be worse than a late one.
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
