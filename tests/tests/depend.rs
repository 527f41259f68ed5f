//! The whole daemon on real processes that depend on each other: in which order they are started and
//! stopped.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// Three services, web on app on db, whose programs say what they do in `said`.
struct Stack {
    scratch: Scratch,
}

impl Stack {
    fn new() -> Self {
        Self { scratch: Scratch::new() }
    }

    fn rules(&self) -> String {
        let dir = self.scratch.path().display();
        let mut rules = String::from("cycle: 500ms\nservices:\n");
        for (name, below) in [("web", "[app]"), ("app", "[db]"), ("db", "[]")] {
            let start = format!(
                "echo start {name} >> {dir}/said\nsetsid sleep 600 &\necho $! > {dir}/{name}.pid\n"
            );
            let stop = format!("echo stop {name} >> {dir}/said\nkill $(cat {dir}/{name}.pid)\n");
            let start = self.scratch.script(&format!("start-{name}"), &start);
            let stop = self.scratch.script(&format!("stop-{name}"), &stop);
            rules.push_str(&format!(
                "- process: {name}\n  pidfile: {dir}/{name}.pid\n  start: {}\n  stop: {}\n  \
                 depends_on: {below}\n",
                start.display(),
                stop.display()
            ));
        }
        rules
    }

    fn said(&self) -> Vec<String> {
        let said = fs::read_to_string(self.scratch.at("said")).unwrap_or_default();
        said.lines().map(str::to_owned).collect()
    }

    fn pid(&self, name: &str) -> Option<Pid> {
        let text = fs::read_to_string(self.scratch.at(&format!("{name}.pid"))).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    fn wait_said(&self, daemon: &Daemon, expected: &[&str]) {
        until(PATIENCE, || (self.said().len() >= expected.len()).then_some(()))
            .unwrap_or_else(|| panic!("{:?}\n{}", self.said(), daemon.said()));
        assert_eq!(self.said(), expected, "{}", daemon.said());
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for name in ["web", "app", "db"] {
            if let Some(pid) = self.pid(name) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn all_ok(daemon: &Daemon) {
    let ok = until(PATIENCE, || {
        let status = daemon.try_status()?;
        let all = status["services"].as_array()?.iter().all(|one| one["status"] == "ok");
        all.then_some(())
    });
    assert!(ok.is_some(), "{}", daemon.said());
}

#[test]
fn what_stands_above_is_stopped_first_and_started_last() {
    if !need::root() {
        return;
    }
    let stack = Stack::new();
    let daemon = Daemon::start(&stack.scratch, &stack.rules());
    let mut expected = vec!["start db", "start app", "start web"];
    stack.wait_said(&daemon, &expected);
    all_ok(&daemon);

    let db = stack.pid("db").expect("db's pid");
    kill_process(db, Signal::KILL).expect("db lives");
    expected.extend(["stop web", "stop app", "start db", "start app", "start web"]);
    stack.wait_said(&daemon, &expected);
    all_ok(&daemon);

    let stopped = daemon.command(&["stop", "app"]);
    assert!(stopped.status.success(), "{stopped:?}");
    expected.extend(["stop web", "stop app"]);
    stack.wait_said(&daemon, &expected);
    let started = daemon.command(&["start", "web"]);
    assert!(started.status.success(), "{started:?}\n{}", daemon.said());
    expected.extend(["start app", "start web"]);
    stack.wait_said(&daemon, &expected);
    all_ok(&daemon);
}

/// A directory that is missing is made by its start program, again after it vanished, and an operator
/// has it taken away and put back.
#[test]
fn what_is_no_process_is_started_and_stopped_by_its_programs() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let make = scratch.script("make", &format!("mkdir {dir}/data\n"));
    let take = scratch.script("take", &format!("rmdir {dir}/data\n"));
    let rules = format!(
        "cycle: 500ms\nservices:\n- directory: data\n  path: {dir}/data\n  start: {}\n  stop: {}\n",
        make.display(),
        take.display()
    );
    let daemon = Daemon::start(&scratch, &rules);
    let data = scratch.at("data");
    let there = |wanted: bool| until(PATIENCE, || (data.is_dir() == wanted).then_some(()));
    assert!(there(true).is_some(), "{}", daemon.said());
    all_ok(&daemon);
    fs::remove_dir(&data).expect("the directory");
    assert!(there(true).is_some(), "{}", daemon.said());
    all_ok(&daemon);
    let stopped = daemon.command(&["stop", "data"]);
    assert!(stopped.status.success() && !data.exists(), "{stopped:?}\n{}", daemon.said());
    let started = daemon.command(&["start", "data"]);
    assert!(started.status.success() && data.is_dir(), "{started:?}\n{}", daemon.said());
}
