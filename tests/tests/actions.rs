//! Starting, stopping and finding real processes, with start programs as they must not be.
//!
//! The sensor is replaced by one that knows a service's processes by a mark in their environment,
//! so these tests need root but no eBPF. Times are bounds, not measures.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::finder::process::{alive, facts, snapshot};
use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::inbox::{Inbox, Message};
use ebpf_watchdog::message::{
    Act, ActionId, Context, Input, Outcome, Part, Presence, RunProgram, Step, Verb,
};
use ebpf_watchdog::runner::{Runner, RunnerParts};
use ebpf_watchdog::service::{Control, Match, ProcessService, Program, Service, ServiceKind};
use ebpf_watchdog::source::kernel::{KernelSource, Options};
use ebpf_watchdog::source::{Membership, Source};
use ebpf_watchdog::state::Folder;
use ebpf_watchdog::sys::spawn::Baseline;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

/// More than any bound in the services below; a wait this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// Knows the group of service n by `GROUP_MARK=<mark>-n` in the environment.
struct Marked(String);

impl Membership for Marked {
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        let mark = format!("GROUP_MARK={}-{}", self.0, service.0);
        let all = snapshot()?;
        let marked = |pid: u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        Ok(all.iter().filter(|f| !f.dead && marked(f.key.pid)).map(|f| f.key).collect())
    }

    fn service_of(&self, _: ProcessKey) -> io::Result<Option<ServiceId>> {
        Ok(None)
    }

    fn spawning(&self, _: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()> {
        spawn();
        Ok(())
    }
}

/// A runner on a thread of its own, and the engine's end of the inbox.
struct Bed {
    scratch: Scratch,
    inbox: Arc<Inbox>,
    runner: Runner,
    marked: Arc<Marked>,
    steps: Vec<Step>,
    outcomes: HashMap<u64, Outcome>,
}

impl Bed {
    fn new() -> Self {
        Self::with(None)
    }

