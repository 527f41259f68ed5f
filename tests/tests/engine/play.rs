//! A case that is being played: the engine, its answers so far, and the journal's words for time, orders and
//! other runs.
//!
//! Not here: what the sensor tells (`sensed`), and what answers the engine (`answered`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use ebpf_watchdog::check::Check;
use ebpf_watchdog::clock::{BootTime, Minute};
use ebpf_watchdog::engine::Engine;
use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::message::{
    ActionId, BrakeOrder, Command, CommandVerb, Decision, HostSample, Input, ReleaseOrder,
    RequestId, SavedState, Stamped,
};
use ebpf_watchdog::service::{Config, ServiceKind};

pub(crate) struct Play {
    pub(crate) engine: Engine,
    pub(crate) config: Arc<Config>,
    pub(crate) host: HostSample,
    pub(crate) at: BootTime,
    /// The last action on each service, which `acted` answers.
    pub(crate) actions: BTreeMap<String, ActionId>,
    /// The last program of a rule of each service, which `executed` answers.
    pub(crate) programs: BTreeMap<String, ActionId>,
    /// The last order about each service's brake, which `braked` and `released` answer.
    pub(crate) brakes: BTreeMap<String, ActionId>,
    /// The number of each service that there was, also of those that a reload took away.
    pub(crate) ids: BTreeMap<String, ServiceId>,
    /// What is on disk: what has changed was noted whenever a note was asked for.
    pub(crate) noted: SavedState,
    pub(crate) out: String,
}

impl Play {
    pub(crate) fn new(config: Config) -> Self {
        let config = Arc::new(config);
        let saved = SavedState::default();
        let start = BootTime::default();
        let mut engine = Engine::new(config.clone(), &saved, "testhost".into(), start);
        let decisions = engine.start();
        let host = HostSample {
            cpus: 2,
            memory_total: 4096 << 20,
            memory_available: 3072 << 20,
            ..HostSample::default()
        };
        let ids =
            config.services.iter().map(|service| (service.name.clone(), service.id)).collect();
        let actions = BTreeMap::new();
        let (brakes, programs) = (BTreeMap::new(), BTreeMap::new());
        let (noted, out) = (SavedState::default(), String::new());
        let at = start;
        let mut play =
            Self { engine, config, host, at, actions, programs, brakes, ids, noted, out };
        play.tell(&decisions);
        play
    }

    pub(crate) fn id(&self, name: &str) -> ServiceId {
        *self.ids.get(name).unwrap_or_else(|| panic!("no service {name}"))
    }

    pub(crate) fn name(&self, id: ServiceId) -> String {
        let config = self.engine.config();
        let known = config.services.iter().find(|service| service.id == id);
        known.map_or_else(|| format!("#{}", id.0), |service| service.name.clone())
    }

    pub(crate) fn step(&mut self, input: Input) {
        let decisions = self.engine.step(Stamped { at: self.at, input });
        self.tell(&decisions);
    }

    /// What has changed is noted: that is all that must survive.
    fn note(&mut self) {
        match self.engine.changes(self.at) {
            None => self.noted = self.engine.saved(self.at),
            Some(changes) => {
                self.noted.services.extend(changes.services);
                self.noted.seen = changes.seen.or(self.noted.seen);
            }
        }
        assert_eq!(self.noted.services, self.engine.saved(self.at).services, "at {:?}", self.at);
    }

    pub(crate) fn tell(&mut self, decisions: &[Decision]) {
        if decisions.iter().any(|decision| matches!(decision, Decision::Save)) {
            self.note();
        }
        let t = self.at.0 as f64 / 1e9;
        for decision in decisions {
            match decision {
                Decision::Act(act) => {
                    self.actions.insert(act.service.name.clone(), act.id);
                }
                Decision::Exec(run) => {
                    self.programs.insert(run.service.name.clone(), run.id);
                }
                Decision::Brake(BrakeOrder { id, service, .. })
                | Decision::Release(ReleaseOrder { id, service, .. }) => {
                    self.brakes.insert(service.name.clone(), *id);
                }
                _ => {}
            }
            let line = self.words(decision);
            let _ = writeln!(self.out, "{t:>7}s  {line}");
        }
    }

