//! `config/seed.yaml`: a whole monit.conf as our rule file. Its rules, taken from there, watch real
//! things that are made to fail and to recover; the log has Monit's words.
//!
//! What stands in for what this machine cannot have: paths, ports, users, and where it is said, numbers.
//! The rules' sentences are the file's own.

mod apache;
mod datafs;
mod encrypted;
mod files;
mod host;
mod httpd;
mod myserver;
mod site;
mod told;
mod whole;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use watchdog_tests::daemon::{Daemon, program};
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

/// The seed's rule about the port with TLS.
const TLS: &str = "      - { if: \"failed port 443 type tcpssl protocol http with timeout 15 seconds\", then: restart }\n";

/// A wait this long has failed: a server of its own may make a database first.
const LONG: Duration = Duration::from_secs(180);

fn seed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/seed.yaml");
    fs::read_to_string(path).expect("config/seed.yaml")
}

/// The file's item with this first line, with other things in place of some.
fn item(first: &str, instead: &[(&str, &str)]) -> String {
    let text = seed();
    let begin = text.find(&format!("  - {first}\n")).unwrap_or_else(|| panic!("no `{first}`"));
    let end = text[begin + 4..].find("\n  - ").map_or(text.len(), |at| begin + 5 + at);
    let mut item = text[begin..end].to_owned();
    for (theirs, ours) in instead {
        assert!(item.contains(theirs), "no `{theirs}` in:\n{item}");
        item = item.replace(theirs, ours);
    }
    item
}

#[test]
fn the_whole_file_is_right() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.write("seed.yaml", &seed(), 0o600);
    let said = Command::new(program())
        .arg("-c")
        .arg(file)
        .arg("check")
        .stdin(Stdio::null())
        .output()
        .expect("ebpf-watchdog");
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{text}");
    assert!(!text.contains("error"), "{text}");
}

/// A daemon that a launcher starts, such as one that gives it a network of its own.
fn start_under(scratch: &Scratch, launcher: &[&str], rules: &str) -> Daemon {
    Daemon::write_rules(scratch, rules);
    let daemon = Daemon::spawn_under(scratch, launcher);
    until(LONG, || daemon.try_status()).unwrap_or_else(|| panic!("{}", daemon.said()));
    daemon
}

/// Breaks one thing of a file that `unmonitor`s itself, sees that told, mends it, and sees that it
/// stays well.
fn unmonitors(daemon: &Daemon, name: &str, words: &str, fail: impl Fn(), mend: impl Fn()) {
    fail();
    let line = daemon.wait_log(words, LONG);
    assert!(line.contains(&format!("error    : '{name}' ")), "{line}");
    daemon.wait_for(name, LONG, |status| status["status"] == "unmonitored");
    mend();
    assert!(daemon.command(&["monitor", name]).status.success(), "{}", daemon.said());
    daemon.wait_for(name, LONG, |status| status["status"] == "ok");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

/// Waits until a text stands in the log so many times.
fn times(daemon: &Daemon, text: &str, count: usize) {
    let found = until(LONG, || (daemon.log().matches(text).count() >= count).then_some(()));
    assert!(found.is_some(), "not {count} times: {text}\n{}", daemon.said());
}
