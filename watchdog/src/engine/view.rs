//! What status shows, made from the engine's state.
//!
//! Not here: JSON and pages (`status`, `web`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::attempt::human;
use crate::engine::brake::InForce;
use crate::engine::schedule::asleep;
use crate::engine::service::{Life, ServiceState};
use crate::engine::wording::event;
use crate::identity::NANOSECONDS_PER_TICK;
use crate::message::{Metrics, RuleStatus, RuleView, ServiceView, Snapshot, Status, first_action};
use crate::sensor::Health;
use crate::service::{Action, Rule, Service};

impl Engine {
    /// All that status shows, now. The daemon puts in the sensor's health.
    pub fn snapshot(&self, at: BootTime) -> Snapshot {
        Snapshot {
            at,
            host: self.host_name.clone(),
            started: self.started,
            cycle_seconds: self.config.cycle.as_secs_f64(),
            cycles: self.cycle,
            config_generation: self.generation,
            memory_total_bytes: self.host.shown().memory_total_bytes,
            sensor: Health::default(),
            services: (0..self.services.len()).map(|i| self.view(i, at)).collect(),
        }
    }

    fn view(&self, i: usize, at: BootTime) -> ServiceView {
        let state = &self.services[i];
        let service = &state.service;
        let held = self.held(i).or_else(|| self.is_asleep(i).then(|| asleep(service)));
        let withheld = self.withheld(i, at);
        let is_process = service.process().is_some();
        let missing = state.monitored && state.acting.is_none() && state.present() == Some(false);
        let rules: Vec<RuleView> = service
            .rules
            .iter()
            .zip(&state.rules)
            .map(|(rule, remembered)| {
                // While it waits for another, nobody judges it.
                let state = held.as_ref().map_or(remembered.status(), |_| RuleStatus::Unknown);
                let bad = matches!(state, RuleStatus::Failing | RuleStatus::Pending);
                let matter = remembered.matter.as_ref().filter(|_| bad);
                let untested = state == RuleStatus::Unknown && held.is_none() && missing;
                RuleView {
                    text: rule.text.clone(),
                    title: title(rule),
                    name: rule.name.clone(),
                    state,
                    failing_cycles: remembered.failing_cycles(),
                    then: first_action(&rule.then),
                    actions: rule.then.iter().map(Action::word).collect(),
                    description: matter
                        .map(|matter| matter.text.clone())
                        .or(untested.then(|| untested_words(service))),
                    implicit: rule.implicit,
                }
            })
            .collect();
        let held = held.or(withheld);
        let status = self.status(state, &rules, held.is_some());
        let main = state.main();
        ServiceView {
            name: service.name.clone(),
            kind: service.kind.word(),
            status,
            reason: reason(state, &rules, status, held, at),
            waits_for: self
                .holder(i)
                .filter(|_| status == Status::Unknown)
                .map(|below| self.services[below].service.name.clone()),
            monitored: state.monitored,
            unmonitored_since: state.unwatched.as_ref().and_then(|it| it.at).map(BootTime),
            mode: if service.control.passive { "passive" } else { "active" },
            onreboot: service.control.onreboot.word(),
            groups: service.groups.clone(),
            main,
            since: if is_process {
                main.map(|main| BootTime(main.start * NANOSECONDS_PER_TICK))
            } else {
                // Files, hosts and programs have no age of their own.
                service.checked().is_none().then(BootTime::default)
            },
            candidates: match state.life {
                Life::Present { candidates, .. } => candidates,
                _ => 0,
            },
            restarts: state.restarts,
            acting: state.acting.as_ref().map(|acting| acting.verb).or(state.stops()),
            next_attempt: state.wanted.as_ref().map(|wanted| wanted.at),
            braked_until: state.brake.as_deref().and_then(InForce::until),
            last_death: state.last_death.clone(),
            advice: state.advice.clone(),
            death: state.deaths.last.clone(),
            metrics: if is_process {
                Metrics {
                    totalmem_pss_bytes: state.measure.total(state.main()),
                    ..state.levels.shown(self.host.cpus())
                }
            } else if service.checked().is_some() {
                Metrics::default()
            } else {
                self.host.shown()
            },
            observed: state.observed.now().cloned(),
            rules,
        }
    }

    /// The first that holds, in the contract's order.
    fn status(&self, state: &ServiceState, rules: &[RuleView], held: bool) -> Status {
        let any = |wanted| rules.iter().any(|rule| rule.state == wanted);
        if !state.monitored {
            Status::Unmonitored
        } else if state.retry.given_up {
            Status::GivenUp
        } else if state.acting.is_some() || state.stops().is_some() {
            Status::Acting
        } else if held || self.is_unknown(state) {
            Status::Unknown
        } else if any(RuleStatus::Failing) || matches!(state.life, Life::Absent { .. }) {
            Status::Failing
        } else if any(RuleStatus::Pending) {
            Status::Pending
        } else {
            Status::Ok
        }
    }

    fn is_unknown(&self, state: &ServiceState) -> bool {
        if state.service.process().is_some() {
            matches!(state.life, Life::Unknown | Life::Untrusted { .. })
        } else if state.service.checked().is_some() {
            state.observed.now().is_none()
        } else {
            self.host.shown().load.is_none()
        }
    }
}

/// Why a rule says nothing about what is not there.
fn untested_words(service: &Service) -> String {
    match service.process() {
        Some(_) => "not tested: the process is not running".to_owned(),
        None => format!("not tested: the {} does not exist", service.kind.word()),
    }
}

/// How Monit calls the failure of a rule: by its first test, as its alerts do.
fn title(rule: &Rule) -> &'static str {
    let mut title = "";
    rule.condition.for_each_test(&mut |test| {
        if title.is_empty() {
            title = event(test, false).1;
        }
    });
    title
}

fn reason(
    state: &ServiceState,
    rules: &[RuleView],
    status: Status,
    held: Option<String>,
    at: BootTime,
) -> Option<String> {
    let next = state.wanted.as_ref().map(|wanted| {
        format!("next attempt to {} in {}", wanted.verb.word(), human(wanted.at.since(at)))
    });
    let rule = |wanted| {
        let rule = rules.iter().find(|rule| rule.state == wanted)?;
        Some(rule.description.as_ref().unwrap_or(&rule.text).clone())
    };
    let why = match (&state.life, status) {
        (_, Status::Ok) => None,
        (_, Status::Unmonitored) => state.unwatched.as_ref().map(|it| it.why.clone()),
        (_, Status::Acting) => match &state.acting {
            Some(acting) => {
                Some(format!("{} since {}", acting.verb.word(), human(at.since(acting.since))))
            }
            None => state.stops().map(|verb| format!("{} waits for others to stop", verb.word())),
        },
        (_, Status::Unknown) if held.is_some() => {
            held.map(|why| match why.starts_with("not judged") {
                true => why,
                false => format!("not judged: {why}"),
            })
        }
        (Life::Untrusted { why } | Life::Absent { why }, _) => Some(why.clone()),
        (_, Status::Pending) => rule(RuleStatus::Pending),
        (Life::Unknown, Status::Unknown) if state.service.process().is_some() => {
            Some("its process is being looked for".into())
        }
        _ => rule(RuleStatus::Failing),
    };
    let why = match status {
        Status::GivenUp => {
            let text = format!("given up after {} starts in a row", state.retry.attempts);
            let text = format!("{text} without a minute of life");
            Some(why.map_or(text.clone(), |why| format!("{text}: {why}")))
        }
        _ => why,
    };
    match (why, next) {
        (Some(why), Some(next)) => Some(format!("{why}; {next}")),
        (why, next) => why.or(next),
    }
}
