//! What is told and what is not, on the whole daemon: a main process that somebody else has put in another's
//! place, what was told before a restart of ours, what ended while we were away, and a start that is
//! no outage.
//!
//! Not here: each of these moment by moment (`engine`).

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::apache::free_port;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::process::{wait_ended, wait_stopped};
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A process of the test's own, reaped with it.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        let mut sleep = Command::new("sleep");
        Self(sleep.arg("1000").stdin(Stdio::null()).spawn().expect("sleep"))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes a pidfile whole.
fn note(scratch: &Scratch, name: &str, pid: u32) {
    let new = scratch.write("new.pid", &format!("{pid}\n"), 0o644);
    fs::rename(new, scratch.at(name)).expect("renamed");
}

fn count(daemon: &Daemon, text: &str) -> usize {
    daemon.log().matches(text).count()
}

/// Waits for so many cycles more.
fn cycles(daemon: &Daemon, more: u64) {
    let enough = daemon.status()["cycles"].as_u64().expect("a number") + more;
    let there = || (daemon.status()["cycles"].as_u64()? >= enough).then_some(());
    assert!(until(PATIENCE, there).is_some(), "no cycles\n{}", daemon.said());
}

/// A new main process beside the old one, as in a change without an interruption; and one after a death.
#[test]
fn another_main_process_is_told_once_each_time_and_our_own_restart_is_not() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let hook = scratch.script("hook", &format!("echo \"$MONIT_EVENT\" >> {dir}/hooked\n"));
    let start = scratch.script(
        "start",
        &format!("setsid sleep 600 </dev/null >/dev/null 2>&1 &\necho $! > {dir}/own.pid\n"),
    );
    let rules = format!(
        "cycle: 500ms\nservices:\n\
         - process: web\n  pidfile: {dir}/web.pid\n  rules:\n\
         \x20 - {{ if: does not exist, then: alert }}\n\
         \x20 - {{ if: changed pid, then: {{ exec: {} }} }}\n\
         - process: own\n  pidfile: {dir}/own.pid\n  start: {}\n  rules:\n\
         \x20 - {{ if: changed pid, then: alert }}\n",
        hook.display(),
        start.display(),
    );
    let first = Sleeper::new();
    note(&scratch, "web.pid", first.pid());
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_for("web", PATIENCE, |web| {
        web["pid"] == first.pid() && web["observed"]["uid"].is_number()
    });

    let (second, third) = (Sleeper::new(), Sleeper::new());
    for (from, to) in [(first, second.pid()), (second, third.pid())] {
        let line = format!("error    : 'web' process PID changed from {} to {}", from.pid(), to);
        note(&scratch, "web.pid", to);
        drop(from);
        daemon.wait_log(&line, PATIENCE);
        daemon.wait_for("web", PATIENCE, |web| web["pid"] == to);
    }
    let hooked = || fs::read_to_string(scratch.at("hooked")).unwrap_or_default();
    let twice = until(PATIENCE, || (hooked() == "PID changed\n".repeat(2)).then_some(()));
    assert!(twice.is_some(), "{}\n{}", hooked(), daemon.said());

    // What we restart has another pid as well, and that is no news.
    daemon.wait_for("own", PATIENCE, |own| {
        own["status"] == "ok" && own["observed"]["uid"].is_number()
    });
    let before = daemon.service("own")["pid"].clone();
    assert!(daemon.command(&["restart", "own"]).status.success(), "{}", daemon.said());
    daemon.wait_for("own", PATIENCE, |own| own["status"] == "ok" && own["pid"] != before);
    cycles(&daemon, 3);
    assert_eq!(count(&daemon, "'own' process PID changed"), 0, "{}", daemon.said());
    assert_eq!(count(&daemon, "'web' process PID changed"), 2, "{}", daemon.said());
    assert_eq!(hooked().lines().count(), 2, "{}", daemon.said());
    assert!(daemon.command(&["stop", "own"]).status.success(), "{}", daemon.said());
}

