//! Services that somebody else stops and starts: the daemon has them again long before its next
//! cycle. And services in a pid namespace of their own, seen from the host.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ebpf_watchdog::clock::boot_now;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);
/// Cycles do not help here.
const CYCLE: &str = "cycle: 1h\n";

/// A child of the test's own, ended with it.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts"))
    }

    fn pid(&self) -> u64 {
        self.0.id().into()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of its own: a copy of sleep.
fn program(scratch: &Scratch, name: &str) -> PathBuf {
    let path = scratch.at(name);
    fs::copy("/bin/sleep", &path).expect("a copy of sleep");
    path
}

/// A cgroup in the first hierarchy that there is, removed with the test.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str) -> Self {
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let root =
            roots.iter().find(|root| fs::exists(format!("{root}/cgroup.procs")).unwrap_or(false));
        let root = root.expect("a cgroup hierarchy of version 2");
        let folder = PathBuf::from(format!("{root}/ebpf-watchdog-{}-{name}", std::process::id()));
        fs::create_dir(&folder).expect("a cgroup (needs root)");
        Self(folder)
    }

    fn path(&self) -> String {
        format!("/{}", self.0.file_name().expect("a name").to_string_lossy())
    }

    /// A command that goes into it before it becomes the program.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        let list = self.0.join("cgroup.procs");
        command.args(["-c", &format!("echo $$ > {} && exec {program}", list.display())]);
        command
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        until(PATIENCE, || fs::remove_dir(&self.0).ok());
    }
}

/// Waits until the daemon has this very process, and tells how long that took.
fn found(daemon: &Daemon, name: &str, pid: u64) -> Duration {
    let begin = boot_now();
    daemon.wait_for(name, PATIENCE, |service| service["pid"] == pid && service["status"] == "ok");
    let took = boot_now().since(begin);
    eprintln!("{name}: found after {took:.3?} (the asking included)");
    took
}

/// Waits until the daemon knows that it is down.
fn down(daemon: &Daemon, name: &str) {
    daemon.wait_for(name, PATIENCE, |service| service["pid"].is_null());
}

#[test]
fn a_service_that_others_restart_is_found_at_once() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let (by_file, by_exe) = (program(&scratch, "by-file"), program(&scratch, "by-exe"));
    let (by_args, by_cgroup) = (program(&scratch, "by-args"), program(&scratch, "by-cgroup"));
    let cgroup = Cgroup::new("found");
    let alert = "rules: [{ if: does not exist, then: alert }]";
    let rules = format!(
        "{CYCLE}services:\n\
         - {{ process: pidfile, pidfile: {dir}/run/web.pid, {alert} }}\n\
         - {{ process: exe, match: {{ exe: {} }}, {alert} }}\n\
         - {{ process: args, match: {{ args: '^{} 60[0-9]$' }}, {alert} }}\n\
         - {{ process: cgroup, cgroup: {}, {alert} }}\n",
        by_exe.display(),
        by_args.display(),
        cgroup.path(),
    );
    let sleep =
        |program: &PathBuf, seconds: &str| Process::start(Command::new(program).arg(seconds));
    let boxed = || Process::start(&mut cgroup.command(&format!("{} 600", by_cgroup.display())));
    let exe = sleep(&by_exe, "600");
    let args = sleep(&by_args, "600");
    let inside = boxed();
    // Not even the folder of the pidfile is there when the daemon starts.
    let daemon = Daemon::start(&scratch, &rules);
    found(&daemon, "exe", exe.pid());
    found(&daemon, "args", args.pid());
    found(&daemon, "cgroup", inside.pid());
    down(&daemon, "pidfile");
    let write = |pid: u64| {
        fs::create_dir_all(scratch.at("run")).expect("a folder");
        fs::write(scratch.at("run/web.pid"), format!("{pid}\n")).expect("a pidfile");
    };
    let first = sleep(&by_file, "600");
    write(first.pid());
    found(&daemon, "pidfile", first.pid());
    for (name, former) in [("exe", exe), ("args", args), ("cgroup", inside), ("pidfile", first)] {
        drop(former);
        down(&daemon, name);
        let next = match name {
            "exe" => sleep(&by_exe, "600"),
            "args" => sleep(&by_args, "601"),
            "cgroup" => boxed(),
            _ => {
                let next = sleep(&by_file, "600");
                // A daemon writes its pidfile some moments after it has begun.
                std::thread::sleep(Duration::from_millis(100));
                write(next.pid());
                next
            }
        };
        found(&daemon, name, next.pid());
        drop(next);
    }
}

