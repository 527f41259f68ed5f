//! The command line where no daemon runs, or none is needed: wrong words, `check`, `match`, `hash-password`.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::command_line::{assert_code, run, text};
use crate::fake;

#[test]
fn without_a_daemon_the_code_is_3() {
    let nowhere = Path::new("/nonexistent/control.sock");
    for words in
        [&["status"][..], &["summary"], &["start", "a"], &["stop", "--all"], &["reload"], &["quit"]]
    {
        let output = run(nowhere, words);
        assert_code(&output, 3);
        assert!(text(&output.stderr).contains("the daemon is not running"), "{words:?}");
    }
}

#[test]
fn a_stale_socket_means_not_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert_code(&run(&path, &["status"]), 3);
}

#[test]
fn wrong_words_are_2() {
    let nowhere = Path::new("/nonexistent");
    let cases = [
        &["nonsense"][..],
        &["start"],
        &["start", "a", "--all"],
        &["start", "--group", "g", "--all"],
        &["status", "--nonsense"],
        &["match", "("],
        &["report", "sideways"],
        &["top", "--anything", "x"],
        &["top", "-d", "0"],
        &["test-alert"],
        &[],
    ];
    for words in cases {
        assert_code(&run(nowhere, words), 2);
    }
    for (word, near) in [("chek", "'check'"), ("sumary", "'summary'"), ("statsu", "'status'")] {
        let output = run(nowhere, &[word]);
        let tip = format!("a similar subcommand exists: {near}");
        assert!(text(&output.stderr).contains(&tip), "{output:?}");
    }
    assert!(text(&run(nowhere, &["test-alert"]).stderr).contains("not supported yet"));
    let schema = run(nowhere, &["schema"]);
    assert_code(&schema, 0);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_code(&run(nowhere, &["--help"]), 0);
    assert_code(&run(nowhere, &["--version"]), 0);
}

#[test]
fn a_password_from_a_pipe_becomes_a_hash() {
    let mut child = fake::command(Path::new("/nonexistent"))
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("its input").write_all(b"secret\n").expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_code(&output, 0);
    let hash = text(&output.stdout).trim_end();
    assert!(hash.starts_with("$2y$12$"), "{hash}");
    assert_eq!(bcrypt::verify("secret", hash).ok(), Some(true));
}

#[test]
fn check_says_what_is_wrong_and_78() {
    // As root, `check` wants a folder that is root's alone all the way up: not /tmp, and not where
    // this repository happens to lie.
    let folder = tempfile::tempdir_in("/var/lib").expect("a folder (this test needs root)");
    let file = folder.path().join("rules.yaml");
    let check = |text: &str, json: &[&str]| {
        std::fs::write(&file, text).expect("written");
        fake::command(Path::new("/nonexistent"))
            .arg("-c")
            .arg(&file)
            .arg("check")
            .args(json)
            .output()
            .expect("the binary runs")
    };
    let good =
        "services:\n  - system: $HOST\n    rules:\n      - { if: \"memory > 75%\", then: alert }\n";
    let output = check(good, &[]);
    assert_code(&output, 0);
    assert!(text(&output.stdout).ends_with("the configuration is right, 1 service\n"));
    let output = check("servces: []\n", &[]);
    assert_code(&output, 78);
    assert!(text(&output.stderr).contains("rules.yaml:1:1"), "{output:?}");
    let output = check("servces: []\n", &["--json"]);
    assert_code(&output, 78);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["ok"], false);
    std::fs::remove_file(&file).expect("removed");
    let missing =
        fake::command(Path::new("/nonexistent")).arg("-c").arg(&file).arg("check").output();
    assert_code(&missing.expect("the binary runs"), 78);
}

#[test]
fn match_shows_who_would_be_taken_and_not_itself() {
    let nowhere = Path::new("/nonexistent");
    let mark = format!("{}", 40_000_000 + std::process::id());
    let output = run(nowhere, &["match", &mark]);
    assert_code(&output, 1);
    assert_eq!(text(&output.stdout).lines().next(), Some("no process matches"));
    let sleepers: Vec<_> = (0..2)
        .map(|_| std::process::Command::new("sleep").arg(&mark).spawn().expect("sleep runs"))
        .collect();
    let first = sleepers[0].id();
    let output = run(nowhere, &["match", "--json", &format!("^sleep {mark}$")]);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let words = run(nowhere, &["match", &mark]);
    for mut sleeper in sleepers {
        sleeper.kill().expect("killed");
        sleeper.wait().expect("gone");
    }
    assert_code(&output, 0);
    assert_eq!(shown["candidates"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown["taken"], first);
    assert_eq!(shown["candidates"][0]["arguments"], format!("sleep {mark}"));
    let wanted = format!("2 processes match: {first} would be taken, the oldest");
    assert_eq!(text(&words.stdout).lines().next(), Some(wanted.as_str()));
}
