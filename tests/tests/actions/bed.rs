//! What the tests of actions stand on: a runner, the engine's end of its inbox, and services.

use std::collections::HashMap;
use std::io;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::inbox::{Inbox, Message};
use ebpf_watchdog::message::{Act, ActionId, Context, Input, Outcome, Part, Step, Verb};
use ebpf_watchdog::process::{facts, snapshot};
use ebpf_watchdog::runner::{Runner, RunnerParts};
use ebpf_watchdog::service::{Control, ProcessService, Program, Service, ServiceKind};
use ebpf_watchdog::source::Membership;
use ebpf_watchdog::state::Folder;
use ebpf_watchdog::sys::spawn::Baseline;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

/// More than any bound in the services below; a wait this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Knows the group of service n by `GROUP_MARK=<mark>-n` in the environment.
pub(crate) struct Marked(pub String);

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
pub(crate) struct Bed {
    pub scratch: Scratch,
    pub inbox: Arc<Inbox>,
    pub runner: Runner,
    pub marked: Arc<Marked>,
    pub steps: Vec<Step>,
    pub outcomes: HashMap<u64, Outcome>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// With the real sensor's knowledge of groups, or by the mark.
    pub(crate) fn with(sensor: Option<Arc<dyn Membership>>) -> Self {
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

    pub(crate) fn members(&self, id: u32) -> Vec<ProcessKey> {
        self.marked.members(ServiceId(id)).unwrap()
    }

    /// A script as the program of service `id`'s start.
    pub(crate) fn program(&self, id: u32, name: &str, lines: &str, timeout: Duration) -> Program {
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
    pub(crate) fn outside(&self, id: u32, name: &str, lines: &str, timeout: Duration) -> Program {
        let mut program = self.program(id, name, lines, timeout);
        program.env.retain(|(name, _)| name != "GROUP_MARK");
        program
    }

    pub(crate) fn pidfile(&self, id: u32) -> std::path::PathBuf {
        self.scratch.at(&format!("{id}.pid"))
    }

    pub(crate) fn service(&self, id: u32, start: &str, timeout: Duration) -> Service {
        let process = ProcessService {
            pidfile: Some(self.pidfile(id)),
            matching: None,
            unit: None,
            cgroup: None,
            start: Some(Box::new(self.program(id, "start", start, timeout))),
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

    pub(crate) fn order(
        &self,
        service: &Service,
        verb: Verb,
        main: Option<ProcessKey>,
    ) -> ActionId {
        self.order_with(service, verb, main, None)
    }

    pub(crate) fn order_with(
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

    pub(crate) fn outcome(&mut self, id: ActionId) -> Outcome {
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

    pub(crate) fn act(
        &mut self,
        service: &Service,
        verb: Verb,
        main: Option<ProcessKey>,
    ) -> Outcome {
        let id = self.order(service, verb, main);
        self.outcome(id)
    }

    pub(crate) fn started(&mut self, service: &Service) -> ProcessKey {
        match self.act(service, Verb::Start, None) {
            Outcome::Started { main, .. } => main,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failure(&mut self, service: &Service, verb: Verb, part: Part) -> String {
        match self.act(service, verb, None) {
            Outcome::Failed { part: failed, message } if failed == part => message,
            other => panic!("{other:?}"),
        }
    }

    /// Nothing of the service is left, and no zombie is ours.
    pub(crate) fn nothing_left(&self, id: u32) {
        let none = || self.members(id).is_empty().then_some(());
        assert!(until(LONG, none).is_some(), "left: {:?}", self.members(id));
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

pub(crate) fn no_zombies() {
    let own = std::process::id();
    let zombies = || -> Vec<String> {
        let all = snapshot().unwrap();
        all.into_iter().filter(|f| f.dead && f.parent == own).map(|f| f.comm).collect()
    };
    // Tests run beside each other: a child of another one may just be between end and reaping.
    let none = || zombies().is_empty().then_some(());
    assert!(until(LONG, none).is_some(), "zombies: {:?}", zombies());
}

pub(crate) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn set(service: &mut Service, change: impl FnOnce(&mut ProcessService)) {
    if let ServiceKind::Process(process) = &mut service.kind {
        change(process);
    }
}

pub(crate) const DAEMON: &str = "setsid sleep 1000 </dev/null & echo $! >$PIDFILE\n";

/// A process that nobody has any business with.
pub(crate) struct Stranger(pub Child);

impl Stranger {
    pub(crate) fn new() -> Self {
        Self(Command::new("/bin/sleep").arg("1000").spawn().unwrap())
    }

    /// With this very pid, where the kernel lets us say which is next and nobody is quicker.
    pub(crate) fn with_pid(pid: u32) -> Option<Self> {
        for _ in 0..50 {
            std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
            let stranger = Self::new();
            if stranger.0.id() == pid {
                return Some(stranger);
            }
        }
        None
    }

    pub(crate) fn key(&self) -> ProcessKey {
        facts(self.0.id()).unwrap().unwrap().key
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Never says who is in a group, as a file on a dead server never opens. Group 1 is empty.
pub(crate) struct Hanging;

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
