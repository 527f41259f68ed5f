//! The brake against real storms, bounded in number: held, released, ended, never forgotten.
//!
//! Times are generous bounds; how fast it is, the bench says.

mod storm;

use std::fs;
use std::time::Duration;

use watchdog_tests::need;
use watchdog_tests::until::until;

use storm::{COUNT, FAST, Storm, alive, freezers, is_frozen};

const PATIENCE: Duration = Duration::from_secs(60);

const STOP: &str = "{ if: \"children > 40\", then: { brake: { how: stop, for: 60s } } }";

#[test]
fn a_storm_is_held_then_released_and_held_again() {
    if !need::root() {
        return;
    }
    for kind in ["linear", "tree"] {
        let rule = "{ if: \"children > 40\", then: { brake: { how: stop, for: 3s } } }";
        let storm = Storm::new(kind, rule, None);
        let (daemon, pid) = storm.daemon();
        storm.begin();
        daemon.wait_log("brake on: ", PATIENCE);
        daemon.wait_log("brake off: ", PATIENCE);
        // The storm goes on, so it is held again, until it is over.
        let twice = || daemon.log().matches("brake on: ").count() >= 2;
        assert!(until(PATIENCE, || twice().then_some(())).is_some(), "{}", daemon.said());
        assert!(storm.ever().len() <= COUNT);
        storm.calm();
        let stop = daemon.command(&["stop", "bomb"]);
        assert!(stop.status.success(), "{stop:?}\n{}", daemon.said());
        assert!(!alive(pid) && storm.living().is_empty(), "{}", daemon.said());
    }
}

/// Faster than any cycle: the kernel stops who forks beyond the limit, and user space the rest.
#[test]
fn the_kernel_stops_a_fast_storm_at_the_limit() {
    if !need::root() {
        return;
    }
    for how in ["stop", "kill"] {
        let rule = format!(
            "{{ if: \"forks > 50 per second\", then: {{ brake: {{ how: {how}, for: 20s }} }} }}"
        );
        let storm = Storm::new("fast", &rule, None);
        // No cycle may help.
        let rules = fs::read_to_string(storm.scratch.at("rules.yaml")).expect("rules");
        storm.scratch.write("rules.yaml", &rules.replace("cycle: 200ms", "cycle: 1h"), 0o600);
        let (daemon, pid) = storm.daemon();
        storm.begin();
        daemon.wait_log("brake on: ", PATIENCE);
        // How many depends on how soon user space gets a processor: the bench says how soon. That the
        // kernel alone stops a forker at the limit is a test of the kernel's.
        let held = storm.assert_still(&daemon);
        eprintln!("{how}: {held} of {FAST} processes ever existed");
        storm.calm();
        daemon.wait_log("brake off: ", PATIENCE);
        assert!(alive(pid), "the main process is never ended by a brake\n{}", daemon.said());
        assert!(daemon.command(&["stop", "bomb"]).status.success());
        assert!(!alive(pid) && storm.living().is_empty(), "{}", daemon.said());
    }
}

#[test]
fn a_crash_of_ours_leaves_nobody_stopped() {
    if !need::root() {
        return;
    }
    let storm = Storm::new("tree", STOP, None);
    let (mut daemon, pid) = storm.daemon();
    storm.begin();
    daemon.wait_log("brake on: ", PATIENCE);
    storm.assert_held(&daemon);
    assert_ne!(daemon.service("bomb")["braked_until"], serde_json::Value::Null);
    // The storm would be held again by the next run.
    let rules = fs::read_to_string(storm.scratch.at("rules.yaml")).expect("rules");
    let calm = rules.replace("children > 40", "children > 4000");
    daemon.crash();
    storm.scratch.write("rules.yaml", &calm, 0o600);
    let (next, same) = storm.daemon();
    next.wait_log("brake off: ", PATIENCE);
    storm.assert_free(&next);
    assert_eq!(same, pid, "{}", next.said());
}

#[test]
fn our_end_a_reload_and_an_unmonitor_leave_nobody_stopped() {
    if !need::root() {
        return;
    }
    for how in ["quit", "TERM", "reload", "unmonitor"] {
        let storm = Storm::new("linear", STOP, None);
        let (mut daemon, _) = storm.daemon();
        storm.begin();
        daemon.wait_log("brake on: ", PATIENCE);
        storm.assert_held(&daemon);
        match how {
            "quit" => assert!(daemon.command(&["quit"]).status.success()),
            "TERM" => drop(daemon.end()),
            "reload" => {
                let rules = fs::read_to_string(storm.scratch.at("rules.yaml")).expect("rules");
                let calm = rules.replace("children > 40", "children > 4000");
                storm.scratch.write("rules.yaml", &calm, 0o600);
                assert!(daemon.command(&["reload"]).status.success());
            }
            _ => assert!(daemon.command(&["unmonitor", "bomb"]).status.success()),
        }
        daemon.wait_log("brake off: ", PATIENCE);
        storm.assert_free(&daemon);
    }
}