    /// With the real sensor's knowledge of groups, or by the mark.
    fn with(sensor: Option<Arc<dyn Membership>>) -> Self {
        let scratch = Scratch::new();
        let inbox = Inbox::new().unwrap();
        let mark = scratch.path().file_name().unwrap().to_str().unwrap().to_owned();
        let marked = Arc::new(Marked(mark));
        let parts = RunnerParts {
            inbox: Arc::clone(&inbox),
            membership: sensor.unwrap_or_else(|| Arc::clone(&marked) as _),
            folder: Arc::new(Folder::open(&scratch.at("state")).unwrap()),
            protect: vec!["protected-prog".to_owned()],
            host: "testhost".to_owned(),
            baseline: Baseline::read(),
        };
        let (runner, work) = Runner::new(parts);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                work.run().await;
                // The reapers of what still ends.
                tokio::time::sleep(Duration::from_millis(200)).await;
            });
        });
        Self { scratch, inbox, runner, marked, steps: Vec::new(), outcomes: HashMap::new() }
    }

    fn members(&self, id: u32) -> Vec<ProcessKey> {
        self.marked.members(ServiceId(id)).unwrap()
    }

    /// A script as the program of service `id`'s start.
    fn program(&self, id: u32, name: &str, lines: &str, timeout: Duration) -> Program {
        let path = self.scratch.script(&format!("{name}-{id}"), lines);
        Program {
            argv: vec![path.to_str().unwrap().to_owned()],
            user: None,
            group: None,
            env: vec![
                ("GROUP_MARK".to_owned(), format!("{}-{id}", self.marked.0)),
                ("PIDFILE".to_owned(), self.pidfile(id).display().to_string()),
            ],
            cwd: None,
            timeout,
        }
    }

    /// A program that is no part of the service.
    fn outside(&self, id: u32, name: &str, lines: &str, timeout: Duration) -> Program {
        let mut program = self.program(id, name, lines, timeout);
        program.env.retain(|(name, _)| name != "GROUP_MARK");
        program
    }

    fn pidfile(&self, id: u32) -> std::path::PathBuf {
        self.scratch.at(&format!("{id}.pid"))
    }

    fn service(&self, id: u32, start: &str, timeout: Duration) -> Service {
        let process = ProcessService {
            pidfile: Some(self.pidfile(id)),
            matching: None,
            unit: None,
            cgroup: None,
            start: Some(self.program(id, "start", start, timeout)),
            stop: None,
            restart: None,
            stop_timeout: Duration::from_millis(400),
        };
        Service {
            id: ServiceId(id),
            name: format!("service {id}"),
            groups: Vec::new(),
            kind: ServiceKind::Process(process),
            control: Control::default(),
            rules: Vec::new(),
        }
    }

    fn order(&self, service: &Service, verb: Verb, main: Option<ProcessKey>) -> ActionId {
        self.order_with(service, verb, main, None)
    }

    fn order_with(
        &self,
        service: &Service,
        verb: Verb,
        main: Option<ProcessKey>,
        leftover: Option<ProcessKey>,
    ) -> ActionId {
        let id = ActionId(boot_now().0);
        let context = Context { at: boot_now(), ..Context::default() };
        self.runner.act(Act {
            id,
            service: Arc::new(service.clone()),
            verb,
            main,
            dead: None,
            leftover,
            braked: false,
            context,
        });
        id
    }

    fn outcome(&mut self, id: ActionId) -> Outcome {
        let found = until(LONG, || {
            for message in self.inbox.take() {
                match message {
                    Message::Input(Input::Progress(progress)) => self.steps.push(progress.step),
                    Message::Spawning { progress, noted } => {
                        self.steps.push(progress.step);
                        let _ = noted.send(());
                    }
                    Message::Input(Input::Acted(acted)) => {
                        let twice = self.outcomes.insert(acted.id.0, acted.outcome);
                        assert_eq!(twice, None, "answered twice");
                    }
                    _ => {}
                }
            }
            self.outcomes.get(&id.0).cloned()
        });
        found.expect("no answer")
    }

    fn act(&mut self, service: &Service, verb: Verb, main: Option<ProcessKey>) -> Outcome {
        let id = self.order(service, verb, main);
        self.outcome(id)
    }

    fn started(&mut self, service: &Service) -> ProcessKey {
        match self.act(service, Verb::Start, None) {
            Outcome::Started { main, .. } => main,
            other => panic!("{other:?}"),
        }
    }

    fn failure(&mut self, service: &Service, verb: Verb, part: Part) -> String {
        match self.act(service, verb, None) {
            Outcome::Failed { part: failed, message } if failed == part => message,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing of the service is left, and no zombie is ours.
    fn nothing_left(&self, id: u32) {
        let none = || self.members(id).is_empty().then_some(());
        assert!(until(Duration::from_secs(2), none).is_some(), "left: {:?}", self.members(id));
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for id in 0..10 {
            for key in self.members(id) {
                let _ = Command::new("kill").args(["-9", &key.pid.to_string()]).status();
            }
        }
    }
}

fn no_zombies() {
    let own = std::process::id();
    let zombies = || -> Vec<String> {
        let all = snapshot().unwrap();
        all.into_iter().filter(|f| f.dead && f.parent == own).map(|f| f.comm).collect()
    };
    // Tests run beside each other: a child of another one may just be between end and reaping.
    let none = || zombies().is_empty().then_some(());
    assert!(until(Duration::from_secs(5), none).is_some(), "zombies: {:?}", zombies());
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn set(service: &mut Service, change: impl FnOnce(&mut ProcessService)) {
    if let ServiceKind::Process(process) = &mut service.kind {
        change(process);
    }
}

const DAEMON: &str = "setsid sleep 1000 </dev/null & echo $! >$PIDFILE\n";

#[test]
fn start_programs_from_hell_leave_nothing() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let programs = [
        ("hangs", "sleep 1000"),
        ("forks", "sleep 1000 & sleep 1000 & wait"),
        ("double-forks", "(setsid sleep 1000 >/dev/null 2>&1 &)"),
        ("exits without service", "exit 0"),
        ("ignores TERM", "trap '' TERM; while :; do sleep 0.05; done"),
        ("ignores TERM in the background", "(trap '' TERM; setsid sleep 1000 &); exit 0"),
        ("grandchildren hold the output", "((sleep 1000 &) &)"),
        ("exits non-zero", "echo cannot start: refused; sleep 1000 & exit 3"),
        ("stops itself", "kill -STOP $$"),
    ];
    for (what, lines) in programs {
        let service = bed.service(0, lines, millis(400));
        let begin = boot_now();
        let message = bed.failure(&service, Verb::Start, Part::Start);
        // Program and grace, and much for a busy machine; no hang for ever.
        assert!(boot_now().since(begin) < Duration::from_secs(8), "{what}");
        bed.nothing_left(0);
        let path = bed.scratch.at("start-0");
        let shown = path.display();
        match what {
            "exits non-zero" => {
                let text = format!("(exit status 3) -- '{shown}': cannot start: refused");
                assert_eq!(message, text);
            }
            "hangs" | "forks" | "ignores TERM" | "stops itself" => {
                let text = format!("(exit status -1) -- Program '{shown}' timed out after 0.4 s");
                assert_eq!(message, text, "{what}");
            }
            _ => assert!(message.starts_with("(exit status 0) -- "), "{what}: {message}"),
        }
    }
    no_zombies();
}

#[test]
fn a_daemon_is_adopted_stopped_and_restarted() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    // It closes nothing: the daemon keeps our output file.
    let service = bed.service(1, DAEMON, LONG);
    let main = bed.started(&service);
    assert!(alive(main));
    assert_eq!(std::fs::read_to_string(bed.pidfile(1)).unwrap().trim(), main.pid.to_string());
    assert_eq!(bed.act(&service, Verb::Start, None), Outcome::Started { main, candidates: 1 });
    bed.steps.clear();
    let Outcome::Started { main: second, .. } = bed.act(&service, Verb::Restart, Some(main)) else {
        panic!("not restarted")
    };
    assert!(second != main && alive(second) && !alive(main));
    let gone = bed.steps.iter().position(|step| *step == Step::Gone).unwrap();
    let spawned = bed.steps.iter().position(|step| matches!(step, Step::Spawned(_))).unwrap();
    assert!(gone < spawned, "{:?}", bed.steps);
    assert_eq!(bed.act(&service, Verb::Stop, Some(second)), Outcome::Stopped);
    assert_eq!(bed.act(&service, Verb::Stop, None), Outcome::Stopped, "stopped is stopped");
    bed.nothing_left(1);
    no_zombies();
}