#[test]
fn who_comes_into_the_cgroup_of_a_service_belongs_to_it_and_is_stopped_with_it() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let own = program(&scratch, "own");
    let cgroup = Cgroup::new("company");
    let line = format!("{} 600", own.display());
    let main = Process::start(&mut cgroup.command(&line));
    let rules = format!(
        "{CYCLE}services: [{{ process: box, cgroup: {}, start: /bin/false, \
         rules: [{{ if: does not exist, then: alert }}] }}]\n",
        cgroup.path()
    );
    let daemon = Daemon::start(&scratch, &rules);
    found(&daemon, "box", main.pid());
    // No child of the main process.
    let beside = Process::start(&mut cgroup.command(&line));
    let children = |count: u64| {
        until(PATIENCE, || {
            daemon.command(&["validate"]);
            (daemon.service("box")["metrics"]["children"] == count).then_some(())
        })
        .unwrap_or_else(|| panic!("not {count}: {}\n{}", daemon.service("box"), daemon.said()));
    };
    children(1);
    let stopped = daemon.command(&["stop", "box"]);
    assert!(stopped.status.success(), "{stopped:?}\n{}", daemon.said());
    for mut one in [main, beside] {
        let ended = until(PATIENCE, || one.0.try_wait().expect("own child"));
        assert!(ended.is_some_and(|status| !status.success()), "ended by a signal: {ended:?}");
    }
}

#[test]
fn a_service_in_a_pid_namespace_is_known_by_the_hosts_pid() {
    if !need::root() {
        return;
    }
    let Some(unshare) = need::program("unshare") else { return };
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    let inner = program(&scratch, "inner");
    // Its pid 1 is a shell; the service and its child write down who they think they are.
    let lines = format!(
        "sh -c 'echo $$ > {dir}/inner.pid; {0} 600 & exec {0} 601' & wait",
        inner.display()
    );
    let mut command = Command::new(unshare);
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", &lines]);
    let container = Process::start(command.process_group(0));
    let inside = until(PATIENCE, || {
        let text = fs::read_to_string(scratch.at("inner.pid")).ok()?;
        text.trim().parse::<u64>().ok()
    });
    let inside = inside.expect("it writes its pid");
    // What has the inner number on the host must never be signalled.
    let exe = inner.display();
    let rules = format!(
        "{CYCLE}services:\n\
         - {{ process: named, pidfile: {dir}/inner.pid, match: {{ exe: {exe} }}, start: /bin/false, \
         rules: [{{ if: does not exist, then: alert }}] }}\n\
         - {{ process: seen, match: {{ exe: {exe}, args: ' 601$' }}, start: /bin/false, \
         rules: [{{ if: does not exist, then: alert }}] }}\n"
    );
    let daemon = Daemon::start(&scratch, &rules);
    let seen = daemon.wait_for("seen", PATIENCE, |service| service["status"] == "ok");
    let pid = seen["pid"].as_u64().expect("a pid");
    assert_ne!(pid, inside, "the host's number, not the inner one");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the host's process");
    let numbers = status.lines().find(|line| line.starts_with("NSpid:")).expect("NSpid");
    assert_eq!(numbers.split_whitespace().last(), Some(inside.to_string().as_str()), "{numbers}");
    down(&daemon, "named");
    // The group follows inside as well: its child, which is no child of anybody on the host's side.
    let members = until(PATIENCE, || {
        daemon.command(&["validate"]);
        (daemon.service("seen")["metrics"]["children"] == 1).then_some(())
    });
    assert!(members.is_some(), "{}\n{}", daemon.service("seen"), daemon.said());
    let stopped = daemon.command(&["stop", "named"]);
    let text = daemon.said();
    assert!(!text.contains(&format!("TERM to process {inside} ")), "{stopped:?}\n{text}");
    assert!(fs::exists(format!("/proc/{pid}")).unwrap_or(false), "nor is the service itself");
    let stopped = daemon.command(&["stop", "seen"]);
    assert!(stopped.status.success(), "{stopped:?}\n{}", daemon.said());
    drop(container);
}
