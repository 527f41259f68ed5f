//! How the daemon ends: within its time whatever waits for it, and with nothing of its own left.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::process::runs;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::smtp::{Mode, SmtpServer};
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A pid that a script has written down with its line's end.
fn noted(scratch: &Scratch, name: &str) -> Pid {
    let pid = until(PATIENCE, || {
        let text = fs::read_to_string(scratch.at(name)).ok()?;
        Pid::from_raw(text.strip_suffix('\n')?.parse().ok()?)
    });
    pid.unwrap_or_else(|| panic!("{name} was not written"))
}

/// Ends what a test has started, however it ends.
struct Cleaner(Pid);

impl Drop for Cleaner {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn a_mail_server_that_hangs_does_not_hold_up_the_end_and_loses_no_mail() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let silent = SmtpServer::start(scratch.path(), Mode::HangInGreeting);
    let rules = |port: u16| {
        // Whoever waited for the mail would wait for ten times as long as this test does.
        format!(
            "cycle: 1s\nmail: {{ servers: [{{ host: 127.0.0.1, port: {port} }}], timeout: 10m }}\n\
             alerts: [ops@example.org]\nservices:\n- system: hanging\n"
        )
    };
    let mut daemon = Daemon::start(&scratch, &rules(silent.port));
    let queue = || fs::read_dir(scratch.at("state/queue")).map_or(0, Iterator::count);
    assert!(until(PATIENCE, || (queue() == 1).then_some(())).is_some(), "{}", daemon.said());
    assert!(daemon.end().success(), "{}", daemon.said());
    drop(silent);

    let good = SmtpServer::start(scratch.path(), Mode::Plain);
    let daemon = Daemon::start(&scratch, &rules(good.port));
    // Started, stopped, started.
    let mails = good.wait_for(3, PATIENCE);
    let said: Vec<bool> = mails.iter().map(|mail| mail.body().contains(" stopped")).collect();
    assert_eq!(said, [false, true, false], "{mails:#?}\n{}", daemon.said());
}

#[test]
fn a_program_that_is_run_to_be_judged_ends_with_the_daemon_and_a_service_does_not() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let probe = scratch.script(
        "probe",
        &format!(
            "setsid sleep 1000 &\necho $! > {dir}/new && mv {dir}/new {dir}/child\n\
             echo $$ > {dir}/new && mv {dir}/new {dir}/probe.pid\nwait\n"
        ),
    );
    let service =
        scratch.script("service", &format!("echo $$ > {dir}/service.pid\nexec sleep 1000\n"));
    let rules = format!(
        "cycle: 200ms\nservices:\n\
         - {{ program: judged, path: {}, rules: [] }}\n\
         - {{ process: started, start: {} }}\n",
        probe.display(),
        service.display(),
    );
    let mut daemon = Daemon::start(&scratch, &rules);
    let (probe, child) = (noted(&scratch, "probe.pid"), noted(&scratch, "child"));
    let service = Cleaner(noted(&scratch, "service.pid"));
    let _cleaners = (Cleaner(probe), Cleaner(child));
    daemon.wait_log("'started' process is running with pid", PATIENCE);
    assert!(daemon.end().success(), "{}", daemon.said());
    for (name, pid) in [("the program", probe), ("its child", child)] {
        // Who reaps it, and how soon, is the host's business.
        let gone = until(PATIENCE, || (!runs(pid)).then_some(()));
        assert!(gone.is_some(), "{name} is left\n{}", daemon.said());
    }
    assert!(runs(service.0), "{}", daemon.said());
}
