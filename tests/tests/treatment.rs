//! How services are treated, on the whole daemon: when they are checked, what a boot changes, whether
//! they are touched, and how long programs may take where they do not say it themselves.
//!
//! Not here: each rule of this, moment by moment (`engine`).

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// Two minutes begin in it, however it lies to them.
const TWO_MINUTES: Duration = Duration::from_secs(150);

fn is_monitored(daemon: &Daemon, name: &str) -> bool {
    daemon.service(name)["monitored"] == true
}

/// Makes the saved state one of another boot, as it would be found after that.
fn of_another_boot(scratch: &Scratch) {
    let path = scratch.at("state/state.json");
    let text = fs::read_to_string(&path).expect("a state");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
    let other = text.replacen(boot.trim(), "00000000-0000-4000-8000-000000000000", 1);
    assert_ne!(text, other, "the state names its boot");
    let (before, rest) = other.split_once("\"crc32\": ").expect("a checksum");
    let (_, after) = rest.split_once(',').expect("what follows it");
    // The checksum is that of the same text with 0 in its place.
    let sum = crc32fast::hash(format!("{before}\"crc32\": 0,{after}").as_bytes());
    fs::write(&path, format!("{before}\"crc32\": {sum},{after}")).expect("the state");
}

#[test]
fn a_boot_brings_services_back_as_they_say() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let rules = "cycle: 1h\nservices:\n\
                 - { file: always, path: /etc/passwd }\n\
                 - { file: never, path: /etc/passwd, onreboot: nostart }\n\
                 - { file: off, path: /etc/passwd, onreboot: laststate }\n\
                 - { file: on, path: /etc/passwd, onreboot: laststate }\n";
    let names = ["always", "never", "off", "on"];
    let monitored = |daemon: &Daemon| names.map(|name| is_monitored(daemon, name));
    let mut daemon = Daemon::start(&scratch, rules);
    // Without a state it counts as a boot.
    assert_eq!(monitored(&daemon), [true, false, true, true], "{}", daemon.said());
    for words in [["unmonitor", "always"], ["monitor", "never"], ["unmonitor", "off"]] {
        let said = daemon.command(&words);
        assert!(said.status.success(), "{said:?}\n{}", daemon.said());
    }
    assert!(daemon.end().success(), "{}", daemon.said());
    let mut daemon = Daemon::start(&scratch, rules);
    assert_eq!(monitored(&daemon), [false, true, false, true], "{}", daemon.said());
    assert!(daemon.end().success(), "{}", daemon.said());

    of_another_boot(&scratch);
    let daemon = Daemon::start(&scratch, rules);
    assert_eq!(monitored(&daemon), [true, false, false, true], "{}", daemon.said());
    assert!(!daemon.log().contains("saved state cannot be believed"), "{}", daemon.said());
}

#[test]
fn a_crontab_says_in_which_minutes_a_service_is_checked() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let missing = scratch.at("missing").display().to_string();
    let rules = format!(
        "cycle: 200ms\nservices:\n\
         - {{ file: due, path: {missing}, every: '* * * * *' }}\n\
         - {{ file: never, path: {missing}, every: {{ not: '* * * * *' }} }}\n"
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_log("'due' file doesn't exist", TWO_MINUTES);
    let said = daemon.command(&["validate"]);
    assert!(said.status.success(), "{said:?}\n{}", daemon.said());
    let never = daemon.service("never");
    assert_eq!(never["status"], "unknown", "{never}");
    let reason = never["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("not judged now: every not * * * * *"), "{never}");
    assert!(!daemon.log().contains("'never' "), "{}", daemon.said());
}

/// A real process, reaped when it ends so that it is really gone.
struct Sleeper(Child);

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_is_passive_is_not_started_but_programs_run_and_it_can_be_given_up() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let start = scratch.script("start", &format!("touch {dir}/started\n"));
    let hook = scratch.script("hook", &format!("touch {dir}/hooked\n"));
    let sleeper = Sleeper(Command::new("sleep").arg("1000").spawn().expect("sleep"));
    scratch.write("web.pid", &format!("{}\n", sleeper.0.id()), 0o644);
    let rules = format!(
        "cycle: 200ms\nservices:\n- process: web\n  pidfile: {dir}/web.pid\n  start: {}\n  \
         mode: passive\n  rules:\n\
         \x20 - {{ if: does not exist, then: [restart, {{ exec: {} }}] }}\n\
         \x20 - {{ if: does not exist for 3 cycles, then: start }}\n\
         \x20 - {{ if: does not exist for 5 cycles, then: unmonitor }}\n",
        start.display(),
        hook.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_for("web", PATIENCE, |web| web["status"] == "ok");
    drop(sleeper);
    daemon.wait_log("'web' process is not running", PATIENCE);
    let hooked = until(PATIENCE, || scratch.at("hooked").exists().then_some(()));
    assert!(hooked.is_some(), "{}", daemon.said());
    // By then the rule that would start it has failed as well.
    daemon.wait_for("web", PATIENCE, |web| web["monitored"] == false);
    assert!(!scratch.at("started").exists(), "{}", daemon.said());
    let log = daemon.log();
    assert!(!log.contains("trying to"), "{}", daemon.said());
}

#[test]
fn the_files_limits_hold_for_programs_that_say_nothing() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let hang = scratch.script("hang", "exec sleep 1000\n");
    let hook = scratch.script("hook", "exec sleep 1001\n");
    let slow = scratch.script("slow", "exec sleep 1002\n");
    let (hang, hook, slow) = (hang.display(), hook.display(), slow.display());
    let rules = format!(
        "cycle: 200ms\n\
         limits: {{ program_timeout: 700ms, start_timeout: 800ms, exec_timeout: 900ms }}\n\
         services:\n\
         - {{ program: judged, path: {hang} }}\n\
         - {{ process: started, pidfile: {}, start: {slow}, rules: [] }}\n\
         - {{ file: told, path: {}, rules: [{{ if: does not exist, then: {{ exec: {hook} }} }}] }}\n\
         - {{ program: own, path: {{ program: {hang}, timeout: 1100ms }} }}\n",
        scratch.at("no.pid").display(),
        scratch.at("missing").display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    for words in [
        format!("Program '{hang}' timed out after 0.7 s"),
        format!("Program '{slow}' timed out after 0.8 s"),
        format!("Program '{hook}' timed out after 0.9 s"),
        format!("Program '{hang}' timed out after 1.1 s"),
    ] {
        daemon.wait_log(&words, PATIENCE);
    }
}
