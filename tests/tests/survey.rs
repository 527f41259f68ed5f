//! The whole daemon: a rule about the host fails, and the log, the list of events and the alert name
//! the process that did it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// Ends its process with the test.
struct Ours(Child);

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// More open files than any other process has, in a service; the rule about the host names it.
#[test]
fn a_rule_about_the_host_names_the_process_and_its_service() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let program = format!(
        "ulimit -n 20000; for n in $(seq 6000); do exec {{f}}</dev/null; done; \
         touch {dir}/open; read -r end"
    );
    // Without a child, which would have as many.
    let mut bash = Command::new("/bin/bash");
    let bash = bash.arg("-c").arg(program).stdin(Stdio::piped());
    let holder = Ours(bash.spawn().expect("bash"));
    let pid = holder.0.id();
    until(PATIENCE, || scratch.at("open").exists().then_some(())).expect("all open");
    scratch.write("web.pid", &format!("{pid}\n"), 0o644);
    // A busy machine may give it no time to look at all processes, and it says so; but not each time.
    let named = (0..20).any(|_| are_named(&scratch, pid));
    assert!(named, "nobody was found out in time, again and again");
}

/// Whether a daemon of its own names them. False where it says that the time did not suffice.
fn are_named(holder: &Scratch, pid: u32) -> bool {
    let scratch = Scratch::new();
    let rules = format!(
        "cycle: 500ms\nservices:\n  - process: web\n    pidfile: {}\n    \
         rules: [{{ if: \"filedescriptors > 5000\", then: alert }}]\n  \
         - system: here\n    rules:\n      \
         - {{ if: \"filedescriptors > 1 for 4 cycles\", then: alert }}\n      \
         - {{ if: \"memory > 0.1%\", then: alert }}\n",
        holder.at("web.pid").display()
    );
    let daemon = Daemon::start(&scratch, &rules);
    let line =
        format!("most descriptors are open in bash (pid {pid}, user root, service 'web'): 6");
    let lines = [&line, "most memory is held by "];
    let late = ["not all processes were looked at", "who did it was not found out in time"];
    let named = until(PATIENCE, || {
        let log = daemon.log();
        if lines.iter().all(|line| log.contains(line)) {
            return Some(true);
        }
        let mut here = log.lines().filter(|line| line.contains("'here' "));
        here.any(|line| late.iter().any(|late| line.contains(late))).then_some(false)
    });
    if !named.unwrap_or_else(|| panic!("nobody is named\n{}", daemon.said())) {
        eprintln!("this machine is busy:\n{}", daemon.log());
        return false;
    }
    // Its own rule names it, too.
    daemon.wait_log(&format!("most descriptors are open in bash (pid {pid}, uid 0): 6"), PATIENCE);
    // It may be asked again where a busy machine answers late.
    let listed = until(PATIENCE, || {
        let events = daemon.command(&["events"]);
        let events = String::from_utf8_lossy(&events.stdout).into_owned();
        lines.iter().all(|line| events.contains(line)).then_some(())
    });
    assert!(listed.is_some(), "{}", daemon.said());
    true
}
