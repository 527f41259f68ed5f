//! Services whose names are nearly any text, on the whole daemon: the command line, HTTP, the log, the
//! state over a restart.
//!
//! Not here: mails (`watchdog/src/notify/render/tests.rs`) and pages (`watchdog/tests/status/page.rs`).

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

/// Names, and whether they turn the reading direction or could be taken for another word.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "with spaces  inside",
        "'single' and \"double\"",
        "a/slash/../inside",
        "100% #1 ?x=y&z",
        "..",
        ".",
        "*",
        "web[1]*",
        "--all",
        "-x",
        "/begins/with/one",
        "all",
        "🦀 日本語",
        "right \u{202e}to left",
        "$HOME `id` $(id) \\ ;|",
        "Ünïcode",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("ü".repeat(255));
    names
}

/// The rule file with a directory that is not there under each name.
fn rules(names: &[String]) -> String {
    let mut rules = "cycle: 1s\nservices:\n".to_owned();
    for name in names {
        // JSON's strings are YAML's.
        let name = serde_json::Value::from(name.as_str());
        rules += &format!("- directory: {name}\n  path: /nonexistent/directory\n");
    }
    rules
}

/// A request to the control socket: the answer's status and body.
fn ask(scratch: &Scratch, method: &str, path: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(scratch.at("control.sock")).expect("the daemon answers");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

fn coded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn any_name_goes_through_command_line_http_log_and_state() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let names = names();
    let mut daemon = Daemon::start(&scratch, &rules(&names));
    for name in &names {
        daemon.wait_for(name, PATIENCE, |service| service["status"] == "failing");
        // The command line: each by its own name, whatever else the word could mean.
        let shown = daemon.command(&["summary", "--json", "--", name]);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
        assert_eq!(shown.as_array().map(Vec::len), Some(1), "{name}: {shown}");
        assert_eq!(shown[0]["name"], name.as_str());
        let lower = name.to_lowercase();
        assert_eq!(daemon.command(&["summary", "--", &lower]).status.code(), Some(0), "{lower}");
        // HTTP.
        let (status, body) = ask(&scratch, "GET", &format!("/api/v1/services/{}", coded(name)));
        assert_eq!(status, 200, "{name}: {body}");
        let service: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(service["name"], name.as_str());
    }
    // A pattern is one only where no service is called so; `[*]` is a star.
    let stars = daemon.command(&["summary", "--json", "[*]*"]);
    let stars: serde_json::Value = serde_json::from_slice(&stars.stdout).expect("JSON");
    assert_eq!(stars[0]["name"], "*");
    assert_eq!(stars.as_array().map(Vec::len), Some(1));

    let (half, rest) = names.split_at(names.len() / 2);
    for name in half {
        let output = daemon.command(&["unmonitor", "--", name]);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
    }
    for name in rest {
        let path = format!("/api/v1/services/{}/actions/unmonitor", coded(name));
        let (status, body) = ask(&scratch, "POST", &path);
        assert_eq!(status, 200, "{name}: {body}");
    }
    for name in &names {
        assert_eq!(daemon.service(name)["status"], "unmonitored", "{name}");
    }

    // The log: one line for each, nothing that turns it around.
    let log = daemon.log();
    assert!(!log.contains('\u{202e}'), "{log}");
    assert!(log.contains(r"'right \xe2\x80\xaeto left' directory doesn't exist"), "{log}");
    for name in names.iter().filter(|name| !name.contains('\u{202e}')) {
        assert!(log.contains(&format!("'{name}' directory doesn't exist")), "{name}:\n{log}");
    }
    let events = daemon.command(&["events"]);
    assert!(!String::from_utf8_lossy(&events.stdout).contains('\u{202e}'));

    // `quit` returns when another can be started at once, and that one remembers each by its name.
    assert_eq!(daemon.command(&["quit"]).status.code(), Some(0));
    assert!(daemon.wait().is_some_and(|status| status.success()));
    let daemon = Daemon::start(&scratch, &rules(&names));
    for name in &names {
        assert_eq!(daemon.service(name)["status"], "unmonitored", "{name}");
    }
}

#[test]
fn a_refused_reload_is_in_the_log_whoever_asked() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let names = ["one".to_owned()];
    let daemon = Daemon::start(&scratch, &rules(&names));
    let bad = rules(&names)
        + "  rules: [{ if: \"failed port 80 protocol http headers [X: hunter2] nonsense\", then: alert }]\n";
    Daemon::write_rules(&scratch, &bad);
    let output = daemon.command(&["reload"]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    daemon.wait_log("reload refused: the old configuration stays in force", PATIENCE);
    let log = daemon.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("rules.yaml")).collect();
    assert!(!log.contains("hunter2"), "{log}");
    assert!(lines.len() == 1 && lines[0].contains("rules.yaml:"), "the picture is not: {log}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"), "{output:?}");
}

#[test]
fn what_proves_who_we_are_is_shown_nowhere() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let rules = "cycle: 1s\nservices:\n- host: h\n  address: 127.0.0.1\n  rules:\n  \
                 - { if: \"failed port 1 protocol http request /x?token=hunter2 headers \
                 [Authorization: Basic hunter2]\", then: alert }\n";
    let daemon = Daemon::start(&scratch, rules);
    daemon.wait_for("h", PATIENCE, |service| service["status"] == "failing");
    daemon.wait_log("failed protocol test [HTTP]", PATIENCE);
    for words in [&["status"][..], &["status", "--json"], &["events"], &["summary"]] {
        let output = daemon.command(words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.is_empty() && !text.contains("hunter2"), "{words:?}: {text}");
    }
    assert!(!daemon.log().contains("hunter2"), "{}", daemon.log());
}
