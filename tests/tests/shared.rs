//! Processes that several services have: the same main process under two names, and one service that
//! another one runs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A supervisor with a child of its own, and a worker with two.
struct Supervised(Child);

impl Supervised {
    fn start(scratch: &Scratch) -> Self {
        let dir = scratch.path().display();
        mkfifoat(CWD, scratch.at("go"), Mode::RUSR | Mode::WUSR).expect("fifo");
        let lines = format!(
            "sh -c 'echo $$ >{dir}/worker.new; mv {dir}/worker.new {dir}/worker.pid; read go <{dir}/go; sleep 1000 & sleep 1000 & wait' &\n\
             sleep 1000 &\n\
             echo $$ >{dir}/upper.new; mv {dir}/upper.new {dir}/upper.pid\nwait; wait; wait\n"
        );
        let shell = Command::new("/bin/sh")
            .args(["-c", &lines])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("sh");
        let started = Self(shell);
        let there = || ["upper.pid", "worker.pid"].iter().all(|name| scratch.at(name).exists());
        assert!(until(PATIENCE, || there().then_some(())).is_some(), "no pidfiles");
        started
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.0.id().cast_signed()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

fn children(service: &Value) -> Option<u64> {
    service["metrics"]["children"].as_u64()
}

#[test]
fn a_process_counts_in_every_service_that_it_belongs_to() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    std::fs::set_permissions(scratch.path(), Permissions::from_mode(0o700)).expect("scratch");
    let supervised = Supervised::start(&scratch);
    let dir = scratch.path().display();
    let service = |name: &str, file: &str| {
        format!(
            "  - process: {name}\n    pidfile: {dir}/{file}.pid\n    rules: [{{ if: \"children > 3\", then: alert }}]\n"
        )
    };
    let rules = format!(
        "cycle: 1s\nservices:\n{}{}{}",
        service("upper", "upper"),
        service("worker", "worker"),
        service("twin", "upper")
    );
    let mut daemon = Daemon::start(&scratch, &rules);
    for name in ["upper", "worker", "twin"] {
        daemon.wait_for(name, PATIENCE, |service| service["metrics"]["threads"].is_u64());
    }
    std::fs::write(scratch.at("go"), "go\n").expect("go");
    // In Monit too all descendants count: the worker, its two, and one of its own.
    for (name, count) in [("upper", 4), ("twin", 4), ("worker", 2)] {
        daemon.wait_for(name, PATIENCE, |service| children(service) == Some(count));
    }
    daemon.wait_for("upper", PATIENCE, |service| service["status"] == "failing");
    daemon.wait_for("twin", PATIENCE, |service| service["status"] == "failing");
    let sum = |name| daemon.service(name)["metrics"]["totalmem_bytes"].as_u64();
    assert!(sum("upper") > sum("worker"), "{:?} {:?}", sum("upper"), sum("worker"));

    // Each process is shown once, where it belongs.
    let rows = until(PATIENCE, || {
        let output = daemon.command(&["top", "--json", "-d", "1"]);
        serde_json::from_slice::<Value>(&output.stdout).ok()?.as_array().cloned()
    });
    let rows = rows.unwrap_or_else(|| panic!("no rows\n{}", daemon.said()));
    let of = |name: &str| rows.iter().filter(|row| row["service"] == name).count();
    assert_eq!((rows.len(), of("worker")), (5, 3), "{rows:?}");

    // The first is watched no longer: its twin goes on, and nothing has ended.
    assert!(daemon.command(&["unmonitor", "upper"]).status.success());
    let again = daemon.status()["cycles"].as_u64().expect("cycles") + 3;
    let later = || (daemon.status()["cycles"].as_u64()? >= again).then_some(());
    assert!(until(PATIENCE, later).is_some(), "no cycles");
    daemon.wait_for("twin", PATIENCE, |service| children(service) == Some(4));
    let log = daemon.log();
    assert!(!log.contains("is gone"), "{log}");

    // And its end is told to it.
    let main = Pid::from_raw(supervised.0.id().cast_signed()).expect("pid");
    kill_process(main, Signal::KILL).expect("kill");
    daemon.wait_log("'twin' process is not running", PATIENCE);
    let log = daemon.log();
    assert!(!log.contains("'worker' process is not running"), "{log}");
    daemon.end();
    drop(supervised);
}
