//! The built `ebpf-watchdog` on a scratch folder: start it with a rule file, ask it, end it.
//!
//! Not here: what it should do. Tests state that with the log, the status and the real processes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::scratch::Scratch;
use crate::until::until;

/// Longest wait for the daemon to come up or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test: `EBPF_WATCHDOG_BIN`, or built now (which is quick when it is built).
///
/// # Panics
/// If it does not build.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(path) = std::env::var_os("EBPF_WATCHDOG_BIN") {
            return path.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        // What cargo tells this test of its own package would make build scripts run again that look
        // at it (ring's does), and with them nearly everything.
        for (name, _) in std::env::vars_os() {
            let own =
                ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
            if name.to_str().is_some_and(|name| own.iter().any(|own| name.starts_with(own))) {
                build.env_remove(name);
            }
        }
        let built = build
            .args(["build", "--quiet", "--package", "ebpf-watchdog", "--bin", "ebpf-watchdog"])
            .status()
            .expect("cargo");
        assert!(built.success(), "ebpf-watchdog does not build");
        // target/debug/deps/<test> → target/debug/ebpf-watchdog
        let test = std::env::current_exe().expect("own path");
        test.ancestors().nth(2).expect("target folder").join("ebpf-watchdog")
    })
}

/// A running daemon. Dropped, it is ended in order and, if that fails, by force; the services that
/// it watches are the test's own business.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    rules: PathBuf,
    log: PathBuf,
    errors: PathBuf,
}

impl Daemon {
    /// Writes the rule file and starts the daemon. The lines `state_dir`, `control` and `log` are
    /// put before `rules`; everything else is the test's.
    ///
    /// # Panics
    /// If its socket does not answer in time: with all that it said.
    pub fn start(scratch: &Scratch, rules: &str) -> Self {
        Self::write_rules(scratch, rules);
        let mut daemon = Self::spawn(scratch);
        let up = until(PATIENCE, || {
            if let Some(status) = daemon.child.try_wait().expect("own child") {
                panic!("the daemon ended at once ({status}):\n{}", daemon.said());
            }
            daemon.try_status()
        });
        assert!(up.is_some(), "the daemon does not answer:\n{}", daemon.said());
        daemon
    }

    /// Starts the daemon on the rule file that is there already; does not wait.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn spawn(scratch: &Scratch) -> Self {
        Self::spawn_with_lock(scratch, &format!("test{}", scratch.path().display()))
    }

    /// As [`Daemon::spawn`], under a given name of the host-wide lock.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn spawn_with_lock(scratch: &Scratch, host_lock: &str) -> Self {
        Self::spawn_by(scratch, host_lock, Command::new(program()))
    }

    /// As [`Daemon::spawn`], by a program that takes the daemon's path and arguments and becomes it
    /// (`setpriv …`, `unshare …`).
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn spawn_under(scratch: &Scratch, launcher: &[&str]) -> Self {
        let (first, rest) = launcher.split_first().expect("a launcher");
        let mut command = Command::new(first);
        command.args(rest).arg(program());
        Self::spawn_by(scratch, &format!("test{}", scratch.path().display()), command)
    }

    fn spawn_by(scratch: &Scratch, host_lock: &str, mut command: Command) -> Self {
        let (rules, errors) = (scratch.at("rules.yaml"), scratch.at("daemon.err"));
        let out = File::options().create(true).append(true).open(&errors).expect("daemon.err");
        let child = command
            .arg("-c")
            .arg(&rules)
            .arg("run")
            // Tests beside each other, or beside a live daemon, are not one host's second.
            .env("EBPF_WATCHDOG_HOST_LOCK", host_lock)
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("daemon.err"))
            .stderr(out)
            .spawn()
            .expect("ebpf-watchdog");
        Self { child, rules, log: scratch.at("watchdog.log"), errors }
    }

    /// Writes (or replaces) the rule file, as `start` does.
    pub fn write_rules(scratch: &Scratch, rules: &str) -> PathBuf {
        let dir = scratch.path().display();
        let head = format!(
            "state_dir: {dir}/state\ncontrol: {{ socket: {dir}/control.sock }}\n\
             log: {{ file: {dir}/watchdog.log }}\n"
        );
        scratch.write("rules.yaml", &(head + rules), 0o600)
    }

    /// The daemon's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a command of the command line against this daemon.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn command(&self, words: &[&str]) -> Output {
        Command::new(program())
            .arg("-c")
            .arg(&self.rules)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .expect("ebpf-watchdog")
    }

    /// `status --json`, if it answers.
    pub fn try_status(&self) -> Option<Value> {
        serde_json::from_slice(&self.command(&["status", "--json"]).stdout).ok()
    }

    /// `status --json`. On a busy machine an answer may come too late for the command line: it is
    /// asked again.
    ///
    /// # Panics
    /// If the daemon does not answer.
    pub fn status(&self) -> Value {
        until(PATIENCE, || self.try_status())
            .unwrap_or_else(|| panic!("no status:\n{}", self.said()))
    }

    /// One service out of `status --json`.
    ///
    /// # Panics
    /// If the daemon does not answer or does not know it.
    pub fn service(&self, name: &str) -> Value {
        let status = self.status();
        let services = status["services"].as_array().expect("services");
        services
            .iter()
            .find(|service| service["name"] == name)
            .unwrap_or_else(|| panic!("no service {name} in {status}"))
            .clone()
    }

    /// Waits until one service's status passes `test`.
    ///
    /// # Panics
    /// If that takes longer than `limit`.
    pub fn wait_for(&self, name: &str, limit: Duration, test: impl Fn(&Value) -> bool) -> Value {
        until(limit, || Some(self.service(name)).filter(&test)).unwrap_or_else(|| {
            panic!("{name} is not as awaited: {}\n{}", self.service(name), self.said())
        })
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a text in the log, and gives back its line.
    ///
    /// # Panics
    /// If it does not come within `limit`.
    pub fn wait_log(&self, text: &str, limit: Duration) -> String {
        until(limit, || self.log().lines().find(|line| line.contains(text)).map(str::to_owned))
            .unwrap_or_else(|| panic!("not in the log: {text}\n{}", self.said()))
    }

    /// All that the daemon said, for a failing test's message.
    pub fn said(&self) -> String {
        let errors = fs::read_to_string(&self.errors).unwrap_or_default();
        format!("--- log ---\n{}--- standard error ---\n{errors}", self.log())
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If the daemon is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the daemon lives");
    }

    /// Ends it with TERM and tells how it ended.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn end(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait().unwrap_or_else(|| panic!("TERM does not end the daemon:\n{}", self.said()))
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        until(PATIENCE, || self.child.try_wait().expect("own child"))
    }

    /// Ends it as a crash does.
    ///
    /// # Panics
    /// Never in practice: it is our own child.
    pub fn crash(&mut self) {
        self.child.kill().expect("own child");
        self.child.wait().expect("own child");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(Signal::TERM);
            if self.wait().is_none() {
                self.crash();
            }
        }
    }
}
