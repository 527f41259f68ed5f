//! A case that is being played: the engine, its answers so far, and the journal's words as inputs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ebpf_watchdog::check::Check;
use ebpf_watchdog::clock::BootTime;
use ebpf_watchdog::clock::Minute;
use ebpf_watchdog::engine::Engine;
use ebpf_watchdog::event::{Crossed, Crossing, Event, ExitStatus, Exited, Signalled};
use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::message::{
    Acted, ActionId, BrakeOrder, Braked, Command, CommandVerb, Decision, Found, Held, HostSample,
    Input, Measured, Observed, Outcome, Part, Presence, Progress, ReleaseOrder, Released,
    RequestId, SavedState, StallLimit, Stamped, Step,
};
use ebpf_watchdog::metric::Resource;
use ebpf_watchdog::service::{Config, ServiceKind};
use ebpf_watchdog::source::WantBy;

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
        let at = self.at;
        match word {
            "tick" => {
                self.pass(&rest);
                self.step(Input::Cycle);
            }
            "sample" => {
                self.pass(&rest);
                self.step(Input::Sampled);
            }
            "blind" => {
                self.step(Input::Event(Event::PassEnd { at, complete: false }));
                self.step(Input::Cycle);
            }
            "host" => self.host_line(&rest),
            "found" | "found-late" => {
                // A look that began when the journal began.
                let looked = if word == "found" { self.at } else { BootTime::default() };
                let service = self.id(rest[0]);
                let why = || {
                    let words = rest[2..].iter().filter(|word| !word.contains('='));
                    words.copied().collect::<Vec<&str>>().join(" ")
                };
                let presence = match rest[1] {
                    "absent" => Presence::Absent { why: why() },
                    "untrusted" => Presence::Untrusted { why: why() },
                    pid => Presence::Present { main: key(pid), candidates: 1 },
                };
                // `exe=inode`, `cgroup=id`, `beside=pid`, each as often as wanted.
                let given = |name: &str| {
                    let mark = format!("{name}=");
                    let values = rest.iter().filter_map(|word| word.strip_prefix(mark.as_str()));
                    values.map(str::to_owned).collect::<Vec<String>>()
                };
                let number = |word: &String| word.parse().expect("a number");
                let files = given("exe");
                let files = files.iter().map(|n| WantBy::File { device: 8, inode: number(n) });
                let cgroups = given("cgroup");
                let by = files.chain(cgroups.iter().map(|id| WantBy::Cgroup(number(id)))).collect();
                let others = given("beside").iter().map(|pid| key(pid)).collect();
                self.step(Input::Found(Found { looked, service, presence, others, by }));
            }
            // `exit service pid[*] code=…|signal=… [held=MB]`; `member-exit` likewise.
            "exit" | "member-exit" => {
                let service = self.id(rest[0]);
                let (kind, number) = rest[2].split_once('=').expect("code=… or signal=…");
                let held = rest.get(3).and_then(|held| held.strip_prefix("held="));
                let held: Option<u64> = held.map(|held| held.parse().expect("a number"));
                let number = number.parse().expect("a number");
                let status = match kind {
                    "code" => ExitStatus::Code(number),
                    _ => ExitStatus::Signal { number, core: false },
                };
                let exited = Exited {
                    service,
                    process: key(rest[1]),
                    main: word == "exit",
                    status,
                    held_bytes: held.map(|held| held << 20),
                    comm: if word == "exit" { [0; 16] } else { *b"worker\0\0\0\0\0\0\0\0\0\0" },
                    at,
                };
                self.step(Input::Event(Event::Exited(exited)));
            }
            // `look service pid[*] …` as in `tick`; `look-blind service`: it could not see all.
            "look" | "look-blind" => {
                let service = self.id(rest[0]);
                let complete = word == "look";
                if complete {
                    self.samples(&rest);
                }
                self.step(Input::Event(Event::Looked { service, at, complete }));
            }
            // `crossed service totalmem 512 [by pid]`; memory in MB.
            "crossed" => {
                let value: u64 = rest[2].parse().expect("a number");
                let (crossing, value) = match rest[1] {
                    "totalmem" => (Crossing::TotalMemory, value << 20),
                    "memory" => (Crossing::Memory, value << 20),
                    "children" => (Crossing::Children, value),
                    "forks" => (Crossing::Forks, value),
                    other => panic!("{other}"),
                };
                let by = rest.get(4).map_or(ProcessKey { pid: 0, start: 0 }, |pid| key(pid));
                let service = self.id(rest[0]);
                self.step(Input::Crossed(Crossed { service, crossing, value, by, at }));
            }
            // `measured service began pid=MB … unread=pid …`
            "measured" => {
                let service = self.id(rest[0]);
                let began: f64 = rest[1].parse().expect("seconds");
                let (mut members, mut unread) = (Vec::new(), Vec::new());
                for word in &rest[2..] {
                    match word.split_once('=').expect("pid=MB") {
                        ("unread", pid) => unread.push(key(pid)),
                        (pid, value) => {
                            let bytes: u64 = value.parse().expect("a number");
                            members.push((key(pid), bytes << 20));
                        }
                    }
                }
                let at = BootTime((began * 1e9) as u64);
                self.step(Input::Measured(Measured { service, at, members, unread }));
            }
            // `observed service began {JSON of the observation}`
            "observed" => {
                let service = self.id(rest[0]);
                let began: f64 = rest[1].parse().expect("seconds");
                let json = rest[2..].join(" ");
                let observation =
                    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
                let began = BootTime((began * 1e9) as u64);
                self.step(Input::Observed(Observed { service, began, observation }));
            }
            "oom" => {
                let (service, process) = (self.id(rest[0]), key(rest[1]));
                self.step(Input::Event(Event::OomVictim { service, process, at }));
            }
            "users" => {
                let names = rest.iter().map(|word| {
                    let (uid, name) = word.split_once('=').expect("uid=name");
                    (uid.parse().expect("a uid"), name.to_owned())
                });
                self.step(Input::Users(Arc::new(names.collect())));
            }
            "signal" => {
                let service = self.id(rest[0]);
                self.step(Input::Event(Event::Signalled(Signalled {
                    service,
                    process: key(rest[1]),
                    signal: rest[2].parse().expect("a signal"),
                    sender: 77,
                    sender_uid: 1000,
                    sender_comm: *b"bash\0\0\0\0\0\0\0\0\0\0\0\0",
                    at,
                })));
            }
            "doing" => self.progress(rest[0], Step::Doing(rest[1..].join(" "))),
            "spawned" => self.progress(rest[0], Step::Spawned(key(rest[1]))),
            "gone" => self.progress(rest[0], Step::Gone),
            "acted" | "acted-old" => {
                let message = || rest[2..].join(" ");
                let outcome = match rest[1] {
                    "started" => Outcome::Started { main: key(rest[2]), candidates: 1 },
                    "stopped" => Outcome::Stopped,
                    "ran" => Outcome::Ran,
                    "failed-start" => Outcome::Failed { part: Part::Start, message: message() },
                    "failed-stop" => Outcome::Failed { part: Part::Stop, message: message() },
                    other => panic!("{other}"),
                };
                // The number that the file first gave it, where a reload gave another.
                let known = self.config.services.iter().find(|service| service.name == rest[0]);
                let service = match known {
                    Some(service) if word == "acted-old" => service.id,
                    _ => self.id(rest[0]),
                };
                let Some(&id) = self.actions.get(rest[0]) else {
                    let _ = writeln!(self.out, "{time:>7}s  (nothing was done to {})", rest[0]);
                    return;
                };
                self.step(Input::Acted(Acted { id, service, outcome }));
            }
            // `executed service`, or why it failed behind that.
            "executed" => {
                let (part, message) = (Part::Exec, rest[1..].join(" "));
                let outcome = match message.is_empty() {
                    true => Outcome::Ran,
                    false => Outcome::Failed { part, message },
                };
                let (id, service) = (self.programs[rest[0]], self.id(rest[0]));
                self.step(Input::Acted(Acted { id, service, outcome }));
            }
            "braked" | "not-braked" => {
                // The pids held, or why not.
                let stopped = rest[1..].iter().filter(|_| word == "braked").map(|pid| key(pid));
                let held = Held { frozen: None, stopped: stopped.collect() };
                let result = match word {
                    "braked" => Ok(format!("{} processes got SIGSTOP", rest.len() - 1)),
                    _ => Err(rest[1..].join(" ")),
                };
                let (id, service) = (self.brakes[rest[0]], self.id(rest[0]));
                self.step(Input::Braked(Braked { id, service, held, result }));
            }
            "released" | "not-released" => {
                let text = rest[1..].join(" ");
                let result = if word == "released" { Ok(text) } else { Err(text) };
                let (id, service) = (self.brakes[rest[0]], self.id(rest[0]));
                self.step(Input::Released(Released { id, service, result }));
            }
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
            // `begun service pid`: a process that the service waits for has begun.
            "begun" => {
                let (service, process) = (self.id(rest[0]), key(rest[1]));
                self.step(Input::Event(Event::Wanted { service, process, at }));
            }
            // `stalled cpu 500`: so many milliseconds within ten seconds.
            "stalled" => {
                let named = Resource::ALL.into_iter().find(|one| one.word() == rest[0]);
                let resource = named.expect("a resource");
                let stalled = Duration::from_millis(rest[1].parse().expect("a number"));
                self.step(Input::Stalled(StallLimit { resource, full: false, stalled }));
            }
            "advised" => {
                let text = (rest.len() > 1).then(|| rest[1..].join(" "));
                self.step(Input::Advised { service: rest[0].to_owned(), text });
            }
            "stirred" => self.step(Input::Stirred(rest[0].to_owned())),
            "lost" => self.step(Input::Event(Event::Lost { records: 3 })),
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
                let mut saved = self.engine.saved(at);
                if word == "reboot" {
                    (saved.rebooted, saved.seen) = (true, None);
                    for service in saved.services.values_mut() {
                        (service.main, service.acting, service.turn) = (None, None, None);
                        (service.tried, service.death) = (None, None);
                        service.unmonitored.iter_mut().for_each(|why| why.at = None);
                    }
                }
                let config = Arc::new(self.edited(&rest));
                self.engine = Engine::new(config, &saved, "testhost".into(), at);
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

    pub(crate) fn progress(&mut self, service: &str, step: Step) {
        let (id, service) = (self.actions[service], self.id(service));
        self.step(Input::Progress(Progress { id, service, step }));
    }
}

/// A pid stands for a process that started at boot: its number does not matter to the engine.
/// `100`, or `100@20` for one that began 20 s after the boot.
pub(crate) fn key(pid: &str) -> ProcessKey {
    let (pid, born) = pid.split_once('@').unwrap_or((pid, "0"));
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("not a number: {text}"));
    ProcessKey { pid: number(pid), start: u64::from(number(born)) * 100 }
}
