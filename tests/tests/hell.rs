//! Start programs from hell, all at once, on the whole daemon: a good service is restarted beside them
//! as if they were not there, and in the end nothing of them is left.
//!
//! Not here: how each of them fails, one by one (`actions`).

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);
/// In the environment of all that the start programs start.
const MARK: &str = "HELL_MARK";

/// Name, lines, and whether it is the time limit that ends the program.
const PROGRAMS: &[(&str, &str, bool)] = &[
    ("hangs", "sleep 1000", true),
    ("forks", "sleep 1000 & sleep 1000 & wait", true),
    ("double-forks", "(setsid sleep 1000 >/dev/null 2>&1 &)", false),
    ("exits", "exit 0", false),
    ("fails", "sleep 1000 & echo refused; exit 3", false),
    ("closes-nothing", "setsid sleep 1000 &", false),
    ("closes-all", "exec <&- >&- 2>&-; sleep 1000", true),
    ("ignores-term", "trap '' TERM; while :; do sleep 0.1; done", true),
    ("ignores-term-behind", "(trap '' TERM HUP; setsid sleep 1000 &); exit 0", false),
    ("holds-the-output", "((sleep 1000 &) &)", false),
    ("stops-itself", "kill -STOP $$", true),
];

/// Processes with the mark, and zombies of this parent.
fn left(mark: &str, parent: u32) -> (Vec<i32>, Vec<String>) {
    let (mut marked, mut zombies) = (Vec::new(), Vec::new());
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        if rest.starts_with('Z') {
            if rest.split(' ').nth(1) == Some(&parent.to_string()) {
                zombies.push(stat);
            }
            continue;
        }
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mark = format!("{MARK}={mark}");
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            marked.push(pid);
        }
    }
    (marked, zombies)
}

/// Ends what a failed test has left.
struct Cleaner(String);

impl Drop for Cleaner {
    fn drop(&mut self) {
        for pid in left(&self.0, 0).0 {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

#[test]
fn start_programs_from_hell_delay_no_other_service_and_leave_nothing() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let _cleaner = Cleaner(dir.clone());
    let mut rules = "cycle: 1s\nservices:\n".to_owned();
    for (name, lines, _) in PROGRAMS {
        let start = scratch.script(name, &format!("{lines}\n"));
        rules.push_str(&format!(
            "- process: {name}\n  pidfile: {dir}/{name}.pid\n  stop_timeout: 500ms\n  start: {{ \
             program: {}, timeout: 1s, env: {{ {MARK}: {dir} }} }}\n",
            start.display()
        ));
    }
    let lines =
        format!("setsid sleep 1000 </dev/null >/dev/null 2>&1 &\necho $! > {dir}/good.pid\n");
    let start = scratch.script("good", &lines);
    rules.push_str(&format!(
        "- process: good\n  pidfile: {dir}/good.pid\n  start: {{ program: {}, env: {{ {MARK}: {dir} \
         }} }}\n  rules:\n  - {{ if: 1000 restarts within 1 hour, then: unmonitor }}\n",
        start.display()
    ));
    let mut daemon = Daemon::start(&scratch, &rules);

    // While each of them fails at least once, the good one dies and comes back.
    let mut pid = serde_json::Value::Null;
    for (name, _, by_time) in PROGRAMS {
        let good =
            daemon.wait_for("good", PATIENCE, |good| good["status"] == "ok" && good["pid"] != pid);
        pid = good["pid"].clone();
        let victim = pid.as_i64().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        kill_process(victim.expect("a pid"), Signal::KILL).expect("the good service lives");
        let line = daemon.wait_log(&format!("'{name}' failed to start"), PATIENCE);
        // On a busy machine the others may need longer than their time as well.
        assert!(line.contains("timed out after 1 s") || !by_time, "{line}");
    }
    let last =
        daemon.wait_for("good", PATIENCE, |good| good["status"] == "ok" && good["pid"] != pid);

    // Nobody starts them any more: what the last attempts have left is ended, the good one lives.
    let names: Vec<&str> = PROGRAMS.iter().map(|(name, ..)| *name).collect();
    let unmonitored = daemon.command(&[&["unmonitor"], &names[..]].concat());
    assert!(unmonitored.status.success(), "{unmonitored:?}");
    let good = last["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
    let clean = until(PATIENCE, || {
        let (marked, zombies) = left(&dir, daemon.pid());
        (marked == [good] && zombies.is_empty()).then_some(())
    });
    let found = left(&dir, daemon.pid());
    assert!(clean.is_some(), "left besides {good}: {found:?}\n{}", daemon.said());
    assert!(daemon.command(&["stop", "good"]).status.success());
    assert!(daemon.end().success());
    assert_eq!(left(&dir, 0).0, [0; 0]);
}