#[test]
fn the_started_process_itself_is_the_service() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let mut service = bed.service(2, "sleep 1000 & sleep 1000 & wait", LONG);
    set(&mut service, |process| process.pidfile = None);
    let main = bed.started(&service);
    assert!(bed.steps.contains(&Step::Spawned(main)));
    until(LONG, || (bed.members(2).len() == 3).then_some(())).expect("its children");
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    bed.nothing_left(2);
    no_zombies();
}

#[test]
fn a_service_that_ends_at_once_is_a_failed_start_in_its_own_words() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let lines = "echo 'cannot bind port 80' >&2\nexit 3";
    let mut service = bed.service(22, lines, Duration::from_secs(5));
    set(&mut service, |process| process.pidfile = None);
    let message = bed.failure(&service, Verb::Start, Part::Start);
    assert!(message.starts_with("(exit status 3) -- '"), "{message}");
    assert!(message.ends_with("cannot bind port 80"), "{message}");
    bed.nothing_left(22);
}

#[test]
fn a_service_in_the_foreground_is_found_by_match() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let program = bed.scratch.at("my-service");
    std::fs::copy("/bin/sleep", &program).unwrap();
    let exe = program.to_str().unwrap().to_owned();
    let mut service = bed.service(3, &format!("exec {exe} 1000"), LONG);
    set(&mut service, |process| {
        process.pidfile = None;
        process.matching = Some(Match { exe: Some(exe), args: None, user: None });
    });
    let main = bed.started(&service);
    assert!(bed.steps.contains(&Step::Spawned(main)), "the same process");
    bed.runner.find(Arc::new(service.clone()), None, Vec::new());
    let presence = until(LONG, || {
        bed.inbox.take().into_iter().find_map(|message| match message {
            Message::Input(Input::Found(found)) => Some(found.presence),
            _ => None,
        })
    });
    assert_eq!(presence, Some(Presence::Present { main, candidates: 1 }));
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    bed.nothing_left(3);
}

