//! What the sensor and the host say in a pass, in the journal's words.

use ebpf_watchdog::event::{Event, Group, Sample};
use ebpf_watchdog::identity::ServiceId;
use ebpf_watchdog::message::{Input, Stalls};

use crate::MB;
use crate::play::{Play, key};

impl Play {
    pub(crate) fn host_line(&mut self, words: &[&str]) {
        for word in words {
            let (name, value) = word.split_once('=').expect("name=value");
            let number: f64 = value.parse().expect("a number");
            match name {
                "load1" => self.host.load[0] = number,
                "load5" => self.host.load[1] = number,
                "available" => self.host.memory_available = (number * MB) as u64,
                "swap" => {
                    self.host.swap_total = 1024 << 20;
                    self.host.swap_free = (1024 << 20) - (number * MB) as u64;
                }
                "user" => self.host.ticks.user += number as u64,
                "system" => self.host.ticks.system += number as u64,
                "wait" => self.host.ticks.iowait += number as u64,
                "idle" => self.host.ticks.idle += number as u64,
                "stalled_memory" | "stalled_cpu" | "stalled_io" => {
                    let place = match name {
                        "stalled_memory" => 0,
                        "stalled_cpu" => 1,
                        _ => 2,
                    };
                    let stalled_us = (number * 1e6) as u64;
                    let stalls =
                        Stalls { some_us: stalled_us, full_us: stalled_us, average: [0.0; 2] };
                    self.host.pressure[place] = Some(stalls);
                }
                "files" => self.host.files = Some((number as u64, 100)),
                "paged_in" | "paged_out" => {
                    let paged = self.host.paged.get_or_insert_default();
                    let count = if name == "paged_in" { &mut paged.0 } else { &mut paged.1 };
                    *count = number as u64;
                }
                "written" => {
                    let disks = self.host.disks.get_or_insert_default();
                    disks.write_bytes = (number * MB) as u64;
                }
                "reads" => self.host.disks.get_or_insert_default().reads = number as u64,
                "forks" => {
                    self.host.forks = Some(self.host.forks.unwrap_or(1000) + number as u64);
                }
                other => panic!("{other}"),
            }
        }
    }

    /// `service pid[*] rss=… cpu=… threads=… [pid …] [dead=…] [forks=…]`, several separated by `;`.
    pub(crate) fn pass(&mut self, words: &[&str]) {
        let at = self.at;
        self.samples(words);
        self.step(Input::Event(Event::PassEnd { at, complete: true }));
        self.step(Input::Host(Box::new(self.host)));
    }

    pub(crate) fn samples(&mut self, words: &[&str]) {
        for group in words.split(|word| *word == ";").filter(|group| !group.is_empty()) {
            let service = self.id(group[0]);
            let (mut dead, mut forks) = (0.0, 0);
            let mut samples: Vec<Sample> = Vec::new();
            for word in &group[1..] {
                match word.split_once('=') {
                    None => samples.push(sample(service, word)),
                    Some(("dead", seconds)) => dead = seconds.parse().expect("seconds"),
                    Some(("forks", count)) => forks = count.parse().expect("a count"),
                    Some((name, value)) => {
                        let number: f64 = value.parse().expect("a number");
                        let sample = samples.last_mut().expect("a pid first");
                        match name {
                            "rss" => sample.rss_bytes = (number * MB) as u64,
                            "cpu" => sample.cpu_ns = (number * 1e9) as u64,
                            "threads" => sample.threads = number as u32,
                            "fds" => sample.descriptors = Some((number as u64, 1000)),
                            "written" => sample.write_bytes = (number * MB) as u64,
                            other => panic!("{other}"),
                        }
                    }
                }
            }
            for sample in samples {
                self.step(Input::Event(Event::Sample(sample)));
            }
            let dead_cpu_ns = (dead * 1e9) as u64;
            let group = Group { service, dead_cpu_ns, forks, exits: 0 };
            self.step(Input::Event(Event::Group(group)));
        }
    }
}

pub(crate) fn sample(service: ServiceId, word: &str) -> Sample {
    Sample {
        service,
        process: key(word.trim_end_matches('*')),
        parent: 1,
        main: word.ends_with('*'),
        cpu_ns: 0,
        rss_bytes: 0,
        swap_bytes: 0,
        read_bytes: 0,
        write_bytes: 0,
        descriptors: None,
        threads: 1,
        zombie: false,
        uid: 0,
        comm: *b"app\0\0\0\0\0\0\0\0\0\0\0\0\0",
    }
}
