//! The whole daemon and the kernel's triggers: a rule about pressure acts when work stands still, not
//! at the next sample.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// One CPU's worth of work, for a minute at most; ended with the test.
struct Spinner(Child);

impl Spinner {
    fn start() -> Self {
        let spin = "n=0; while [ $SECONDS -lt 60 ]; do n=$((n + 1)); done";
        Self(Command::new("/bin/bash").args(["-c", spin]).spawn().expect("bash"))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_rule_about_pressure_acts_without_a_sample() {
    if !need::root() {
        return;
    }
    if std::fs::read_to_string("/proc/pressure/cpu").is_err() {
        return need::skip("the kernel tells no pressure (boot with psi=1)");
    }
    assert!(Path::new("/proc/pressure/memory").exists());
    let scratch = Scratch::new();
    // Neither a cycle nor a sample may help: they come once an hour.
    let rules = "cycle: 1h\nsample: 1h\nservices:\n  - system: here\n    rules:\n      \
                 - { if: \"pressure (cpu) > 5%\", then: alert }\n";
    let daemon = Daemon::start(&scratch, rules);
    let status = until(PATIENCE, || daemon.try_status()).expect("status");
    assert!(!status["sensor"]["missing"].to_string().contains("/proc/pressure"), "{status}");
    // Two more than there are CPUs: something always waits for one.
    let cpus = std::thread::available_parallelism().map_or(2, usize::from);
    let spinners: Vec<_> = (0..cpus.min(62) + 2).map(|_| Spinner::start()).collect();
    daemon.wait_log("cpu pressure some of 5.0% matches resource limit", PATIENCE);
    // Under that very load it may run out of its time, and says so.
    let named = ["most CPU is used by ", "who did it was not found out in time"];
    let said = until(PATIENCE, || {
        let log = daemon.log();
        named.iter().any(|text| log.contains(text)).then_some(())
    });
    assert!(said.is_some(), "{}", daemon.said());
    drop(spinners);
}