#[test]
fn the_start_script_is_not_taken_for_the_service_it_starts() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    // The script's own arguments fit, for half a second longer than the daemon takes to come.
    let word = format!("word-{}", bed.marked.0);
    let lines = format!("sleep 0.4; setsid sh -c 'sleep 1000; :' {word} & sleep 0.1");
    let mut service = bed.service(4, &lines, LONG);
    set(&mut service, |process| {
        process.pidfile = None;
        let args = Some(regex::Regex::new(&word).unwrap());
        process.matching = Some(Match { exe: None, args, user: None });
        process.start.as_mut().unwrap().argv.push(word.clone());
    });
    let main = bed.started(&service);
    assert!(!bed.steps.contains(&Step::Spawned(main)), "that is the script");
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    bed.nothing_left(4);
}

#[test]
fn stop_goes_on_where_the_stop_program_fails() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    for (name, lines) in [("fails", "echo no; exit 1"), ("hangs", "sleep 1000"), ("lies", "exit 0")]
    {
        let mut service = bed.service(5, DAEMON, LONG);
        let stop = bed.outside(5, name, lines, millis(300));
        set(&mut service, |process| process.stop = Some(stop));
        let main = bed.started(&service);
        assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped, "{name}");
        assert!(!alive(main), "{name}");
    }
    let mut service = bed.service(5, DAEMON, LONG);
    let stop = bed.outside(5, "works", "kill $(cat $PIDFILE)", LONG);
    set(&mut service, |process| process.stop = Some(stop));
    let main = bed.started(&service);
    bed.steps.clear();
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    assert_eq!(bed.steps.len(), 1, "the program was enough: {:?}", bed.steps);
    no_zombies();
}

#[test]
fn a_restart_program_may_keep_the_process() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let mut service = bed.service(6, DAEMON, LONG);
    let restart = bed.program(6, "restart", "exit 0", LONG);
    set(&mut service, |process| process.restart = Some(restart));
    let main = bed.started(&service);
    let outcome = bed.act(&service, Verb::Restart, Some(main));
    assert_eq!(outcome, Outcome::Started { main, candidates: 1 });
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
}

#[test]
fn what_a_dead_service_left_is_ended_before_the_next_start() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let lines = format!("(trap '' TERM; setsid sleep 1000 &)\n{DAEMON}");
    let service = bed.service(7, &lines, LONG);
    let main = bed.started(&service);
    until(LONG, || (bed.members(7).len() == 2).then_some(())).unwrap();
    let rest: HashSet<_> = bed.members(7).into_iter().filter(|key| *key != main).collect();
    Command::new("kill").args(["-9", &main.pid.to_string()]).status().unwrap();
    until(LONG, || (!alive(main)).then_some(())).unwrap();
    let Outcome::Started { main: second, .. } = bed.act(&service, Verb::Restart, Some(main)) else {
        panic!("not started")
    };
    assert!(rest.iter().all(|key| !alive(*key)) && alive(second));
    assert_eq!(bed.act(&service, Verb::Stop, Some(second)), Outcome::Stopped);
    bed.nothing_left(7);
}