#[test]
fn a_restart_behind_the_brake_ends_the_storm() {
    if !need::root() {
        return;
    }
    for how in ["stop", "freeze"] {
        let rule =
            format!("{{ if: \"children > 40\", then: [{{ brake: {{ how: {how} }} }}, restart] }}");
        let storm = Storm::new("tree", &rule, None);
        let (daemon, pid) = storm.daemon();
        storm.begin();
        daemon.wait_log("brake on: ", PATIENCE);
        storm.calm();
        daemon.wait_for("bomb", PATIENCE, |bomb| bomb["status"] == "ok" && bomb["pid"] != pid);
        assert!(!alive(pid) && storm.living().is_empty(), "{how}\n{}", daemon.said());
        let ever = storm.ever().len();
        assert!(ever <= COUNT, "{ever}");
        daemon.command(&["stop", "bomb"]);
    }
}

#[test]
fn killing_ends_the_storm_and_spares_the_main_process() {
    if !need::root() {
        return;
    }
    let rule = "{ if: \"children > 40\", then: { brake: { how: kill, for: 2s } } }";
    let storm = Storm::new("tree", rule, None);
    let (daemon, pid) = storm.daemon();
    storm.begin();
    daemon.wait_log("brake on: ", PATIENCE);
    daemon.wait_log("brake off: ", PATIENCE);
    // The main process storms on by itself, and is held again.
    assert!(alive(pid), "{}", daemon.said());
    let log = daemon.log();
    assert!(log.contains("of them SIGKILL"), "{log}");
    daemon.command(&["stop", "bomb"]);
    assert!(!alive(pid) && storm.living().is_empty(), "{}", daemon.said());
}

#[test]
fn a_cgroup_of_its_own_is_frozen_and_thawed() {
    if !need::root() {
        return;
    }
    let roots = freezers();
    if roots.is_empty() {
        need::skip("no cgroup hierarchy that freezes is mounted");
    }
    for root in roots {
        let folder = root.join(format!("ebpf-watchdog-brake-{}", std::process::id()));
        let rule = "{ if: \"children > 40\", then: { brake: { for: 3s } } }";
        let storm = Storm::new("tree", rule, Some(folder.clone()));
        let (daemon, pid) = storm.daemon();
        storm.begin();
        let line = daemon.wait_log("brake on: ", PATIENCE);
        assert!(line.contains(&format!("cgroup {} is frozen", folder.display())), "{line}");
        let off = daemon.wait_log("brake off: ", PATIENCE);
        assert!(off.contains("is thawed"), "{off}");
        // A storm that goes on is frozen again; the operator's stop ends what is frozen.
        let twice = || daemon.log().matches("brake on: ").count() >= 2;
        assert!(until(PATIENCE, || twice().then_some(())).is_some(), "{}", daemon.said());
        storm.calm();
        let stop = daemon.command(&["stop", "bomb"]);
        assert!(stop.status.success(), "{stop:?}\n{}", daemon.said());
        assert!(!alive(pid) && storm.living().is_empty(), "{}", daemon.said());
        assert!(!is_frozen(&folder), "{}", daemon.said());
    }
}

#[test]
fn a_cgroup_with_others_in_it_is_not_frozen() {
    if !need::root() {
        return;
    }
    for root in freezers() {
        let folder = root.join(format!("ebpf-watchdog-shared-{}", std::process::id()));
        let storm = Storm::new(
            "linear",
            "{ if: \"children > 40\", then: { brake: { for: 60s } } }",
            Some(folder.clone()),
        );
        let mut other = std::process::Command::new("sleep").arg("120").spawn().expect("sleep");
        fs::write(folder.join("cgroup.procs"), other.id().to_string()).expect("joins");
        let (daemon, _) = storm.daemon();
        storm.begin();
        let line = daemon.wait_log("brake on: ", PATIENCE);
        assert!(line.contains("SIGSTOP") && !line.contains("frozen"), "{line}");
        assert!(!is_frozen(&folder));
        let _ = other.kill();
        let _ = other.wait();
        storm.calm();
        daemon.command(&["stop", "bomb"]);
    }
}
