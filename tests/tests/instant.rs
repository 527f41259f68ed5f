//! Between cycles: the whole daemon with a real kernel's crossings, shared memory and dead members.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);
const MB: u64 = 1 << 20;

/// A service that stays in the foreground: `load share`.
fn rules(scratch: &Scratch, head: &str, load: &str, rules: &str) -> String {
    let (load_program, dir) = (env!("CARGO_BIN_EXE_load"), scratch.path().display());
    format!(
        "{head}\nservices:\n  - process: web\n    start: {load_program} share {load} {dir}/go\n    \
         stop_timeout: 1s\n    rules:\n{rules}"
    )
}

fn end(daemon: &mut Daemon) {
    let _ = daemon.command(&["stop", "web"]);
    daemon.end();
}

#[test]
fn memory_that_workers_share_counts_once() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let limit = "      - { if: \"totalmem > 100 MB\", then: alert }\n";
    let text = rules(&scratch, "cycle: 1s", "50 3", limit);
    let mut daemon = Daemon::start(&scratch, &text);
    // Four times 50 MB by RSS, which is over the limit and had to be read more closely. A reading made
    // while they are being forked shows less, and is made again.
    daemon.wait_for("web", PATIENCE, |web| {
        let pss = web["metrics"]["totalmem_pss_bytes"].as_u64();
        web["metrics"]["totalmem_bytes"].as_u64() > Some(190 * MB)
            && pss.is_some_and(|pss| (40 * MB..80 * MB).contains(&pss))
    });
    assert!(!daemon.log().contains("matches resource limit"), "{}", daemon.log());
    // What one of them takes for itself counts in full.
    scratch.write("go", "", 0o600);
    let log = daemon.wait_log("matches resource limit [total mem amount > 100 MB]", PATIENCE);
    let line = log.lines().find(|line| line.contains("matches resource limit")).expect("found");
    let amount = line.split("total mem amount of ").nth(1).and_then(|rest| rest.split(' ').next());
    let amount: f64 = amount.and_then(|text| text.parse().ok()).expect("a number");
    assert!((100.0..190.0).contains(&amount), "{line}");
    end(&mut daemon);
}

#[test]
fn a_limit_is_acted_on_and_a_dead_member_told_without_a_cycle() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let limit = "      - { if: \"totalmem > 90 MB\", then: alert }\n      \
                 - { if: \"member killed by signal KILL\", then: alert }\n";
    let text = rules(&scratch, "cycle: 1h\nmemory: rss", "10 1", limit);
    let mut daemon = Daemon::start(&scratch, &text);
    daemon.wait_for("web", PATIENCE, |web| web["pid"].is_u64());
    scratch.write("go", "", 0o600);
    daemon.wait_log("matches resource limit [total mem amount > 90 MB]", PATIENCE);
    // Who crossed it where a fault told, who holds most where a closer look was the first to see it.
    let log = daemon.wait_log(" by load (pid ", PATIENCE);
    let child = log.split(" by load (pid ").nth(1).and_then(|rest| rest.split([')', ',']).next());
    let child: i32 = child.and_then(|text| text.parse().ok()).expect("a pid");
    kill_process(Pid::from_raw(child).expect("a pid"), Signal::KILL).expect("it lives");
    daemon.wait_log(&format!("member load with pid {child} was killed by signal 9"), PATIENCE);
    assert_eq!(daemon.status()["cycles"], 1, "{}", daemon.log());
    end(&mut daemon);
}
