//! What the sensor tells of processes and of the host, in the journal's words.
//!
//! Not here: the numbers of a pass (`samples`).

use std::time::Duration;

use crate::play::{Play, key};
use ebpf_watchdog::clock::BootTime;
use ebpf_watchdog::event::{Crossed, Crossing, Event, ExitStatus, Exited, Signalled};
use ebpf_watchdog::identity::ProcessKey;
use ebpf_watchdog::message::{Input, Measured, StallLimit};
use ebpf_watchdog::metric::Resource;

impl Play {
    /// Whether the word was one of these.
    pub(crate) fn sensed(&mut self, word: &str, rest: &[&str]) -> bool {
        let at = self.at;
        match word {
            "tick" => {
                self.pass(rest);
                self.step(Input::Cycle);
            }
            "sample" => {
                self.pass(rest);
                self.step(Input::Sampled);
            }
            "blind" => {
                self.step(Input::Event(Event::PassEnd { at, complete: false }));
                self.step(Input::Cycle);
            }
            "host" => self.host_line(rest),
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
                    self.samples(rest);
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
            "oom" => {
                let (service, process) = (self.id(rest[0]), key(rest[1]));
                self.step(Input::Event(Event::OomVictim { service, process, at }));
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
            "lost" => self.step(Input::Event(Event::Lost { records: 3 })),
            _ => return false,
        }
        true
    }
}
