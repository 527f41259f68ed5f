//! The whole daemon on real processes: crashes of ours, two of us, reloads, and an operator's words.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::process;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A service that daemonizes after a moment, as slow ones do. Each copy writes its pid to `copies`.
struct Service {
    scratch: Scratch,
}

impl Service {
    fn new(rules: &str) -> Self {
        let scratch = Scratch::new();
        let dir = scratch.path().display().to_string();
        let start = scratch.script(
            "start",
            &format!(
                "echo start >> {dir}/starts\nsleep 0.2\nsetsid sleep 600 &\n\
                 echo $! >> {dir}/copies\necho $! > {dir}/web.pid\n"
            ),
        );
        let rules = format!(
            "cycle: 500ms\nservices:\n  - process: web\n    pidfile: {dir}/web.pid\n    \
             start: {{ program: {}, timeout: 10s }}\n{rules}",
            start.display()
        );
        Daemon::write_rules(&scratch, &rules);
        Self { scratch }
    }

    fn spawn(&self) -> Daemon {
        Daemon::spawn(&self.scratch)
    }

    /// Waits until the daemon says that the service is up.
    fn up(&self, daemon: &Daemon) -> u64 {
        let service = until(PATIENCE, || {
            let status = daemon.try_status()?;
            let web = status["services"].as_array()?.iter().find(|s| s["name"] == "web")?.clone();
            (web["status"] == "ok").then_some(web)
        });
        service.unwrap_or_else(|| panic!("not up:\n{}", daemon.said()))["pid"]
            .as_u64()
            .expect("pid")
    }

    fn starts(&self) -> usize {
        fs::read_to_string(self.scratch.at("starts")).unwrap_or_default().lines().count()
    }

    /// The copies of the service that live.
    fn living(&self) -> Vec<Pid> {
        let copies = fs::read_to_string(self.scratch.at("copies")).unwrap_or_default();
        copies
            .lines()
            .filter_map(|line| line.parse().ok().and_then(Pid::from_raw))
            .filter(|pid| process::runs(pid))
            .collect()
    }

