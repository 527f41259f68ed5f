//! Network services: a pair of virtual interfaces in a network namespace of the test's own, set down
//! and up, and traffic through it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::namespace::Namespace;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace of networks with a `/sys` that shows it.
struct Network(Namespace);

impl Network {
    fn new() -> Self {
        let script = "mount -t sysfs sysfs /sys && ip link set lo up";
        Self(Namespace::new(&["--net", "--mount"], script, &[]))
    }

    /// Runs something in it.
    fn run(&self, words: &[&str]) {
        let output = Command::new("nsenter")
            .args(["--net", "--mount", "-t", &self.0.pid()])
            .args(words)
            .output()
            .expect("nsenter");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
    }

    fn start(&self, scratch: &Scratch, rules: &str) -> Daemon {
        Daemon::write_rules(scratch, rules);
        let daemon =
            Daemon::spawn_under(scratch, &["nsenter", "--net", "--mount", "-t", &self.0.pid()]);
        until(PATIENCE, || daemon.try_status()).unwrap_or_else(|| panic!("{}", daemon.said()));
        daemon
    }
}

fn ready() -> bool {
    need::root()
        && ["unshare", "nsenter", "ip", "bash"].iter().all(|name| need::program(name).is_some())
}

#[test]
fn a_link_that_falls_is_told_at_once_and_one_that_is_gone_too() {
    if !ready() {
        return;
    }
    let (scratch, space) = (Scratch::new(), Network::new());
    assert!(Path::new("/proc").join(space.0.pid()).join("ns/net").exists());
    space.run(&["ip", "link", "add", "wd0", "type", "veth", "peer", "name", "wd1"]);
    space.run(&["ip", "address", "add", "192.0.2.1/24", "dev", "wd0"]);
    space.run(&["ip", "link", "set", "wd0", "up"]);
    space.run(&["ip", "link", "set", "wd1", "up"]);
    // Cycles do not help here.
    let daemon = space.start(
        &scratch,
        "cycle: 1h\nservices:\n\
         - { network: byname, interface: wd0, rules: [{ if: link down, then: alert }] }\n\
         - { network: byaddress, address: 192.0.2.1, rules: [{ if: link down, then: alert }] }\n",
    );
    for name in ["byname", "byaddress"] {
        let seen = daemon.wait_for(name, PATIENCE, |seen| seen["observed"]["link"] == "up");
        assert_eq!(seen["observed"]["interface"], "wd0", "{seen}");
    }
    space.run(&["ip", "link", "set", "wd1", "down"]);
    for name in ["byname", "byaddress"] {
        daemon.wait_log(&format!("error    : '{name}' link down"), PATIENCE);
    }
    space.run(&["ip", "link", "set", "wd1", "up"]);
    for name in ["byname", "byaddress"] {
        daemon.wait_log(&format!("info     : '{name}' link up"), PATIENCE);
    }
    space.run(&["ip", "link", "delete", "wd0"]);
    for name in ["byname", "byaddress"] {
        daemon.wait_for(name, PATIENCE, |seen| seen["observed"]["link"] == "down");
    }
}

#[test]
fn traffic_is_told_by_rate_and_in_sum() {
    if !ready() {
        return;
    }
    let (scratch, space) = (Scratch::new(), Network::new());
    let daemon = space.start(
        &scratch,
        "cycle: 200ms\nservices:\n- network: lo\n  interface: lo\n  rules:\n\
         \x20 - { if: download > 1 KB/s, then: alert }\n\
         \x20 - { if: upload > 2 packets/s, then: alert }\n\
         \x20 - { if: total uploaded > 10 KB in last 5 minutes, then: alert }\n\
         \x20 - { if: total downloaded > 1 GB in last day, then: alert }\n\
         \x20 - { if: saturation > 90%, then: alert }\n\
         - { network: none, interface: wd9, rules: [{ if: link down, then: alert }] }\n",
    );
    daemon
        .wait_for("lo", PATIENCE, |seen| seen["observed"]["download_bytes_per_second"].is_number());
    // Each is a datagram to a port that nobody listens at.
    let send = "for n in $(seq 20); do head -c 1000 /dev/zero > /dev/udp/127.0.0.1/9; done";
    let told = until(PATIENCE, || {
        space.run(&["bash", "-c", send]);
        let log = daemon.log();
        let texts = [
            "matches limit [download rate > 1 kB in last 1 second]",
            "matches limit [upload packets > 2 in last 1 second]",
            "matches limit [upload rate > 10 kB in last 5 minutes]",
        ];
        texts.iter().all(|text| log.contains(text)).then_some(())
    });
    assert!(told.is_some(), "{}", daemon.said());
    // The second that is the first good one may still have the last packet in it.
    daemon.wait_log("'lo' download check succeeded [current download rate ", PATIENCE);
    daemon.wait_log("'lo' upload packets check succeeded [current upload packets ", PATIENCE);
    daemon.wait_log("'none' link down -- there is no such interface", PATIENCE);
    // It tells no speed, so nothing is known of how much of it is used.
    assert!(daemon.service("lo")["observed"]["saturation"].is_null(), "{}", daemon.said());
    assert!(!daemon.log().contains("saturation of"), "{}", daemon.said());
}
