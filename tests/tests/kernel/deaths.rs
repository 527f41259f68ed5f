//! How processes end and what they moved: members' deaths, the OOM killer, bytes of storage.

use std::path::PathBuf;
use std::time::Duration;

use ebpf_watchdog::event::{Event, ExitStatus, Exited};
use ebpf_watchdog::source::kernel::Options;
use ebpf_watchdog::source::{Limits, Source};
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

use crate::stage::{Load, SERVICE, Stage};

const MEGABYTE: u64 = 1 << 20;

fn exited(event: &Event) -> Option<Exited> {
    if let Event::Exited(exited) = event { Some(exited.clone()) } else { None }
}

#[test]
fn deaths_of_members_are_told_where_wanted() {
    let mut stage = Stage::new(&Options::default());
    for wanted in [true, false] {
        let mut load = Load::start(&["deaths"]);
        stage.source.watch(SERVICE, load.key()).unwrap();
        let limits = Limits { member_deaths: wanted, ..Limits::default() };
        stage.source.limits(SERVICE, &limits).unwrap();
        stage.events.clear();
        load.say("go");
        if wanted {
            assert!(stage.await_event(exited).is_some(), "woken by the first, which failed");
        }
        assert_eq!(load.hear(), "done");
        stage.source.drain(&mut stage.events);
        let ends: Vec<Exited> = stage.events.iter().filter_map(exited).collect();
        let statuses: Vec<ExitStatus> = ends.iter().map(|end| end.status).collect();
        let expected = [
            ExitStatus::Code(3),
            ExitStatus::Signal { number: 9, core: false },
            ExitStatus::Code(0),
        ];
        assert_eq!(statuses, if wanted { &expected[..] } else { &[] });
        for end in ends {
            assert!(!end.main && end.comm.starts_with(b"doomed\0"), "{end:?}");
            let held = end.held_bytes.expect("20 MB were touched");
            assert!(held > 15 * MEGABYTE && held < 40 * MEGABYTE, "{end:?}");
        }
        load.end();
        let end = stage.await_event(|event| exited(event).filter(|end| end.main));
        assert!(end.is_some_and(|end| end.comm.starts_with(b"load\0")));
    }
}

/// A control group of the memory controller that ends when dropped.
struct Confined {
    folder: PathBuf,
}

impl Confined {
    /// For `limit` bytes; v1 or v2, whichever has the controller.
    fn new(limit: u64) -> Self {
        let v1 = PathBuf::from("/sys/fs/cgroup/memory");
        let (parent, file) = if v1.join("cgroup.procs").exists() {
            (v1, "memory.limit_in_bytes")
        } else {
            (PathBuf::from("/sys/fs/cgroup"), "memory.max")
        };
        if file == "memory.max" {
            std::fs::write(parent.join("cgroup.subtree_control"), "+memory").unwrap();
        }
        let folder = parent.join(format!("ebpf-watchdog-oom-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a control group (needs root)");
        let confined = Self { folder };
        std::fs::write(confined.folder.join(file), limit.to_string()).expect("a limit");
        // What a host with swap would take there instead. Without swap one of them is not there.
        for (file, most) in [("memory.swap.max", 0), ("memory.memsw.limit_in_bytes", limit)] {
            let path = confined.folder.join(file);
            if path.exists() {
                std::fs::write(path, most.to_string()).expect("a limit of swap");
            }
        }
        confined
    }

    fn add(&self, pid: u32) {
        std::fs::write(self.folder.join("cgroup.procs"), pid.to_string()).expect("joins");
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        // Busy for a moment after the last process has gone.
        for _ in 0..500 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The OOM killer chooses: the choice is told before the death, of a main process and of a member.
#[test]
fn the_oom_killers_choice_is_told_before_the_death() {
    let mut stage = Stage::new(&Options::default());
    for main in [true, false] {
        let confined = Confined::new(32 * MEGABYTE);
        let mut load = if main {
            let load = Load::start(&["grow"]);
            stage.source.watch(SERVICE, load.key()).unwrap();
            load
        } else {
            stage.born(SERVICE, &["grow"])
        };
        let limits = Limits { member_deaths: true, ..Limits::default() };
        stage.source.limits(SERVICE, &limits).unwrap();
        confined.add(load.pid());
        let key = load.key();
        stage.events.clear();
        load.say("small 96");
        let end = stage.await_event(exited).expect("killed");
        assert_eq!((end.process, end.main), (key, main));
        assert_eq!(end.status, ExitStatus::Signal { number: 9, core: false });
        let place = |wanted: fn(&Event) -> bool| stage.events.iter().position(wanted);
        let choice = place(|event| matches!(event, Event::OomVictim { .. })).expect("the choice");
        let death = place(|event| matches!(event, Event::Exited(_))).expect("the death");
        assert!(choice < death, "{:?}", stage.events);
        assert!(matches!(stage.events[choice], Event::OomVictim { process, .. } if process == key));
        load.end();
        drop(load);
    }
}

/// Bytes that went to a disk, those of a thread that is gone included.
#[test]
fn bytes_written_are_those_that_were_written() {
    let mut stage = Stage::new(&Options::default());
    // A file system with a device behind it: on a tmpfs nothing goes to storage.
    let scratch = Scratch::new();
    let file = scratch.at("written");
    let mut load = stage.born(SERVICE, &["write", &file.to_string_lossy(), "8"]);
    load.say("go");
    assert_eq!(load.hear(), "done");
    // It may read a page of its own program between the two looks: they are made again then.
    let mut seen = ((0, 0), (0, 0));
    let same = until(Duration::from_secs(60), || {
        let pass = stage.pass();
        let sample = pass.of(load.pid()).expect("the load");
        let text = std::fs::read_to_string(format!("/proc/{}/io", load.pid())).unwrap();
        let told = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            line.trim().parse::<u64>().expect("a number")
        };
        let ours = (sample.read_bytes, sample.write_bytes);
        seen = (ours, (told("read_bytes:"), told("write_bytes:")));
        (seen.0 == seen.1).then_some(())
    });
    assert!(same.is_some(), "ours and the kernel's: {seen:?}");
    let (_, written) = seen.0;
    assert!((8 * MEGABYTE..10 * MEGABYTE).contains(&written), "{written}");
    load.end();
}
