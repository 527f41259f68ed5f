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
    let rules = format!(
        "cycle: 500ms\nservices:\n  - process: web\n    pidfile: {dir}/web.pid\n    \
         rules: [{{ if: \"filedescriptors > 5000\", then: alert }}]\n  \
         - system: here\n    rules:\n      \
         - {{ if: \"filedescriptors > 1 for 4 cycles\", then: alert }}\n      \
         - {{ if: \"memory > 0.1%\", then: alert }}\n"
    );
    let daemon = Daemon::start(&scratch, &rules);
    let line =
        format!("most descriptors are open in bash (pid {pid}, user root, service 'web'): 6");
    // A busy machine gives it no time to look at all processes, and it says so.
    let named = until(PATIENCE, || {
        let log = daemon.log();
        let here = || log.lines().filter(|line| line.contains("'here' "));
        let late = here().any(|line| {
            line.contains("descriptors are open")
                && line.contains("not all processes were looked at")
                || line.contains("who did it was not found out in time")
        });
        log.contains(&line).then_some(true).or_else(|| late.then_some(false))
    });
    let named = named.unwrap_or_else(|| panic!("nobody is named\n{}", daemon.said()));
    if !named {
        return eprintln!("this machine is too busy for more:\n{}", daemon.log());
    }
    // Its own rule names it, too.
    daemon.wait_log(&format!("most descriptors are open in bash (pid {pid}, uid 0): 6"), PATIENCE);
    daemon.wait_log("most memory is held by ", PATIENCE);
    // It may be asked again where a busy machine answers late.
    let listed = until(PATIENCE, || {
        let events = daemon.command(&["events"]);
        let events = String::from_utf8_lossy(&events.stdout).into_owned();
        (events.contains(&line) && events.contains("most memory is held by ")).then_some(())
    });
    assert!(listed.is_some(), "{}", daemon.said());
}