#[test]
fn a_start_program_of_a_former_run_is_ended_with_its_session() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let service = bed.service(8, DAEMON, LONG);
    let former = bed.outside(8, "former", "sleep 1000 & sleep 1000 & wait", LONG);
    let mut child = Command::new("setsid").args(&former.argv).spawn().unwrap();
    let key = until(LONG, || facts(child.id()).unwrap().filter(|f| f.session == child.id()))
        .expect("a session")
        .key;
    let session = move || -> Vec<ProcessKey> {
        let all = snapshot().unwrap();
        all.into_iter().filter(|f| f.session == key.pid && !f.dead).map(|f| f.key).collect()
    };
    until(LONG, || (session().len() == 3).then_some(())).unwrap();
    let id = bed.order_with(&service, Verb::Start, None, Some(key));
    let Outcome::Started { main, .. } = bed.outcome(id) else { panic!("not started") };
    assert_eq!(session(), []);
    child.wait().unwrap();
    // Another one with the same pid would not have been touched.
    let stranger = Stranger::new();
    let not_it = ProcessKey { start: stranger.key().start - 1, ..stranger.key() };
    let id = bed.order_with(&service, Verb::Restart, Some(main), Some(not_it));
    assert!(matches!(bed.outcome(id), Outcome::Started { .. }));
    assert!(alive(stranger.key()));
}

#[test]
fn a_stranger_with_the_same_pid_is_never_signalled() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let mut service = bed.service(9, "exec sleep 1000", LONG);
    set(&mut service, |process| process.pidfile = None);
    let stranger = Stranger::new();
    let former = ProcessKey { start: stranger.key().start - 1, ..stranger.key() };
    assert_eq!(bed.act(&service, Verb::Stop, Some(former)), Outcome::Stopped);
    assert!(alive(stranger.key()));
    let Outcome::Started { main, .. } = bed.act(&service, Verb::Restart, Some(former)) else {
        panic!("not started")
    };
    assert!(alive(stranger.key()));
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    // And with the pid really given away.
    for _ in 0..3 {
        let main = bed.started(&service);
        Command::new("kill").args(["-9", &main.pid.to_string()]).status().unwrap();
        until(LONG, || facts(main.pid).unwrap().is_none().then_some(())).expect("reaped");
        let Some(stranger) = Stranger::with_pid(main.pid) else { continue };
        assert_ne!(stranger.key(), main);
        assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
        assert!(alive(stranger.key()));
    }
}

#[test]
fn protected_programs_and_what_they_started_are_left_alone() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    std::fs::copy("/bin/sh", bed.scratch.at("protected-prog")).unwrap();
    let program = bed.scratch.at("protected-prog").display().to_string();
    let lines = format!("setsid {program} -c 'sleep 1000; :' & \n{DAEMON}");
    let service = bed.service(0, &lines, LONG);
    let main = bed.started(&service);
    until(LONG, || (bed.members(0).len() == 3).then_some(())).unwrap();
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    assert!(!alive(main));
    assert_eq!(bed.members(0).len(), 2, "the protected program and its child");
    let told = bed.steps.iter().any(|step| {
        matches!(step, Step::Doing(text) if text.contains("protected-prog") && text.starts_with("left alone"))
    });
    assert!(told, "{:?}", bed.steps);
}

#[test]
fn one_slow_service_delays_no_other_and_lanes_keep_their_order() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let slow = bed.service(0, "sleep 1000", Duration::from_secs(3));
    let quick = bed.service(1, DAEMON, LONG);
    let begin = boot_now();
    let slow_start = bed.order(&slow, Verb::Start, None);
    let slow_stop = bed.order(&slow, Verb::Stop, None);
    let main = bed.started(&quick);
    assert!(boot_now().since(begin) < Duration::from_secs(3));
    assert_eq!(bed.act(&quick, Verb::Stop, Some(main)), Outcome::Stopped);
    assert!(matches!(bed.outcome(slow_start), Outcome::Failed { part: Part::Start, .. }));
    assert_eq!(bed.outcome(slow_stop), Outcome::Stopped);
    bed.nothing_left(0);
}

/// Never says who is in a group, as a file on a dead server never opens. Group 1 is empty.
struct Hanging;

impl Membership for Hanging {
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        if service.0 != 1 {
            std::thread::sleep(Duration::from_secs(60));
        }
        Ok(Vec::new())
    }

    fn service_of(&self, _: ProcessKey) -> io::Result<Option<ServiceId>> {
        Ok(None)
    }

    fn spawning(&self, _: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()> {
        spawn();
        Ok(())
    }
}