#[test]
fn what_was_told_is_not_told_again_by_the_next_daemon_and_its_end_is() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let rules = format!(
        "cycle: 500ms\nservices:\n\
         - {{ file: there, path: {dir}/there, rules: [{{ if: does not exist, then: alert }}] }}\n\
         - {{ process: web, pidfile: {dir}/web.pid, rules: [{{ if: does not exist, then: alert }}] }}\n"
    );
    let mut daemon = Daemon::start(&scratch, &rules);
    let told = ["error    : 'there' file doesn't exist", "error    : 'web' process is not running"];
    for words in told {
        daemon.wait_log(words, PATIENCE);
    }
    assert!(daemon.end().success(), "{}", daemon.said());
    let mut daemon = Daemon::start(&scratch, &rules);
    for name in ["there", "web"] {
        daemon.wait_for(name, PATIENCE, |one| one["status"] == "failing");
    }
    cycles(&daemon, 3);
    for words in told {
        assert_eq!(count(&daemon, words), 1, "{}", daemon.said());
    }
    // It is well again while nobody looks: the third one tells that.
    assert!(daemon.end().success(), "{}", daemon.said());
    scratch.write("there", "", 0o644);
    let sleeper = Sleeper::new();
    note(&scratch, "web.pid", sleeper.pid());
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_log("info     : 'there' file exists", PATIENCE);
    daemon.wait_log(&format!("'web' process is running with pid {}", sleeper.pid()), PATIENCE);
}

#[test]
fn what_ended_while_nobody_watched_is_told_and_started_once() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let start = scratch.script(
        "start",
        &format!(
            "echo start >> {dir}/starts\nsetsid sleep 600 </dev/null >/dev/null 2>&1 &\n\
             echo $! > {dir}/web.pid\n"
        ),
    );
    let rules = format!(
        "cycle: 500ms\nservices:\n- process: web\n  pidfile: {dir}/web.pid\n  start: {}\n",
        start.display()
    );
    let up = |daemon: &Daemon, former: u64| {
        let web = daemon.wait_for("web", PATIENCE, |web| {
            web["status"] == "ok" && web["pid"].as_u64().is_some_and(|pid| pid != former)
        });
        web["pid"].as_u64().expect("a pid")
    };
    for how in ["crash", "end"] {
        let mut daemon = Daemon::start(&scratch, &rules);
        let pid = up(&daemon, 0);
        // Status may show it before it is noted; else the next daemon waits for this start to end.
        cycles(&daemon, 1);
        if how == "crash" {
            daemon.crash();
        } else {
            assert!(daemon.end().success(), "{}", daemon.said());
        }
        let victim = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
        kill_process(victim, Signal::KILL).expect("it lives");
        // Until it is dead it would be found alive.
        wait_ended(pid);
        let starts = || fs::read_to_string(scratch.at("starts")).expect("starts").lines().count();
        let before = starts();
        let mut daemon = Daemon::start(&scratch, &rules);
        up(&daemon, pid);
        let words = format!("'web' process with pid {pid} ended while nobody watched");
        daemon.wait_log(&words, PATIENCE);
        cycles(&daemon, 3);
        assert_eq!(count(&daemon, &words), 1, "{how}\n{}", daemon.said());
        assert_eq!(starts(), before + 1, "{how}\n{}", daemon.said());
        assert!(daemon.end().success(), "{}", daemon.said());
    }
    let daemon = Daemon::start(&scratch, &rules);
    assert!(daemon.command(&["stop", "web"]).status.success(), "{}", daemon.said());
}

/// Taken out of the rule file and put back, a service is the one that it was.
#[test]
fn what_is_taken_out_of_the_rules_and_comes_back_is_not_started_again() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    // Nothing but our memory of it says which process it is.
    let web = "- { process: web, start: /bin/sleep 600 }\n";
    let other = format!("cycle: 500ms\nservices:\n- {{ directory: here, path: {dir} }}\n");
    let daemon = Daemon::start(&scratch, &format!("{other}{web}"));
    let pid = daemon.wait_for("web", PATIENCE, |web| web["status"] == "ok")["pid"].clone();
    for _ in 0..2 {
        Daemon::write_rules(&scratch, &other);
        assert!(daemon.command(&["reload"]).status.success(), "{}", daemon.said());
        cycles(&daemon, 2);
        assert_eq!(daemon.status()["services"].as_array().map(Vec::len), Some(1));
        Daemon::write_rules(&scratch, &format!("{other}{web}"));
        assert!(daemon.command(&["reload"]).status.success(), "{}", daemon.said());
        daemon.wait_for("web", PATIENCE, |web| web["status"] == "ok");
        cycles(&daemon, 2);
        assert_eq!(daemon.service("web")["pid"], pid, "{}", daemon.said());
    }
    assert_eq!(count(&daemon, "'web' start: "), 1, "{}", daemon.said());
    assert!(daemon.command(&["stop", "web"]).status.success(), "{}", daemon.said());
}

