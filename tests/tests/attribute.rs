//! Whom a process belongs to: the whole daemon with a real process of another user.

use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn whose_a_process_is_and_whose_child() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let rules = "cycle: 200ms\nservices:\n  - process: web\n    \
                 start: { program: /bin/sleep 100, user: nobody }\n    stop_timeout: 1s\n    rules:\n      \
                 - { if: \"failed uid root\", then: alert }\n      \
                 - { if: \"failed euid nobody\", then: alert }\n      \
                 - { if: \"failed gid 0\", then: alert }\n      \
                 - { if: \"changed ppid\", then: alert }\n";
    let mut daemon = Daemon::start(&scratch, rules);
    daemon.wait_log("'web' uid test failed -- current uid is 65534", PATIENCE);
    daemon.wait_log("'web' gid test failed -- current gid is 65534", PATIENCE);
    let web = daemon.wait_for("web", PATIENCE, |web| web["observed"]["effective_uid"] == 65534);
    // The daemon's own child: it has been its parent all the time.
    assert_eq!(web["observed"]["parent_pid"].as_u64(), Some(daemon.pid().into()));
    assert!(!daemon.log().contains("PPID"), "{}", daemon.log());
    assert!(!daemon.log().contains("euid test failed"), "{}", daemon.log());
    let _ = daemon.command(&["stop", "web"]);
    daemon.end();
}