#[test]
fn a_look_that_hangs_delays_no_other_and_ends_a_deed_in_time() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::with(Some(Arc::new(Hanging)));
    for id in [0, 1, 2, 3] {
        // Not root's, so that the group is asked for.
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        std::fs::write(bed.pidfile(id), parent.to_string()).unwrap();
        std::os::unix::fs::chown(bed.pidfile(id), Some(65_534), None).unwrap();
    }
    for id in [0, 2, 3] {
        let service = Arc::new(bed.service(id, DAEMON, LONG));
        for _ in 0..100 {
            bed.runner.find(Arc::clone(&service), None, Vec::new());
        }
    }
    bed.runner.find(Arc::new(bed.service(1, DAEMON, LONG)), None, Vec::new());
    let hangs = bed.service(0, DAEMON, LONG);
    let start = bed.order(&hangs, Verb::Start, None);
    let mut found = Vec::new();
    let answer = until(LONG, || {
        for message in bed.inbox.take() {
            match message {
                Message::Input(Input::Found(one)) => found.push(one),
                Message::Input(Input::Acted(acted)) => {
                    bed.outcomes.insert(acted.id.0, acted.outcome);
                }
                _ => {}
            }
        }
        (found.len() == 1).then_some(())
    });
    assert!(answer.is_some(), "the look waits for those that hang");
    assert_eq!(found[0].service, ServiceId(1));
    let outcome = bed.outcome(start);
    let Outcome::Failed { part: Part::Start, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(message, "looking for it takes too long");
}

#[test]
fn a_service_that_nobody_followed_is_stopped_with_its_children() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::with(Some(Arc::new(Hanging)));
    let service = bed.service(1, DAEMON, LONG);
    let told = bed.scratch.at("child");
    let lines = format!("sleep 1000 & echo $! > {}; wait", told.display());
    let mut main = Stranger(Command::new("/bin/sh").args(["-c", &lines]).spawn().unwrap());
    let read = || std::fs::read_to_string(&told).ok()?.trim().parse::<u32>().ok();
    let child = facts(until(LONG, read).unwrap()).unwrap().unwrap().key;
    let main_key = main.key();
    assert_eq!(bed.act(&service, Verb::Stop, Some(main_key)), Outcome::Stopped);
    let _ = main.0.wait();
    let left = alive(child);
    // Not ours to leave behind where the test fails.
    let _ =
        Command::new("kill").args(["-9", &child.pid.to_string()]).stderr(Stdio::null()).status();
    assert!(!alive(main_key) && !left, "the child is left");
}

fn run(bed: &Bed, service: &Service, program: Program) -> ActionId {
    let id = ActionId(boot_now().0);
    let context = Context {
        event: "Resource limit matched".to_owned(),
        description: "x\n$(touch /tmp/x);`id`".to_owned(),
        action: "exec".to_owned(),
        rule: "totalmem > 1 MB".to_owned(),
        value: "2 MB".to_owned(),
        limit: "y".repeat(9000),
        pid: Some(812),
        memory_kb: Some(4),
        children: Some(5),
        cpu_percent: Some(6.25),
        program_status: None,
        at: boot_now(),
    };
    let service = Arc::new(service.clone());
    bed.runner.exec(RunProgram { id, service, program, context });
    id
}

