//! Where systemd runs the host: units found, restarted and stopped, our own unit, and what such a
//! host grants. Ignored by default: guests run them (`cargo xtask vm`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use watchdog_tests::daemon::{Daemon, program};
use watchdog_tests::process::runs;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

/// An emulated guest runs a systemctl in some tenths of a second.
const PATIENCE: Duration = Duration::from_secs(60);
/// Cycles do not help here.
const CYCLE: &str = "cycle: 1h\n";

fn systemctl(words: &[&str]) {
    let status = Command::new("systemctl").args(words).status().expect("systemctl");
    assert!(status.success(), "systemctl {words:?}: {status}");
}

fn property(unit: &str, name: &str) -> String {
    let said = Command::new("systemctl")
        .args(["show", "--value", "--property", name, "--", unit])
        .output()
        .expect("systemctl");
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// A unit of the test's own; stopped and removed with it.
struct Unit {
    name: String,
    file: PathBuf,
}

impl Unit {
    /// Written and known to systemd; not started.
    fn write(name: &str, text: &str) -> Self {
        let name = format!("{name}.service");
        let file = Path::new("/run/systemd/system").join(&name);
        fs::write(&file, text).expect("a unit file (needs systemd)");
        systemctl(&["daemon-reload"]);
        Self { name, file }
    }

    /// With the lines of its section `[Service]`; started.
    fn start(name: &str, service: &str) -> Self {
        let unit = Self::write(name, &format!("[Service]\n{service}"));
        systemctl(&["start", &unit.name]);
        unit
    }

    fn main(&self) -> u64 {
        property(&self.name, "MainPID").parse().expect("a number")
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = Command::new("systemctl").args(["stop", &self.name]).status();
        let _ = fs::remove_file(&self.file);
        let _ = Command::new("systemctl").arg("daemon-reload").status();
    }
}

/// Waits until the daemon has the unit's main process, another than before.
fn found(daemon: &Daemon, unit: &Unit, former: u64) -> u64 {
    // Its status may tell of a death until the next cycle.
    let service = daemon.wait_for("web", PATIENCE, |web| {
        web["acting"].is_null() && web["pid"].as_u64().is_some_and(|pid| pid != former)
    });
    let pid = service["pid"].as_u64().expect("a pid");
    assert_eq!(pid, unit.main(), "{}", daemon.said());
    pid
}

fn kill(pid: u64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");
}

#[test]
#[ignore = "needs systemd"]
fn a_unit_is_found_again_after_a_restart_by_others_and_started_after_its_death() {
    let scratch = Scratch::new();
    let unit = Unit::start("watched", "ExecStart=/bin/sleep 600\n");
    let rules = format!("{CYCLE}services: [{{ process: web, unit: {} }}]\n", unit.name);
    let daemon = Daemon::start(&scratch, &rules);
    let first = found(&daemon, &unit, 0);
    systemctl(&["restart", &unit.name]);
    let second = found(&daemon, &unit, first);
    // systemd itself does not start it again.
    assert_eq!(property(&unit.name, "Restart"), "no");
    kill(second);
    let third = found(&daemon, &unit, second);
    assert!(!runs(second) && runs(third));
    daemon.wait_log("start: '/usr/bin/systemctl ", PATIENCE);
    assert_eq!(property(&unit.name, "ActiveState"), "active");
}

#[test]
#[ignore = "needs systemd"]
fn a_unit_with_a_restart_of_its_own_is_warned_about_however_it_is_named() {
    let scratch = Scratch::new();
    let unit = Unit::start("watched", "Restart=on-failure\nExecStart=/bin/sleep 600\n");
    scratch.write("web.pid", &format!("{}\n", unit.main()), 0o644);
    let rules = format!(
        "{CYCLE}services:\n- {{ process: web, unit: {} }}\n\
         - {{ process: same, pidfile: {}, start: /bin/true }}\n\
         - {{ process: told, pidfile: {1} }}\n",
        unit.name,
        scratch.at("web.pid").display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    let words = "unit watched.service has Restart=on-failure: systemd starts it again";
    for name in ["web", "same"] {
        let line = daemon.wait_log(&format!("'{name}' {words}"), PATIENCE);
        assert!(line.contains("systemctl edit watched.service"), "{line}");
        let service = daemon.service(name);
        assert!(service["advice"].as_str().is_some_and(|said| said.contains(words)), "{service}");
    }
    // Its rules do not start it.
    assert!(daemon.service("told")["advice"].is_null(), "{}", daemon.said());
    let checked = daemon.command(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && said.contains(words), "{checked:?}");
    assert_eq!(said.matches(words).count(), 1, "the rule file names one unit: {said}");
}

#[test]
#[ignore = "needs systemd"]
fn a_child_that_left_its_session_is_stopped_with_its_unit() {
    let scratch = Scratch::new();
    let note = scratch.at("escaped");
    let script = scratch.script(
        "web",
        &format!("setsid sleep 601 &\necho $! > {}\nexec sleep 600\n", note.display()),
    );
    // systemd ends the main process only.
    let unit =
        Unit::start("watched", &format!("KillMode=process\nExecStart={}\n", script.display()));
    let rules = format!("{CYCLE}services: [{{ process: web, unit: {} }}]\n", unit.name);
    let daemon = Daemon::start(&scratch, &rules);
    let main = found(&daemon, &unit, 0);
    let escaped = until(PATIENCE, || fs::read_to_string(&note).ok()?.trim().parse::<u64>().ok());
    let escaped = escaped.expect("its pid");
    assert!(runs(escaped));
    let stopped = daemon.command(&["stop", "web"]);
    assert!(stopped.status.success(), "{stopped:?}\n{}", daemon.said());
    assert!(!runs(main), "{}", daemon.said());
    assert!(!runs(escaped), "{}", daemon.said());
    assert_ne!(property(&unit.name, "ActiveState"), "active");
}

#[test]
#[ignore = "needs systemd"]
fn a_kill_for_the_units_own_memory_limit_is_told_as_such() {
    let scratch = Scratch::new();
    let go = scratch.at("go").display().to_string();
    // Once; what is started after that waits.
    let script = scratch.script(
        "web",
        &format!(
            "while [ ! -e {go} ]; do sleep 0.2; done\nrm {go}\nexec {} grow < {go}.input\n",
            load().display()
        ),
    );
    scratch.write("go.input", "small 96\n", 0o600);
    let unit = Unit::start(
        "watched",
        &format!("MemoryMax=32M\nMemorySwapMax=0\nExecStart={}\n", script.display()),
    );
    let rules = format!(
        "{CYCLE}services: [{{ process: web, unit: {}, rules: [{{ if: oom killed, then: alert }}] \
         }}]\n",
        unit.name
    );
    let daemon = Daemon::start(&scratch, &rules);
    let first = found(&daemon, &unit, 0);
    scratch.write("go", "", 0o600);
    let line = daemon.wait_log("by the OOM killer", PATIENCE);
    assert!(line.contains(&format!("process with pid {first} ")), "{line}");
    found(&daemon, &unit, first);
}

/// The program that grows; the other test programs lie beside it.
fn load() -> PathBuf {
    env!("CARGO_BIN_EXE_load").into()
}

#[test]
#[ignore = "needs systemd"]
fn pressure_of_the_host_is_known() {
    let scratch = Scratch::new();
    let rules = "cycle: 1s\nservices: [{ system: host, rules: [{ if: pressure (cpu) > 99.9% for 9 \
                 cycles, then: alert }] }]\n";
    let daemon = Daemon::start(&scratch, rules);
    let known = |host: &Value| host["metrics"]["pressure"]["memory"]["some"].is_number();
    let host = daemon.wait_for("host", PATIENCE, known);
    let share = host["metrics"]["pressure"]["cpu"]["some"].as_f64().expect("a number");
    assert!((0.0..=100.0).contains(&share), "{host}");
}

/// The unit file that users install, with its daemon killed under it.
#[test]
#[ignore = "needs systemd"]
fn our_own_unit_brings_a_killed_daemon_back_and_its_services_do_not_notice() {
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let start = scratch.script(
        "start",
        &format!("echo start >> {dir}/starts\nsetsid sleep 600 &\necho $! > {dir}/web.pid\n"),
    );
    fs::create_dir_all("/etc/ebpf-watchdog").expect("a folder");
    let rules = "/etc/ebpf-watchdog/ebpf-watchdog.yaml";
    let text = format!(
        "services: [{{ process: web, pidfile: {dir}/web.pid, start: {} }}]\n",
        start.display()
    );
    fs::write(rules, text).expect("rules");
    // Installed under that name in a guest.
    let installed = Path::new("/usr/local/sbin/ebpf-watchdog");
    if !installed.exists() {
        fs::copy(program(), installed).expect("installed");
    }
    let unit = Unit::write("ebpf-watchdog", include_str!("../../config/ebpf-watchdog.service"));
    systemctl(&["start", &unit.name]);
    let web = || {
        let said = Command::new(installed).args(["status", "--json"]).output().expect("status");
        let status: Value = serde_json::from_slice(&said.stdout).ok()?;
        let web = status["services"].as_array()?.first()?.clone();
        (web["status"] == "ok").then(|| web["pid"].as_u64())?
    };
    let first = until(PATIENCE, web).expect("the service is up");
    let daemon = unit.main();
    kill(daemon);
    let next = until(PATIENCE, || Some(unit.main()).filter(|pid| *pid != 0 && *pid != daemon));
    assert!(next.is_some(), "{}", property(&unit.name, "ActiveState"));
    assert_eq!(until(PATIENCE, web), Some(first), "the same process as before");
    systemctl(&["stop", &unit.name]);
    assert!(runs(first), "our end is not the end of what we watch");
    kill(first);
    let starts = fs::read_to_string(scratch.at("starts")).expect("starts");
    assert_eq!(starts.lines().count(), 1);
    fs::remove_file(rules).expect("ours");
}

/// In each kind of guest: what it lacks is named, the rest is had, and a death is answered.
#[test]
#[ignore = "needs systemd"]
fn what_a_host_lacks_is_named_and_a_death_is_answered_all_the_same() {
    let variant = std::env::var("EBPF_WATCHDOG_GUEST").expect("a guest");
    let scratch = Scratch::new();
    let daemon = Daemon::start(
        &scratch,
        // Each cycle it goes back to the class FIFO, if it was out of it.
        "cycle: 1s\nservices: [{ process: web, start: /bin/sleep 600 }]\n",
    );
    let web = |former: u64| {
        let web = daemon.wait_for("web", PATIENCE, |web| {
            web["status"] == "ok" && web["pid"].as_u64().is_some_and(|pid| pid != former)
        });
        web["pid"].as_u64().expect("a pid")
    };
    let first = web(0);
    let found = doctor(&scratch);
    println!("{found}");
    kill(first);
    web(first);
    assert!(daemon.command(&["stop", "web"]).status.success(), "{}", daemon.said());
    let missing: Vec<String> = found["missing"]
        .as_array()
        .expect("missing")
        .iter()
        .map(|one| format!("{} {}", one["what"], one["why"]))
        .collect();
    let named = |text: &str| missing.iter().any(|one| one.contains(text));
    let pressure = found["pressure"] == true;
    match variant.as_str() {
        "plain" => {
            assert_eq!((&found["mode"], pressure), (&"ebpf".into(), true), "{found}");
            assert_eq!(found["missing"], serde_json::json!([]));
        }
        "old" => {
            assert_eq!((&found["mode"], pressure), (&"ebpf".into(), false), "{found}");
            assert!(named("PSI"), "{found}");
            assert!(found["cgroup"].as_array().is_some_and(|all| all.contains(&1.into())));
        }
        "lockdown" => assert!(found["mode"] == "ebpf" || named("lockdown"), "{found}"),
        other => panic!("no such guest: {other}"),
    }
    // A systemd guest grants what root can grant.
    assert!(!named("FIFO") && !named("OOM killer"), "{found}");
    let read = |name: &str| {
        fs::read_to_string(format!("/proc/{}/{name}", daemon.pid())).expect("the daemon lives")
    };
    assert_eq!(read("oom_score_adj").trim(), "-900");
    // Field 41: the scheduler class; 1 is FIFO. In a slow guest it works for too long without a
    // pause now and then, and is in the normal class until its next cycle.
    let first = until(PATIENCE, || {
        daemon.try_status();
        (read("stat").trim_end().rsplit(' ').nth(11) == Some("1")).then_some(())
    });
    assert!(first.is_some(), "{}", daemon.said());
}

fn doctor(scratch: &Scratch) -> Value {
    let said = Command::new(program())
        .arg("-c")
        .arg(scratch.at("rules.yaml"))
        .args(["doctor", "--json"])
        .output()
        .expect("doctor");
    serde_json::from_slice(&said.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&said.stderr)))
}
