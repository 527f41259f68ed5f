//! The seed's Apache: gone, busy, crowded, answering with an error, not to be started.

use rustix::process::{Signal, kill_process_group};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

use super::httpd::{BUSY, Httpd};
use super::{LONG, times};

#[test]
fn apache_is_started_and_started_again() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    let daemon = httpd.watched(&scratch, "200ms");
    daemon.wait_log("error    : 'apache' process is not running", LONG);
    daemon.wait_log("info     : 'apache' trying to restart", LONG);
    daemon
        .wait_log(&format!("info     : 'apache' start: '{} start'", httpd.control.display()), LONG);
    daemon.wait_log("info     : 'apache' process is running with pid", LONG);
    let first = httpd.pid().expect("it runs");
    // It has a pid a moment before it leads a group.
    until(LONG, || kill_process_group(first, Signal::KILL).ok()).expect("it runs");
    times(&daemon, "'apache' process is not running", 2);
    times(&daemon, "'apache' process is running with pid", 2);
    assert_ne!(httpd.pid(), Some(first));
}

/// With limits that a busy machine lets a process come to as well; those of the file are in
/// `tests/data/engine/a_process_that_computes_is_told_of_and_restarted.case`.
#[test]
fn apache_that_computes_is_told_of_and_restarted() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    httpd.is("busy");
    // It uses one processor, and usage is told of all.
    let processors = std::fs::read_to_string("/proc/cpuinfo").expect("proc");
    let processors = processors.lines().filter(|line| line.starts_with("processor")).count().max(1);
    let of_one = |percent: f64| format!("{:.1}", (percent / processors as f64).max(0.1));
    let (told, restarted) = (of_one(12.0), of_one(16.0));
    let (tell, restart) = (format!("cpu > {told}%"), format!("cpu > {restarted}%"));
    let lower = [("cpu > 60%", &*tell), ("cpu > 80%", &*restart), BUSY];
    let daemon = Daemon::start(&scratch, &httpd.rules(&scratch, "1s", &lower));
    daemon.wait_log("'apache' process is running with pid", LONG);
    httpd.is("well");
    let line = daemon.wait_log(&format!("matches resource limit [cpu usage > {told}%]"), LONG);
    assert!(line.contains("'apache' cpu usage of "), "{line}");
    let limit = format!("[cpu usage > {restarted}%]");
    let line = until(LONG, || {
        let log = daemon.log();
        let mut lines = log.lines();
        lines.find(|line| line.contains(" error ") && line.contains(&limit)).map(str::to_owned)
    });
    assert!(line.is_some(), "{}", daemon.said());
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    times(&daemon, "'apache' process is running with pid", 2);
    daemon.wait_log("info     : 'apache' cpu usage check succeeded [current cpu usage = ", LONG);
}

#[test]
fn a_crowd_of_children_is_restarted() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    httpd.is("crowd");
    let daemon = httpd.watched(&scratch, "200ms");
    daemon.wait_log("'apache' process is running with pid", LONG);
    httpd.is("well");
    let line = daemon.wait_log("matches resource limit [children > 250]", LONG);
    assert!(line.contains("error    : 'apache' children count 2"), "{line}");
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    daemon.wait_for("apache", LONG, |status| {
        status["status"] == "ok" && status["metrics"]["children"] == 0
    });
    daemon.wait_log("info     : 'apache' children check succeeded [current children = 0]", LONG);
}

#[test]
fn a_site_that_answers_with_an_error_is_restarted() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    let daemon = httpd.watched(&scratch, "200ms");
    daemon.wait_log("'apache' process is running with pid", LONG);
    daemon.wait_for("apache", LONG, |status| status["status"] == "ok");
    httpd.site.answers(503, "no");
    let words = format!(
        "error    : 'apache' failed protocol test [HTTP] at [127.0.0.1]:{}",
        httpd.site.port
    );
    daemon.wait_log(&words, LONG);
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    httpd.site.answers(200, "ok");
    let words = format!("'apache' connection succeeded to [127.0.0.1]:{}", httpd.site.port);
    daemon.wait_log(&words, LONG);
}

#[test]
fn apache_that_cannot_start_is_left_alone_after_three_attempts() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    httpd.is("broken");
    // Three attempts with a second between them are to fit into five cycles of a busy machine.
    let daemon = httpd.watched(&scratch, "4s");
    times(&daemon, "'apache' failed to start (exit status 1)", 3);
    daemon.wait_log("'apache' service restarted 3 times within 5 cycles(s) - unmonitor", LONG);
    daemon.wait_for("apache", LONG, |status| status["status"] == "unmonitored");
    httpd.is("well");
    assert!(daemon.command(&["monitor", "apache"]).status.success(), "{}", daemon.said());
    daemon.wait_log("'apache' process is running with pid", LONG);
}
