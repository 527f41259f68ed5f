//! Rules about the content of files by a file of patterns, in a whole daemon: each line of it counts, and a
//! reload takes it anew.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).open(path).expect("the file");
    file.write_all(text.as_bytes()).expect("it can be written");
}

#[test]
fn any_line_of_the_file_is_looked_for_and_a_reload_reads_it_anew() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let log = scratch.write("app.log", "", 0o644);
    let patterns = scratch.write("patterns", "ERROR\n\nFATAL\n^panic: [0-9]+$\n", 0o644);
    let passed = scratch.write("passed", "harmless\n", 0o644);
    let dir = scratch.path().display();
    let rules = format!(
        "cycle: 1s\nservices:\n\
         - file: log\n  path: {dir}/app.log\n  ignore: {{ file: {dir}/passed }}\n  rules:\n\
         \x20   - {{ if: content = {dir}/patterns, then: alert }}\n"
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_for("log", PATIENCE, |service| service["observed"]["exists"] == true);
    append(&log, "fine\npanic: no number\npanic: 3 harmless\nERROR harmless\npanic: 3\n");
    daemon.wait_log("error    : 'log' content match: panic: 3", PATIENCE);
    assert!(!daemon.log().contains("harmless"), "{}", daemon.log());

    // What is written there counts when it is told to the daemon, and not before.
    fs::write(&patterns, "WORSE\n").expect("other patterns");
    fs::write(&passed, "nothing\n").expect("other patterns");
    append(&log, "WORSE unseen\nFATAL still\n");
    daemon.wait_log("error    : 'log' content match: FATAL still", PATIENCE);
    let reload = daemon.command(&["reload"]);
    assert!(reload.status.success(), "{reload:?}");
    // A rule that has become another one counts from its first look on.
    let told = until(PATIENCE, || {
        append(&log, "FATAL no more\nWORSE harmless\n");
        daemon.log().contains("error    : 'log' content match: WORSE harmless").then_some(())
    });
    assert!(told.is_some(), "{}", daemon.said());

    // A file that is wrong changes nothing.
    fs::write(&patterns, "fine\n(\n").expect("no patterns");
    let reload = daemon.command(&["reload"]);
    assert!(!reload.status.success(), "{reload:?}");
    let said = String::from_utf8_lossy(&reload.stderr);
    assert!(said.contains("patterns:2:1") && said.contains("unclosed group"), "{said}");
    append(&log, "WORSE again\n");
    until(PATIENCE, || daemon.log().contains("WORSE again").then_some(())).expect("it is told");
    let text = daemon.log();
    for never in ["WORSE unseen", "FATAL no more"] {
        assert!(!text.contains(never), "{text}");
    }
}
