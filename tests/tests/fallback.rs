//! The daemon where the kernel refuses its programs: it starts, says what is missing, and works.
//!
//! Each refusal is a real one: capabilities taken away, a seccomp filter, a folder hidden.

use std::fs;
use std::time::Duration;

use ebpf_watchdog::clock::boot_now;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A launcher under which bpf(2), or one command of it, answers with an error.
fn refuse<'a>(errno: &'a str, command: &'a str) -> [&'a str; 3] {
    [env!("CARGO_BIN_EXE_refuse"), errno, command]
}

/// A service that daemonizes, and the rules for it.
fn service(scratch: &Scratch) -> String {
    let dir = scratch.path().display();
    let start = scratch.script(
        "start",
        &format!(
            "setsid sleep 600 >/dev/null 2>&1 &\necho $! >> {dir}/copies\necho $! > {dir}/web.pid\n"
        ),
    );
    format!(
        "cycle: 60s\nservices:\n  - process: web\n    pidfile: {dir}/web.pid\n    start: {}\n",
        start.display()
    )
}

/// Ends every copy of the service.
fn clear(scratch: &Scratch) {
    let copies = fs::read_to_string(scratch.at("copies")).unwrap_or_default();
    for pid in copies.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if name.trim() == "sleep" {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn up(daemon: &mut Daemon) -> Value {
    let up = until(PATIENCE, || {
        let status = daemon.try_status()?;
        status["services"].as_array()?.iter().find(|s| s["status"] == "ok").map(|_| status.clone())
    });
    up.unwrap_or_else(|| panic!("not up:\n{}", daemon.said()))
}

/// The daemon starts under the launcher, names the cause, and brings a killed service back.
fn works_without(launcher: &[&str], cause: &str) {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    Daemon::write_rules(&scratch, &service(&scratch));
    watchdog_tests::daemon::program();
    let begun = boot_now();
    let mut daemon = Daemon::spawn_under(&scratch, launcher);
    let answers = until(PATIENCE, || daemon.try_status());
    let took = boot_now().since(begun);
    assert!(answers.is_some(), "the daemon does not answer:\n{}", daemon.said());
    let status = up(&mut daemon);
    let sensor = &status["sensor"];
    assert_eq!(sensor["mode"], "fallback", "{sensor}");
    let missing = &sensor["missing"][0];
    let what = missing["what"].as_str().unwrap_or_default();
    assert!(what.contains(cause), "{missing}");
    assert!(!missing["why"].as_str().unwrap_or_default().is_empty(), "{missing}");
    assert!(!missing["cure"].as_str().unwrap_or_default().is_empty(), "{missing}");
    let line = daemon.wait_log("sensor is blind", PATIENCE);
    assert!(line.contains("error") && line.contains(cause), "{line}");

    // The cycle is a minute: only the death itself can bring it back in time.
    let pid = status["services"][0]["pid"].as_i64().expect("pid");
    let killed = boot_now();
    let target = Pid::from_raw(i32::try_from(pid).expect("pid")).expect("pid");
    kill_process(target, Signal::KILL).expect("the service lives");
    daemon.wait_log(&format!("process with pid {pid} "), PATIENCE);
    let known = boot_now().since(killed);
    let back = daemon.wait_for("web", PATIENCE, |web| {
        web["status"] == "ok" && web["pid"].as_i64().is_some_and(|new| new != pid)
    });
    let death = back["last_death"].as_str().unwrap_or_default().to_owned();
    println!("{cause}: answers after {took:?}; a death known after {known:?}: {death}");
    assert!(
        death.contains("killed by signal 9") || death.contains("how is not known"),
        "{death}: nobody may make it up"
    );
    assert_eq!(back["restarts"], 1);
    assert!(daemon.end().success());
    clear(&scratch);
}

#[test]
fn without_the_capabilities() {
    if need::program("setpriv").is_some() {
        works_without(&["setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin"], "CAP_BPF");
    }
}

#[test]
fn without_the_right_to_trace() {
    if need::program("setpriv").is_some() {
        works_without(&["setpriv", "--bounding-set=-perfmon,-sys_admin"], "CAP_PERFMON");
    }
}

#[test]
fn without_type_information() {
    if need::program("unshare").is_some() {
        let hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"";
        works_without(&["unshare", "--mount", "sh", "-c", hide, "sh"], "BTF");
    }
}

#[test]
fn under_a_seccomp_filter() {
    works_without(&refuse("1", "all"), "seccomp");
}

#[test]
fn on_a_kernel_without_bpf() {
    works_without(&refuse("38", "all"), "bpf(2)");
}

/// MAP_CREATE with EINVAL: what a kernel without the ring buffer answers.
#[test]
fn without_the_ring_buffer() {
    works_without(&refuse("22", "0"), "kernel");
}

/// PROG_LOAD refused for want of memory, and as too big.
#[test]
fn without_room_for_the_programs() {
    works_without(&refuse("12", "5"), "room");
    works_without(&refuse("7", "5"), "room");
}

/// Half way: the programs are loaded, RAW_TRACEPOINT_OPEN finds no tracepoint.
#[test]
fn without_a_tracepoint() {
    works_without(&refuse("2", "17"), "tracepoint");
}

/// LINK_CREATE refused: no iterator.
#[test]
fn without_iterators() {
    works_without(&refuse("22", "28"), "kernel");
}

#[test]
fn who_requires_the_programs_gets_78_and_the_cause() {
    if !need::root() {
        return;
    }
    for (launcher, cause) in [
        (refuse("1", "all"), "seccomp"),
        (refuse("12", "5"), "room"),
        (refuse("22", "0"), "kernel"),
    ] {
        let scratch = Scratch::new();
        Daemon::write_rules(&scratch, &format!("require_ebpf: true\n{}", service(&scratch)));
        let mut daemon = Daemon::spawn_under(&scratch, &launcher);
        let status = daemon.wait().expect("it ends");
        assert_eq!(status.code(), Some(78), "{}", daemon.said());
        let said = daemon.said();
        assert!(said.contains(cause) && said.contains("Cure:"), "{said}");
        assert!(fs::read_to_string(scratch.at("copies")).is_err(), "nothing was started");
    }
}
