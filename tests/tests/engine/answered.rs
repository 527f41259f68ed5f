//! What answers the engine: looks, observations, and the runner's deeds, in the journal's words.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::play::{Play, key};
use ebpf_watchdog::clock::BootTime;
use ebpf_watchdog::message::{
    Acted, Braked, Found, Held, Input, Observed, Outcome, Part, Presence, Progress, Released, Step,
};
use ebpf_watchdog::source::WantBy;

impl Play {
    /// Whether the word was one of these.
    pub(crate) fn answered(&mut self, word: &str, rest: &[&str], time: f64) -> bool {
        match word {
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
            "users" => {
                let names = rest.iter().map(|word| {
                    let (uid, name) = word.split_once('=').expect("uid=name");
                    (uid.parse().expect("a uid"), name.to_owned())
                });
                self.step(Input::Users(Arc::new(names.collect())));
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
                    return true;
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
            "advised" => {
                let text = (rest.len() > 1).then(|| rest[1..].join(" "));
                self.step(Input::Advised { service: rest[0].to_owned(), text });
            }
            "stirred" => self.step(Input::Stirred(rest[0].to_owned())),
            _ => return false,
        }
        true
    }

    fn progress(&mut self, service: &str, step: Step) {
        let (id, service) = (self.actions[service], self.id(service));
        self.step(Input::Progress(Progress { id, service, step }));
    }
}