#[test]
fn a_rules_program_gets_exactly_what_is_promised() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let service = bed.service(1, DAEMON, LONG);
    let out = bed.scratch.at("out");
    std::fs::create_dir(&out).unwrap();
    std::os::unix::fs::chown(&out, Some(65_534), None).unwrap();
    let lines = format!(
        "cd {out}; tr '\\0' '\\n' </proc/$$/environ >environ; \
         umask >umask; cat /proc/$$/stat >stat; echo hello",
        out = out.display()
    );
    let mut program = bed.outside(1, "dump", &lines, LONG);
    program.env = vec![("MINE".to_owned(), "1".to_owned())];
    program.user = Some("nobody".to_owned());
    // Something that must not be inherited.
    let _open = std::fs::File::open("/etc/passwd").unwrap();
    let id = run(&bed, &service, program);
    assert_eq!(bed.outcome(id), Outcome::Ran);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let environ = read("environ");
    let names: HashSet<&str> =
        environ.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let expected = "PATH HOME USER LOGNAME MINE WATCHDOG_SERVICE WATCHDOG_EVENT \
        WATCHDOG_DESCRIPTION WATCHDOG_DATE WATCHDOG_HOST WATCHDOG_ACTION WATCHDOG_RULE \
        WATCHDOG_VALUE WATCHDOG_LIMIT WATCHDOG_PID MONIT_SERVICE MONIT_EVENT MONIT_DESCRIPTION \
        MONIT_DATE MONIT_HOST MONIT_PROCESS_PID MONIT_PROCESS_MEMORY MONIT_PROCESS_CHILDREN \
        MONIT_PROCESS_CPU_PERCENT";
    assert_eq!(names, expected.split_whitespace().collect());
    let has = |line: &str| assert!(environ.lines().any(|found| found == line), "{line}");
    has("WATCHDOG_SERVICE=service 1");
    has("WATCHDOG_DESCRIPTION=x\\x0a$(touch /tmp/x);`id`");
    has("MONIT_PROCESS_CPU_PERCENT=6.2");
    has("HOME=/nonexistent");
    has(&format!("WATCHDOG_LIMIT={}", "y".repeat(4096)));
    assert_eq!(read("umask").trim(), "0022");
    let stat = read("stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let pid = stat.split(' ').next().unwrap();
    assert_eq!(fields[3], pid, "a session of its own");
    let kept = std::fs::read_to_string(bed.scratch.at("state/output/service%201%exec0.log"));
    assert_eq!(kept.unwrap(), "hello\n");
    // A shell keeps descriptors and blocks signals of its own; `ls` has but the folder it lists.
    let mut program = bed.outside(2, "none", "", LONG);
    program.argv = ["/bin/ls", "-l", "/proc/self/fd"].map(str::to_owned).to_vec();
    let id = run(&bed, &bed.service(2, DAEMON, LONG), program);
    assert_eq!(bed.outcome(id), Outcome::Ran);
    let path = bed.scratch.at("state/output/service%202%exec0.log");
    let fds = std::fs::read_to_string(path).unwrap();
    let targets: Vec<&str> = fds.lines().filter_map(|l| Some(l.split_once(" -> ")?.1)).collect();
    assert_eq!(targets.len(), 4, "{fds}");
    assert_eq!(targets[0], "/dev/null");
    assert!(targets[1] == targets[2] && targets[1].ends_with("%exec0.log"), "{fds}");
    assert!(targets[3].starts_with("/proc/"), "{fds}");
    let mut program = bed.outside(3, "none", "", LONG);
    program.argv = ["/bin/cat", "/proc/self/status"].map(str::to_owned).to_vec();
    program.user = Some("nobody".to_owned());
    let id = run(&bed, &bed.service(3, DAEMON, LONG), program);
    assert_eq!(bed.outcome(id), Outcome::Ran);
    let path = bed.scratch.at("state/output/service%203%exec0.log");
    let status = std::fs::read_to_string(path).unwrap();
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("Uid:"), ["65534"; 4]);
    assert_eq!(line("Gid:"), ["65534"; 4]);
    assert_eq!(line("Groups:"), ["65534"]);
    assert_eq!(line("SigBlk:"), ["0000000000000000"]);
    assert_eq!(line("SigIgn:"), ["0000000000000000"], "SIGPIPE above all");
    assert_eq!(line("CapEff:"), ["0000000000000000"]);
}

