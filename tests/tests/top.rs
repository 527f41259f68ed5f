//! `top`: the whole daemon shows who runs in its services, between cycles.

use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_process_of_a_service_is_shown_with_what_it_uses() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let (load, dir) = (env!("CARGO_BIN_EXE_load"), scratch.path().display());
    let rules = format!(
        "cycle: 1h\nservices:\n  - process: web\n    start: {load} share 20 2 {dir}/go\n    stop_timeout: 1s\n"
    );
    let mut daemon = Daemon::start(&scratch, &rules);
    let web = daemon.wait_for("web", PATIENCE, |web| web["pid"].is_u64());
    let main = web["pid"].as_u64();
    // The cycle is an hour: a look of its own shows the children as well, once they are there.
    let found = until(PATIENCE, || {
        let output = daemon.command(&["top", "--json", "-d", "1"]);
        let rows: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let rows = rows.as_array()?.clone();
        (rows.len() == 3 && rows.iter().all(|row| row["cpu"].is_f64())).then_some(rows)
    });
    let rows = found.expect("three processes");
    assert_eq!(rows.iter().filter(|row| row["main"] == true).count(), 1);
    assert!(rows.iter().any(|row| row["pid"].as_u64() == main && row["main"] == true), "{rows:?}");
    assert!(rows.iter().all(|row| row["service"] == "web" && row["program"] == "load"));
    // Nothing is said where a busy machine answers late.
    let text = until(PATIENCE, || {
        let output = daemon.command(&["top", "-d", "1"]);
        String::from_utf8(output.stdout).ok().filter(|text| !text.is_empty())
    });
    let text = text.expect("text");
    assert!(text.starts_with("    PID USER") && text.lines().count() == 4, "{text}");
    let _ = daemon.command(&["stop", "web"]);
    daemon.end();
}