    pub(crate) fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let time: f64 = words
            .next()
            .and_then(|t| t.strip_suffix('s'))
            .and_then(|t| t.parse().ok())
            .unwrap_or_else(|| panic!("no time: {line}"));
        self.at = BootTime((time * 1e9) as u64);
        let word = words.next().unwrap_or_else(|| panic!("no word: {line}"));
        let rest: Vec<&str> = words.collect();
        if self.sensed(word, &rest) || self.answered(word, &rest, time) {
            return;
        }
        match word {
            "farewell" => {
                let decisions = self.engine.farewell();
                self.tell(&decisions);
            }
            "command" => {
                let verb = CommandVerb::ALL.into_iter().find(|verb| verb.word() == rest[0]);
                let verb = verb.unwrap_or_else(|| panic!("no verb {}", rest[0]));
                let command = Command { id: RequestId(1), verb, service: rest[1].into() };
                self.step(Input::Command(command));
            }
            "wake" => {
                let due = self.engine.next_wake();
                let due = due.map_or("never".into(), |due| format!("{:.1}", due.0 as f64 / 1e9));
                let _ = writeln!(self.out, "{time:>7}s  (a wake was due at {due})");
                self.step(Input::Wake);
            }
            "status" => self.status(time),
            // `last-end service`: what status says of it.
            "last-end" => {
                let views = self.engine.snapshot(self.at).services;
                let view = views.iter().find(|view| view.name == rest[0]).expect("a service");
                let _ = writeln!(self.out, "{time:>7}s  last end: {:?}", view.last_death);
            }
            "reload" => {
                let decisions = self.engine.reload(self.edited(&rest));
                for service in &self.engine.config().services {
                    self.ids.insert(service.name.clone(), service.id);
                }
                self.tell(&decisions);
                let numbers = self.ids.iter().map(|(name, id)| format!(" {name}={}", id.0));
                let _ = writeln!(self.out, "{time:>7}s  (numbers:{})", numbers.collect::<String>());
            }
            // `minute 08:55 23 1`: hour and minute, day of November, day of the week.
            "minute" => {
                let number = |text: &str| text.parse::<u8>().expect("a number");
                let (hour, minute) = rest[0].split_once(':').expect("hour:minute");
                let (hour, minute, day) = (number(hour), number(minute), number(rest[1]));
                let counted = (i64::from(day) * 24 + i64::from(hour)) * 60 + i64::from(minute);
                let (month, weekday) = (11, number(rest[2]));
                let minute = Minute { number: counted, minute, hour, day, month, weekday };
                self.step(Input::Minute(minute));
            }
            "crash" | "reboot" => {
                // The daemon is killed and another run takes its saved state over.
                let mut saved = self.engine.saved(self.at);
                if word == "reboot" {
                    (saved.rebooted, saved.seen) = (true, None);
                    for service in saved.services.values_mut() {
                        (service.main, service.acting, service.turn) = (None, None, None);
                        (service.tried, service.death) = (None, None);
                        service.unmonitored.iter_mut().for_each(|why| why.at = None);
                    }
                }
                let config = Arc::new(self.edited(&rest));
                self.engine = Engine::new(config, &saved, "testhost".into(), self.at);
                let decisions = self.engine.start();
                self.tell(&decisions);
            }
            other => panic!("unknown word {other}: {line}"),
        }
    }

    /// The file with other words: `-name` is taken out, `name@/path` is a file in another place.
    pub(crate) fn edited(&self, words: &[&str]) -> Config {
        let mut config = (*self.config).clone();
        for word in words {
            if let Some(gone) = word.strip_prefix('-') {
                config.services.retain(|service| service.name != gone);
            } else if let Some((name, path)) = word.split_once('@') {
                let named = config.services.iter_mut().find(|service| service.name == name);
                let service = Arc::make_mut(named.expect("a service of the file"));
                let ServiceKind::Checked(checked) = &mut service.kind else { panic!("{word}") };
                let Check::File(file) = &mut checked.check else { panic!("{word}") };
                file.path = path.into();
            }
        }
        config
    }

    pub(crate) fn status(&mut self, time: f64) {
        for service in self.engine.snapshot(self.at).services {
            let reason = service.reason.map_or(String::new(), |why| format!(" ({why})"));
            let _ = writeln!(
                self.out,
                "{time:>7}s  status {} {}{reason} restarts={}",
                service.name,
                service.status.word(),
                service.restarts
            );
            for rule in service.rules {
                let _ = writeln!(
                    self.out,
                    "           rule {:?} {} {}",
                    rule.text,
                    rule.state.word(),
                    rule.failing_cycles
                );
                if let Some(seen) = rule.description {
                    let _ = writeln!(self.out, "             {seen}");
                }
            }
        }
    }
}

/// A pid stands for a process that started at boot: its number does not matter to the engine.
/// `100`, or `100@20` for one that began 20 s after the boot.
pub(crate) fn key(pid: &str) -> ProcessKey {
    let (pid, born) = pid.split_once('@').unwrap_or((pid, "0"));
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("not a number: {text}"));
    ProcessKey { pid: number(pid), start: u64::from(number(born)) * 100 }
}