#[test]
fn rules_programs_are_bounded_in_time_and_number() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let service = bed.service(1, DAEMON, LONG);
    let mut program = bed.program(1, "hang", "sleep 1000 & echo busy; sleep 1000", millis(2_500));
    let ids: Vec<ActionId> = (0..5).map(|_| run(&bed, &service, program.clone())).collect();
    let refused = bed.outcome(ids[4]);
    assert!(
        matches!(&refused, Outcome::Failed { message, .. } if message.starts_with("too many running")),
        "{refused:?}"
    );
    let Outcome::Failed { part: Part::Exec, message } = bed.outcome(ids[3]) else { panic!() };
    assert!(message.ends_with("timed out after 2.5 s: busy"), "{message}");
    bed.nothing_left(1);
    no_zombies();
    program.user = Some("no-such-user".to_owned());
    let id = run(&bed, &service, program.clone());
    let Outcome::Failed { message, .. } = bed.outcome(id) else { panic!() };
    assert!(message.ends_with("user 'no-such-user' does not exist"), "{message}");
    program.user = None;
    std::os::unix::fs::chown(Path::new(&program.argv[0]), Some(65_534), None).unwrap();
    let id = run(&bed, &service, program.clone());
    let Outcome::Failed { message, .. } = bed.outcome(id) else { panic!() };
    assert!(message.contains("not run as root: "), "{message}");
    program.argv = vec!["/no/such/program".to_owned()];
    let id = run(&bed, &service, program);
    assert!(matches!(bed.outcome(id), Outcome::Failed { part: Part::Exec, .. }));
}

#[test]
fn with_the_real_sensor_nothing_of_a_start_program_is_missed() {
    if !need::root() {
        return;
    }
    let source = match KernelSource::open(&Options::default()) {
        Ok(source) => source,
        Err(error) => return need::skip(&error.to_string()),
    };
    let mut bed = Bed::with(Some(source.membership()));
    // A session of its own, no parent left, and no environment by which to know it.
    let escape =
        "(setsid env -i sh -c 'trap \"\" TERM; sleep 1000 & wait; wait' >/dev/null 2>&1 &)\n";
    let mark = bed.scratch.at("escaped").display().to_string();
    let escape = escape.replace("sleep 1000", &format!("{mark} 1000"));
    std::fs::copy("/bin/sleep", &mark).unwrap();
    let escaped = || -> usize {
        let all = snapshot().unwrap();
        all.iter().filter(|facts| facts.comm == "escaped" && !facts.dead).count()
    };
    let service = bed.service(0, &format!("{escape}sleep 0.1"), millis(500));
    let message = bed.failure(&service, Verb::Start, Part::Start);
    assert!(message.starts_with("(exit status 0) -- "), "{message}");
    assert_eq!(escaped(), 0);
    let service = bed.service(0, &format!("{escape}sleep 0.1; {DAEMON}"), LONG);
    let main = bed.started(&service);
    assert_eq!(escaped(), 1);
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    assert_eq!(escaped(), 0);
    assert!(!alive(main));
}

/// A process that nobody has any business with.
struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        Self(Command::new("/bin/sleep").arg("1000").spawn().unwrap())
    }

    /// With this very pid, where the kernel lets us say which is next and nobody is quicker.
    fn with_pid(pid: u32) -> Option<Self> {
        for _ in 0..50 {
            std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
            let stranger = Self::new();
            if stranger.0.id() == pid {
                return Some(stranger);
            }
        }
        None
    }

    fn key(&self) -> ProcessKey {
        facts(self.0.id()).unwrap().unwrap().key
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service that is absent is looked for in each cycle, and a look may take longer than a cycle.
#[test]
fn looks_for_one_service_do_not_pile_up() {
    if !need::root() {
        return;
    }
    let bed = Bed::new();
    let mut service = bed.service(0, "exit 0", Duration::from_secs(1));
    set(&mut service, |process| {
        process.pidfile = None;
        process.matching =
            Some(Match { exe: Some("/no/such/program".to_owned()), args: None, user: None });
    });
    let service = Arc::new(service);
    const ASKED: usize = 20_000;
    for _ in 0..ASKED {
        bed.runner.find(Arc::clone(&service), None, Vec::new());
    }
    // The last one was asked for after all others, and nothing comes behind a deed's end.
    let mut answers = 0;
    let mut quiet = 0;
    let ended = until(LONG, || {
        let found = bed.inbox.take().len();
        answers += found;
        quiet = if found == 0 && answers > 0 { quiet + 1 } else { 0 };
        (quiet > 50).then_some(())
    });
    assert!(ended.is_some(), "no end after {answers} answers");
    assert!((1..ASKED / 10).contains(&answers), "{answers} answers");
}
