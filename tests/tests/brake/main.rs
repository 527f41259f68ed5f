//! The brake against real storms, bounded in number: held, released, ended, never forgotten.
//!
//! Times are generous bounds; how fast it is, the bench says.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::process;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);
/// Children of a storm.
const COUNT: usize = 400;
/// Children of one that is over before a cycle could see it: enough that a loaded machine is not done
/// with them while user space wakes up.
const FAST: usize = 3_000;

/// A service that storms when it is told to.
struct Storm {
    scratch: Scratch,
    /// Made for it, and removed at the end.
    cgroup: Option<PathBuf>,
}

impl Storm {
    fn new(kind: &str, rule: &str, cgroup: Option<PathBuf>) -> Self {
        let scratch = Scratch::new();
        let account = scratch.at("account").display().to_string();
        let join = cgroup.as_ref().map_or(String::new(), |folder| {
            fs::create_dir(folder).expect("a cgroup (needs root)");
            format!("echo $$ > {}/cgroup.procs\n", folder.display())
        });
        // A fast one is for the kernel; the others take seconds from the limit to their end, so that a
        // busy machine holds them before they are over. What was forked outlives the test.
        let (kind, count, pause) = match kind {
            "fast" => ("tree", FAST, 200),
            "tree" => ("tree", COUNT, 500_000),
            other => (other, COUNT, 20_000),
        };
        let start = scratch.script(
            "start",
            &format!(
                "{join}exec {} {kind} {count} 60000 {pause} {account}\n",
                env!("CARGO_BIN_EXE_storm")
            ),
        );
        let rules = format!(
            "cycle: 200ms\nservices:\n  - process: bomb\n    start: {}\n    rules:\n      - {rule}\n",
            start.display()
        );
        Daemon::write_rules(&scratch, &rules);
        Self { scratch, cgroup }
    }

    fn daemon(&self) -> (Daemon, u64) {
        let daemon = Daemon::spawn(&self.scratch);
        let up = until(PATIENCE, || {
            let status = daemon.try_status()?;
            let bomb = status["services"].as_array()?.first()?.clone();
            (bomb["status"] == "ok").then(|| bomb["pid"].as_u64())?
        });
        let pid = up.unwrap_or_else(|| panic!("not up:\n{}", daemon.said()));
        (daemon, pid)
    }

    fn begin(&self) {
        self.scratch.write("account.go", "", 0o600);
    }

    /// What a restart starts does not storm.
    fn calm(&self) {
        let _ = fs::remove_file(self.scratch.at("account.go"));
    }

    /// Every process that ever existed, but for the first.
    fn ever(&self) -> Vec<Pid> {
        let words = fs::read(self.scratch.at("account")).unwrap_or_default();
        words
            .chunks_exact(4)
            .skip(1)
            .filter_map(|word| {
                let pid = u32::from_ne_bytes(word.try_into().expect("four bytes"));
                Pid::from_raw(i32::try_from(pid).ok()?)
            })
            .collect()
    }

    fn living(&self) -> Vec<Pid> {
        let ever: HashSet<Pid> = self.ever().into_iter().collect();
        ever.into_iter().filter(|pid| !matches!(state(*pid), None | Some('Z' | 'X'))).collect()
    }

    /// It is held before it is over.
    fn assert_held(&self, daemon: &Daemon) -> usize {
        let held = self.assert_still(daemon);
        assert!(held < COUNT, "held before it was over: {held}\n{}", daemon.said());
        held
    }

    /// It stands still: no process is born, and each waits.
    fn assert_still(&self, daemon: &Daemon) -> usize {
        // Those that were on their way to stop.
        let held = until(PATIENCE, || {
            let before = self.ever().len();
            let waiting = self.living().into_iter().all(|pid| is_held(pid, self.cgroup.is_some()));
            // Long enough for some hundred forks.
            std::thread::sleep(Duration::from_millis(200));
            (waiting && self.ever().len() == before).then_some(before)
        });
        held.unwrap_or_else(|| panic!("not held:\n{}", daemon.said()))
    }

    fn assert_free(&self, daemon: &Daemon) {
        let free = until(PATIENCE, || {
            self.living().into_iter().all(|pid| state(pid) != Some('T')).then_some(())
        });
        assert!(free.is_some(), "still stopped:\n{}", daemon.said());
        if let Some(folder) = &self.cgroup {
            assert!(!is_frozen(folder), "still frozen:\n{}", daemon.said());
        }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        if let Some(folder) = &self.cgroup {
            let _ = fs::write(folder.join("cgroup.freeze"), "0");
            let _ = fs::write(folder.join("freezer.state"), "THAWED");
        }
        let _ = fs::write(self.scratch.at("account.go"), "");
        until(PATIENCE, || {
            for pid in self.living() {
                let _ = kill_process(pid, Signal::KILL);
            }
            self.living().is_empty().then_some(())
        });
        if let Some(folder) = &self.cgroup {
            until(PATIENCE, || {
                for line in fs::read_to_string(folder.join("cgroup.procs")).ok()?.lines() {
                    let pid = line.parse().ok().and_then(Pid::from_raw)?;
                    let _ = kill_process(pid, Signal::KILL);
                }
                fs::remove_dir(folder).ok()
            });
        }
    }
}

fn state(pid: Pid) -> Option<char> {
    // Nobody but the storm is looked at: the pid may have been given away since.
    process::stat(pid).filter(|stat| stat.name == "storm").map(|stat| stat.state)
}

fn is_held(pid: Pid, frozen: bool) -> bool {
    // A process frozen by v2 sleeps, by v1 waits uninterruptibly.
    state(pid).is_none_or(|state| state == 'T' || frozen)
}

fn is_frozen(folder: &std::path::Path) -> bool {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    read("cgroup.freeze").trim() == "1" || read("freezer.state").trim() == "FROZEN"
}

fn alive(pid: u64) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .and_then(state)
        .is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Folders in which a cgroup that can be frozen may be made: v2's and v1's.
fn freezers() -> Vec<PathBuf> {
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer"];
    let mut roots: Vec<PathBuf> = roots.iter().map(PathBuf::from).collect();
    roots.retain(|root| {
        root.join("cgroup.procs").exists()
            && (root.join("cgroup.controllers").exists() || root.ends_with("freezer"))
    });
    roots
}

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
