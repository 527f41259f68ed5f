//! `cargo xtask run`: the daemon on a rule file, or, without one, the main job on real input: a
//! service that leaks is caught, restarted and explained on the terminal within half a minute.
//!
//! The debug build: it is there in half the time, and nothing here is measured.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::step::{cargo, root, step, target};

/// Arguments of `cargo xtask run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run this rule file instead of the demonstration
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How long the daemon may take for what it is asked at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Builds and runs.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "loading eBPF programs and restarting services needs root:\n  \
             sudo -E env \"PATH=$PATH\" cargo xtask run"
        );
    }
    let stop = Arc::new(AtomicBool::new(false));
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    // A terminal that is closed is the end as well.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    // Each by itself, as it was built before: together they would share other features, and build
    // half of their dependencies once more.
    println!("The first build takes some minutes.");
    step("build", &mut cargo("build --quiet --package ebpf-watchdog"))?;
    step("build what is watched", &mut cargo("build --quiet --package xtask --bin watched"))?;
    let daemon = target().join("debug/ebpf-watchdog");
    match args.config {
        Some(file) => plain(&daemon, &file),
        None => Show::open(daemon)?.play(&stop),
    }
}

/// The daemon in the foreground, on the user's own file.
fn plain(daemon: &Path, file: &Path) -> Result<ExitCode> {
    say("The daemon runs in the foreground; Ctrl-C ends it, and services go on running. Ask it:");
    say(&format!("  {} -c {} status", daemon.display(), file.display()));
    say("If the file has `http`, a line below names the page.");
    let mut child = Command::new(daemon).arg("-c").arg(file).arg("run").spawn()?;
    // Ctrl-C reaches the daemon from the terminal; we only wait for it to end in order.
    let status = child.wait()?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

/// The demonstration: a folder, the daemon in it, and the leaking service it keeps.
struct Show {
    daemon: PathBuf,
    rules: PathBuf,
    child: Child,
    port: u16,
    /// Last, so that it outlives everything in it.
    folder: tempfile::TempDir,
}

impl Show {
    /// Starts the daemon. Its files are copied to a folder of root's: it runs nothing, as root,
    /// that somebody else may write to, and a checkout usually belongs to somebody else.
    fn open(daemon: PathBuf) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ebpf-watchdog-demo-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in("/var/lib")?;
        let at = |name: &str| folder.path().join(name);
        fs::copy(target().join("debug/watched"), at("leaky"))?;
        fs::set_permissions(at("leaky"), Permissions::from_mode(0o755))?;
        let rules = at("demo.yaml");
        // Free now; nobody else is likely to take it within a second.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let text = fs::read_to_string(root().join("config/demo.yaml"))?
            .replace("$DEMO", &folder.path().display().to_string())
            .replace("$PORT", &port.to_string());
        fs::write(&rules, text)?;
        fs::set_permissions(&rules, Permissions::from_mode(0o600))?;
        let child = Command::new(&daemon)
            .arg("-c")
            .arg(&rules)
            .arg("run")
            .stdin(Stdio::null())
            // Ctrl-C is for us: the leaking service must be ended before the daemon is.
            .process_group(0)
            .spawn()
            .context("the daemon")?;
        Ok(Self { daemon, rules, child, port, folder })
    }

    /// Comments on what happens until Ctrl-C or the daemon's end.
    fn play(mut self, stop: &AtomicBool) -> Result<ExitCode> {
        say("A small service with two children leaks 8 MB a second. The rules allow it 60 MB:");
        say("watch it pass the limit, be restarted after 3 cycles of 2 s, and start again.");
        say(&format!("Rules: {}", self.rules.display()));
        say(&format!("Page:  http://127.0.0.1:{}/ (user demo, password demo)", self.port));
        say("Ctrl-C ends the daemon and the service.");
        let mut first = None;
        let mut told = false;
        while !stop.load(Ordering::Relaxed) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the daemon ended by itself: {status}");
            }
            let pid = if told { None } else { self.pid() };
            first = first.or(pid);
            if pid.is_some() && pid != first {
                told = true;
                say("That was it: parent and children together passed 60 MB and stayed there for");
                say("3 cycles, so all three were ended and the service was started again.");
                say("Look closer, from another terminal as root, or on the page:");
                say(&format!("  {} status", self.command_line()));
                say("It goes on like this until Ctrl-C.");
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        println!();
        self.close()
    }

    /// The service's main process; not known while it is starting.
    fn pid(&self) -> Option<u64> {
        let said = self.ask(&["status", "--json"])?;
        let status: Value = serde_json::from_slice(&said).ok()?;
        status["services"].as_array()?.iter().find(|one| one["name"] == "leaky")?["pid"].as_u64()
    }

    /// Ends the leaking service, then the daemon; by force what does not end.
    fn close(mut self) -> Result<ExitCode> {
        say("Ending the service and the daemon.");
        self.ask(&["stop", "leaky"]);
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let mut left = PATIENCE;
        while self.child.try_wait()?.is_none() {
            if left.is_zero() {
                self.child.kill()?;
            }
            let nap = Duration::from_millis(50);
            std::thread::sleep(nap);
            left = left.saturating_sub(nap);
        }
        self.folder.close()?;
        Ok(ExitCode::SUCCESS)
    }

    fn ask(&self, words: &[&str]) -> Option<Vec<u8>> {
        let mut command = Command::new(&self.daemon);
        command.arg("-c").arg(&self.rules).args(words).stdin(Stdio::null()).stderr(Stdio::null());
        command.output().ok().map(|said| said.stdout)
    }

    fn command_line(&self) -> String {
        format!("{} -c {}", self.daemon.display(), self.rules.display())
    }
}

/// A line of ours among the daemon's.
fn say(text: &str) {
    println!("▌ {text}");
}