#[test]
fn a_start_is_not_told_as_an_outage_of_what_depends_on_it() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let port = free_port();
    // Long for any machine: until it is over or the port was good once, it has only begun.
    let rules = format!(
        "cycle: 500ms\nservices:\n\
         - {{ process: db, start: {{ program: /bin/sleep 600, timeout: 10m }} }}\n\
         - host: local\n  address: 127.0.0.1\n  depends_on: db\n  rules:\n\
         \x20 - {{ if: failed port {port} timeout 50 s, then: alert }}\n"
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_for("db", PATIENCE, |db| db["status"] == "ok");
    // Refused, again and again: seen and not told.
    daemon.wait_for("local", PATIENCE, |local| {
        local["observed"]["connections"][0]["error"] == "Connection refused"
    });
    cycles(&daemon, 4);
    assert_eq!(daemon.service("local")["status"], "unknown", "{}", daemon.said());
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("its port");
    daemon.wait_for("local", PATIENCE, |local| local["status"] == "ok");
    assert_eq!(count(&daemon, "'local' failed"), 0, "{}", daemon.said());
    // From then on it counts.
    drop(listener);
    daemon.wait_log("error    : 'local' failed protocol test [DEFAULT]", PATIENCE);
    assert!(daemon.command(&["stop", "db"]).status.success(), "{}", daemon.said());
}

/// Giving back gigabytes takes long. Until it is over there is a process, and nobody who serves.
#[test]
fn who_is_ending_is_not_told_as_running() {
    if !need::root() {
        return;
    }
    let (Some(unshare), Some(nsenter)) = (need::program("unshare"), need::program("nsenter"))
    else {
        return;
    };
    let scratch = Scratch::new();
    let child = |parent: u32| {
        let list = format!("/proc/{parent}/task/{parent}/children");
        let first = || fs::read_to_string(&list).ok()?.split_whitespace().next()?.parse().ok();
        until(PATIENCE, first).expect("it forks")
    };
    // The first process of a pid namespace ends after all others in it, and one of them is a
    // zombie for as long as its parent, who is outside, stands still.
    let start = |program, words: &[&str]| {
        let mut command = Command::new(program);
        Sleeper(command.args(words).args(["sleep", "600"]).stdin(Stdio::null()).spawn().unwrap())
    };
    let container = start(unshare, &["--pid", "--fork", "--kill-child"]);
    let main: u32 = child(container.pid());
    let parent = start(nsenter, &["--target", &main.to_string(), "--pid"]);
    let _: u32 = child(parent.pid());
    let signal = |pid: u32, signal| {
        let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("it is there");
    };
    signal(parent.pid(), Signal::STOP);
    // Until it has really stopped it may still take its child's end, and let all go.
    wait_stopped(parent.pid());
    signal(main, Signal::KILL);
    let facts = || ebpf_watchdog::process::facts(main).expect("readable").expect("not reaped");
    assert!(until(PATIENCE, || facts().ending.then_some(())).is_some(), "{:?}", facts());

    note(&scratch, "web.pid", main);
    let rules = format!(
        "cycle: 500ms\nservices:\n- {{ process: web, pidfile: {}/web.pid }}\n",
        scratch.path().display()
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_log("error    : 'web' process is not running", PATIENCE);
    cycles(&daemon, 3);
    assert!(facts().ending && !facts().dead, "{:?}", facts());
    assert_eq!(count(&daemon, "'web' process is running"), 0, "{}", daemon.said());
    assert_eq!(count(&daemon, "'web' process is not running"), 1, "{}", daemon.said());
}