    /// Ends every copy, by id, and forgets them.
    fn clear(&self) {
        let living = self.living();
        for pid in &living {
            let _ = kill_process(*pid, Signal::KILL);
        }
        until(PATIENCE, || self.living().is_empty().then_some(())).expect("killed");
        for name in ["copies", "starts", "web.pid"] {
            let _ = fs::remove_file(self.scratch.at(name));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.clear();
    }
}

/// After `kill -9` at any moment nothing is started twice. `EBPF_WATCHDOG_KILLS`
/// sets the number of rounds.
#[test]
fn killed_at_any_moment_of_a_start_it_is_not_started_twice() {
    if !need::root() {
        return;
    }
    let rounds: u64 =
        std::env::var("EBPF_WATCHDOG_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let service = Service::new("");
    for round in 0..rounds {
        let mut first = service.spawn();
        // From before its first decision to after the service is up: 0 to 600 ms.
        std::thread::sleep(Duration::from_millis(round * 600 / rounds));
        first.crash();
        let mut second = service.spawn();
        let pid = service.up(&second);
        // Long enough for a second start, had there been one, to show.
        std::thread::sleep(Duration::from_millis(400));
        let living = service.living();
        assert_eq!(living.len(), 1, "round {round}: {living:?}\n{}", second.said());
        assert_eq!(u64::from(living[0].as_raw_nonzero().get().unsigned_abs()), pid);
        assert_eq!(service.starts(), 1, "round {round}\n{}", second.said());
        second.crash();
        service.clear();
        let _ = fs::remove_dir_all(service.scratch.at("state"));
    }
}

#[test]
fn what_runs_is_not_restarted_because_we_crashed_or_ended() {
    if !need::root() {
        return;
    }
    let service = Service::new("");
    let mut daemon = service.spawn();
    let pid = service.up(&daemon);
    for round in 0..5 {
        if round % 2 == 0 {
            daemon.crash();
        } else {
            daemon.end();
        }
        daemon = service.spawn();
        assert_eq!(service.up(&daemon), pid, "round {round}\n{}", daemon.said());
    }
    assert_eq!(service.starts(), 1, "{}", daemon.said());
}

#[test]
fn a_second_daemon_refuses_to_start_and_a_crash_leaves_no_lock() {
    if !need::root() {
        return;
    }
    let service = Service::new("");
    let mut first = service.spawn();
    service.up(&first);
    let mut second = service.spawn();
    let status = second.wait().expect("it ends at once");
    assert_eq!(status.code(), Some(75), "same state directory");

    let other = Service::new("");
    let lock = format!("test{}", service.scratch.path().display());
    let mut third = Daemon::spawn_with_lock(&other.scratch, &lock);
    let status = third.wait().expect("it ends at once");
    assert_eq!(status.code(), Some(75), "same host, other state directory");
    assert_eq!(other.starts(), 0, "it touched nothing");

    first.crash();
    let next = service.spawn();
    service.up(&next);
}

fn rules_of(service: &Service) -> String {
    fs::read_to_string(service.scratch.at("rules.yaml")).expect("rules")
}

#[test]
fn a_bad_reload_leaves_the_old_rules_in_force_and_a_good_one_restarts_nothing() {
    if !need::root() {
        return;
    }
    let service = Service::new(
        "    rules:\n      - { if: \"totalmem > 900 MB for 5 cycles\", then: restart }\n",
    );
    let daemon = service.spawn();
    let pid = service.up(&daemon);
    let good = rules_of(&service);

    service.scratch.write("rules.yaml", &good.replace("totalmem", "totlamem"), 0o600);
    let reload = daemon.command(&["reload"]);
    assert_eq!(reload.status.code(), Some(78), "{reload:?}");
    let said = String::from_utf8_lossy(&reload.stderr).into_owned();
    assert!(said.contains("rules.yaml:") && said.contains("totalmem"), "{said}");
    daemon.signal(Signal::HUP);
    // The signal must have been answered as well before there is a good file.
    let refused = || daemon.log().matches("old configuration stays in force").count() == 2;
    assert!(until(PATIENCE, || refused().then_some(())).is_some(), "{}", daemon.said());
    let rules = daemon.service("web")["rules"].clone();
    assert_eq!(rules[0]["if"], "totalmem > 900 MB for 5 cycles");

    service.scratch.write("rules.yaml", &good.replace("900 MB", "800 MB"), 0o600);
    daemon.signal(Signal::HUP);
    daemon
        .wait_for("web", PATIENCE, |web| web["rules"][0]["if"] == "totalmem > 800 MB for 5 cycles");
    assert_eq!(service.up(&daemon), pid);
    assert_eq!(service.starts(), 1);
    let generation = daemon.status()["config_generation"].clone();
    assert_eq!(generation, 2);
}

#[test]
fn a_death_is_answered_at_once_and_told_with_its_cause() {
    if !need::root() {
        return;
    }
    let service = Service::new("");
    // No cycle may help: it comes once an hour.
    let rules = rules_of(&service).replace("cycle: 500ms", "cycle: 1h");
    service.scratch.write("rules.yaml", &rules, 0o600);
    let daemon = service.spawn();
    let pid = service.up(&daemon);
    let victim = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    kill_process(victim, Signal::KILL).expect("the service lives");
    daemon.wait_for("web", PATIENCE, |web| web["status"] == "ok" && web["pid"] != pid);
    let log = daemon.log();
    let me = std::process::id();
    assert!(
        log.contains(&format!(
            "process with pid {pid} was killed by signal 9 (KILL), sent by pid {me}"
        )),
        "{log}"
    );
    assert!(log.contains("'web' process is not running"), "{log}");
}

#[test]
fn an_operator_is_obeyed_and_told_the_outcome() {
    if !need::root() {
        return;
    }
    let service = Service::new("");
    let daemon = service.spawn();
    let pid = service.up(&daemon);
    let code = |words: &[&str]| {
        let output = daemon.command(words);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(code(&["restart", "web"]).0, Some(0));
    let restarted = service.up(&daemon);
    assert_ne!(restarted, pid);
    assert_eq!(code(&["stop", "web"]).0, Some(0));
    assert!(service.living().is_empty(), "stopped is gone");
    let web: Value = daemon.service("web");
    assert_eq!(web["monitored"], false);
    assert_eq!(code(&["start", "web"]).0, Some(0));
    let started = service.up(&daemon);
    assert_eq!(code(&["unmonitor", "web"]).0, Some(0));
    let victim = Pid::from_raw(i32::try_from(started).expect("a pid")).expect("a pid");
    kill_process(victim, Signal::KILL).expect("the service lives");
    // Else it would be found alive, and be up for the moment until it dies.
    process::wait_ended(victim);
    assert_eq!(daemon.service("web")["status"], "unmonitored");
    assert_eq!(code(&["monitor", "--all"]).0, Some(0));
    service.up(&daemon);
    assert_eq!(code(&["start", "wbe"]).0, Some(4));
    assert_eq!(code(&["validate"]).0, Some(0));
    let mut daemon = daemon;
    assert_eq!(daemon.command(&["quit"]).status.code(), Some(0));
    assert!(daemon.wait().is_some_and(|status| status.success()));
    assert_eq!(service.living().len(), 1, "it keeps running without us");
    assert_eq!(daemon.command(&["status"]).status.code(), Some(3));
}

/// A parent may have ignored SIGCHLD, as some job runners do; the ends of programs are seen all the
/// same.
#[test]
fn what_signals_the_parent_ignored_does_not_matter() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let start = scratch.script("start", "exit 3\n");
    let pidfile = scratch.at("web.pid").display().to_string();
    let rules = Daemon::write_rules(
        &scratch,
        &format!(
            "services:\n  - process: web\n    pidfile: {pidfile}\n    start: {}\n",
            start.display()
        ),
    );
    let mut child = std::process::Command::new("/bin/sh")
        .args(["-c", "trap '' CHLD; exec \"$0\" -c \"$1\" run"])
        .arg(watchdog_tests::daemon::program())
        .arg(rules)
        .env("EBPF_WATCHDOG_HOST_LOCK", format!("test{}", scratch.path().display()))
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("sh");
    let log = || fs::read_to_string(scratch.at("watchdog.log")).unwrap_or_default();
    let told = until(PATIENCE, || log().contains("failed to start").then_some(()));
    let _ = child.kill();
    let _ = child.wait();
    assert!(told.is_some() && log().contains("(exit status 3)"), "{}", log());
}
