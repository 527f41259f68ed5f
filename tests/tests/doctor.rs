//! `doctor` with and without a daemon, and what the daemon takes for itself and keeps from others.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use watchdog_tests::daemon::{Daemon, program};
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

fn doctor(scratch: &Scratch, launcher: &[&str]) -> (Option<i32>, Value) {
    let mut words: Vec<String> = launcher.iter().map(ToString::to_string).collect();
    words.push(program().display().to_string());
    words.extend(["--socket".into(), scratch.at("control.sock").display().to_string()]);
    words.extend(["doctor".into(), "--json".into()]);
    let output = Command::new(&words[0]).args(&words[1..]).output().expect("doctor");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}")))
}

#[test]
fn without_a_daemon_it_tries_itself() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let (code, found) = doctor(&scratch, &[]);
    assert_eq!((&found["daemon"], &found["mode"]), (&false.into(), &"ebpf".into()), "{found}");
    assert!(found["cgroup"].as_array().is_some_and(|versions| !versions.is_empty()), "{found}");
    let missing = found["missing"].as_array().expect("missing");
    assert_eq!(code, Some(i32::from(!missing.is_empty())), "{found}");

    let (code, found) = doctor(&scratch, &[env!("CARGO_BIN_EXE_refuse"), "1", "all"]);
    assert_eq!((code, &found["mode"]), (Some(1), &"fallback".into()), "{found}");
    assert!(found["missing"][0]["what"].as_str().is_some_and(|what| what.contains("seccomp")));
}

#[test]
fn a_running_daemon_is_asked() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let daemon = Daemon::start(&scratch, "services: [{ system: $HOST }]\n");
    // What is missing may change between two questions.
    let same = until(PATIENCE, || {
        let (code, found) = doctor(&scratch, &[]);
        assert_eq!((&found["daemon"], &found["mode"]), (&true.into(), &"ebpf".into()), "{found}");
        let missing = found["missing"].as_array().map(Vec::len);
        assert_eq!(code, Some(i32::from(missing != Some(0))), "{found}");
        (daemon.status()["sensor"]["missing"].as_array().map(Vec::len) == missing).then_some(())
    });
    assert!(same.is_some(), "{}", daemon.said());
}

/// Scheduler class, limits and rank for the OOM killer of a process.
fn standing(pid: u64) -> (String, String, String) {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).expect(name);
    let stat = read("stat");
    let policy = stat.trim_end().rsplit(' ').nth(11).expect("52 fields").to_owned();
    let limits = read("limits");
    let limit = limits.lines().find(|line| line.starts_with("Max realtime timeout"));
    (policy, limit.expect("a line").to_owned(), read("oom_score_adj"))
}

/// What is granted to the daemon is not inherited by what it starts.
#[test]
fn services_begin_as_if_there_were_no_watchdog() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let own = standing(u64::from(std::process::id()));
    let daemon = Daemon::start(
        &scratch,
        "cycle: 500ms\nservices:\n  - process: web\n    start: /bin/sleep 600\n",
    );
    let web = daemon.wait_for("web", PATIENCE, |web| web["status"] == "ok");
    let pid = web["pid"].as_u64().expect("pid");
    assert_eq!(standing(pid), own, "as the test itself");
    // Where it works for too long without a pause it is in the normal class until its next cycle.
    let mut seen = None;
    let granted_or_named = until(PATIENCE, || {
        let refused = daemon.status()["sensor"]["missing"].to_string();
        let taken = standing(u64::from(daemon.pid()));
        let (taken, refused) = seen.insert((taken, refused));
        ((taken.0 == "1") != refused.contains("FIFO")).then_some(())
    });
    let (taken, refused) = seen.expect("looked at");
    assert!(granted_or_named.is_some(), "granted or named: {taken:?} {refused}");
    assert_eq!(taken.2.trim() == "-900", !refused.contains("OOM"), "{taken:?} {refused}");
    let locked = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("status");
    let none = locked.lines().any(|line| line.starts_with("VmLck:") && line.contains("\t       0"));
    assert_eq!(none, refused.contains("swapped out"), "{refused}");
    drop(daemon);
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("pid")).expect("pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("ours");
}
