//! The command line against a fake daemon: texts, JSON and exit codes.
//!
//! Not here: what needs no daemon (`alone`).

use std::path::Path;
use std::process::{Output, Stdio};

use crate::fake::{self, Daemon, apache, named, system};
use ebpf_watchdog::message::{Level, LogLine, ServiceView, Status};

pub(crate) fn run(socket: &Path, words: &[&str]) -> Output {
    fake::command(socket).args(words).stdin(Stdio::null()).output().expect("the binary runs")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[track_caller]
pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

#[test]
fn status_shows_blocks_and_fails_with_a_failing_service() {
    let daemon = Daemon::start(vec![system(), apache()]);
    let output = run(&daemon.socket, &["status"]);
    assert_code(&output, 0);
    let shown = text(&output.stdout);
    for part in [
        "Process 'apache'\n",
        "  status                       OK\n",
        "  monitoring status            Monitored\n",
        "  monitoring mode              active\n",
        "  on reboot                    start\n",
        "  pid                          812\n",
        "  uptime                       11m 40s\n",
        "  cpu                          2.1%\n",
        "  memory total                 2.1% [170.0 MB]\n",
        "  rules\n    ok      if totalmem > 1800 MB for 5 cycles then restart\n",
        "System 'web1'\n",
        "  memory usage                 4.0 GB [50.0%]\n",
        "  load average                 [0.50] [0.25] [0.12]\n",
    ] {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
    assert!(!shown.contains('\x1b'), "a pipe gets no colours");

    let failing = ServiceView {
        reason: Some("total mem amount of 1981.4 MB matches resource limit".into()),
        last_death: Some("killed by signal 9".into()),
        advice: None,
        candidates: 3,
        ..named("db", Status::Failing)
    };
    let daemon = Daemon::start(vec![apache(), failing]);
    let output = run(&daemon.socket, &["status"]);
    assert_code(&output, 1);
    let shown = text(&output.stdout);
    assert!(shown.contains("total mem amount of 1981.4 MB"));
    assert!(shown.contains("last ended                   killed by signal 9"));
    assert!(shown.contains("812 (the oldest of 3 that match)"));
    assert_code(&run(&daemon.socket, &["status", "apache"]), 0);
    assert_code(&run(&daemon.socket, &["status", "apache", "nobody"]), 4);
}

#[test]
fn names_may_be_patterns_and_a_report_counts() {
    let daemon = Daemon::start(vec![
        system(),
        apache(),
        named("db one", Status::Failing),
        named("db two", Status::Unmonitored),
        named("cache", Status::Unknown),
    ]);
    let output = run(&daemon.socket, &["summary", "DB*", "cache"]);
    assert_code(&output, 0);
    let shown = text(&output.stdout);
    assert!(shown.contains("db one") && shown.contains("db two") && shown.contains("cache"));
    assert!(!shown.contains("apache"), "{shown}");
    assert_code(&run(&daemon.socket, &["status", "db o*"]), 1);
    assert_code(&run(&daemon.socket, &["status", "all", "--group", "server"]), 1);
    assert_code(&run(&daemon.socket, &["status", "x*"]), 4);
    assert_code(&run(&daemon.socket, &["summary", "--group", "nobody"]), 4);
    let output = run(&daemon.socket, &["report"]);
    assert_code(&output, 0);
    assert_eq!(
        text(&output.stdout),
        "up:               2 (40.0%)\ndown:             1 (20.0%)\n\
         initialising:     1 (20.0%)\nunmonitored:      1 (20.0%)\ntotal:            5 services\n"
    );
    assert_eq!(text(&run(&daemon.socket, &["report", "down"]).stdout), "1\n");
    assert_eq!(text(&run(&daemon.socket, &["report", "initializing"]).stdout), "1\n");
    let output = run(&daemon.socket, &["report", "--json"]);
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(counts["total"], 5);
}

#[test]
fn json_of_status_is_the_servers_document() {
    let daemon = Daemon::start(vec![apache(), system()]);
    let output = run(&daemon.socket, &["status", "--json"]);
    assert_code(&output, 0);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["services"][0]["name"], "apache");
    let output = run(&daemon.socket, &["status", "--json", "web1"]);
    let one: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(one["services"].as_array().map(Vec::len), Some(1));
    let output = run(&daemon.socket, &["summary", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
}

#[test]
fn summary_is_a_table_and_hostile_names_stay_on_their_line() {
    let evil = "x\n\x1b[2J\u{202e}<script>";
    let daemon = Daemon::start(vec![apache(), named(evil, Status::GivenUp)]);
    let output = run(&daemon.socket, &["summary"]);
    assert_code(&output, 0);
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0].split_whitespace().last(), Some("Type"));
    assert!(lines[1].starts_with("apache ") && lines[1].ends_with("Process"));
    assert!(lines[2].contains(r"x\x0a\x1b[2J\xe2\x80\xae<script>"), "{}", lines[2]);
    assert!(lines[2].contains("Given up starting"));
    for words in [&["status"][..], &["start", evil]] {
        assert!(!text(&run(&daemon.socket, words).stdout).contains('\x1b'));
    }
}

#[test]
fn actions_report_each_outcome() {
    let other = ServiceView { groups: vec!["b".into()], ..named("of b", Status::Ok) };
    let daemon = Daemon::start(vec![system(), apache(), other, named("no/way", Status::Ok)]);
    let output = run(&daemon.socket, &["restart", "apache"]);
    assert_code(&output, 0);
    assert_eq!(text(&output.stdout), "'apache' restart action done\n");
    let output = run(&daemon.socket, &["stop", "--group", "b"]);
    assert_code(&output, 0);
    assert_eq!(text(&output.stdout), "'of b' stop action done\n");
    let output = run(&daemon.socket, &["stop", "--all"]);
    assert_code(&output, 1);
    assert_eq!(text(&output.stdout).lines().count(), 2, "the system cannot be stopped");
    assert!(text(&output.stderr).contains("'no/way' cannot stop: refused\nby itself"));
    assert_code(&run(&daemon.socket, &["monitor", "apache", "nobody"]), 4);
    assert_code(&run(&daemon.socket, &["monitor", "--group", "nobody"]), 4);
    let output = run(&daemon.socket, &["start", "--no-wait", "no/way"]);
    assert_code(&output, 0);
    assert_eq!(text(&output.stdout), "'no/way' start is under way\n");
}

#[test]
fn orders_to_the_daemon() {
    let daemon = Daemon::start(vec![apache()]);
    let output = run(&daemon.socket, &["reload"]);
    assert_code(&output, 78);
    assert!(text(&output.stderr).contains("unknown key\n  \\x1b[2Jhint\n"));
    let output = run(&daemon.socket, &["validate"]);
    assert_code(&output, 0);
    assert_eq!(text(&output.stdout), "judged 2 services\n");
    // The fake's process is this test, for whose end `quit` would wait.
    assert_code(&run(&daemon.socket, &["quit", "--no-wait"]), 0);
    while daemon.socket.exists() {
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    assert_code(&run(&daemon.socket, &["status"]), 3);
}

#[test]
fn events_are_shown_and_followed() {
    let daemon = Daemon::start(Vec::new());
    let line = |text: &str| LogLine {
        at: ebpf_watchdog::clock::boot_now(),
        level: Level::Error,
        service: Some("a\nb".into()),
        event: None,
        text: text.into(),
    };
    daemon.core.events.push(&line("one\x1b"));
    daemon.core.events.push(&line("two"));
    let output = run(&daemon.socket, &["events"]);
    assert_code(&output, 0);
    assert_eq!(text(&output.stdout).lines().count(), 2);
    assert!(text(&output.stdout).contains(r"error    'a\x0ab' one\x1b"));
    let output = run(&daemon.socket, &["events", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(list[1]["seq"], 2);

    let mut follower = fake::command(&daemon.socket)
        .args(["events", "-f", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(
        follower.stdout.take().expect("its standard output"),
    ));
    let mut next = || lines.next().expect("a line").expect("readable");
    assert!(next().contains(r#""seq":1"#));
    assert!(next().contains(r#""seq":2"#));
    daemon.core.events.push(&line("three"));
    assert!(next().contains("three"));
    // The daemon's end ends the follower: it does not hold the farewell up.
    drop(daemon);
    let code = follower.wait().expect("it ends").code();
    assert!(matches!(code, Some(1 | 3)), "{code:?}");
}

#[test]
fn the_rule_file_names_the_socket() {
    let daemon = Daemon::start(vec![apache()]);
    let file = daemon.socket.with_file_name("rules.yaml");
    let text = format!("control: {{ socket: {} }}\nservices: []\n", daemon.socket.display());
    std::fs::write(&file, text).expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ebpf-watchdog"));
    let output = command.arg("-c").arg(&file).arg("status").output().expect("the binary runs");
    assert_code(&output, 0);
}
