//! A service that storms when it is told to, and what can be seen of its processes.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::process;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

use crate::PATIENCE;

/// Children of a storm.
pub(crate) const COUNT: usize = 400;
/// Children of one that is over before a cycle could see it: enough that a loaded machine is not done
/// with them while user space wakes up.
pub(crate) const FAST: usize = 3_000;

/// A service that storms when it is told to.
pub(crate) struct Storm {
    pub(crate) scratch: Scratch,
    /// Made for it, and removed at the end.
    cgroup: Option<PathBuf>,
}

impl Storm {
    pub(crate) fn new(kind: &str, rule: &str, cgroup: Option<PathBuf>) -> Self {
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

    pub(crate) fn daemon(&self) -> (Daemon, u64) {
        let daemon = Daemon::spawn(&self.scratch);
        let up = until(PATIENCE, || {
            let status = daemon.try_status()?;
            let bomb = status["services"].as_array()?.first()?.clone();
            (bomb["status"] == "ok").then(|| bomb["pid"].as_u64())?
        });
        let pid = up.unwrap_or_else(|| panic!("not up:\n{}", daemon.said()));
        (daemon, pid)
    }

    pub(crate) fn begin(&self) {
        self.scratch.write("account.go", "", 0o600);
    }

    /// What a restart starts does not storm.
    pub(crate) fn calm(&self) {
        let _ = fs::remove_file(self.scratch.at("account.go"));
    }

    /// Every process that ever existed, but for the first.
    pub(crate) fn ever(&self) -> Vec<Pid> {
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

    pub(crate) fn living(&self) -> Vec<Pid> {
        let ever: HashSet<Pid> = self.ever().into_iter().collect();
        ever.into_iter().filter(|pid| !matches!(state(*pid), None | Some('Z' | 'X'))).collect()
    }

    /// It is held before it is over.
    pub(crate) fn assert_held(&self, daemon: &Daemon) -> usize {
        let held = self.assert_still(daemon);
        assert!(held < COUNT, "held before it was over: {held}\n{}", daemon.said());
        held
    }

    /// It stands still: no process is born, and each waits.
    pub(crate) fn assert_still(&self, daemon: &Daemon) -> usize {
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

    pub(crate) fn assert_free(&self, daemon: &Daemon) {
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

pub(crate) fn is_frozen(folder: &std::path::Path) -> bool {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    read("cgroup.freeze").trim() == "1" || read("freezer.state").trim() == "FROZEN"
}

pub(crate) fn alive(pid: u64) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .and_then(state)
        .is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Folders in which a cgroup that can be frozen may be made: v2's and v1's.
pub(crate) fn freezers() -> Vec<PathBuf> {
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer"];
    let mut roots: Vec<PathBuf> = roots.iter().map(PathBuf::from).collect();
    roots.retain(|root| {
        root.join("cgroup.procs").exists()
            && (root.join("cgroup.controllers").exists() || root.ends_with("freezer"))
    });
    roots
}
