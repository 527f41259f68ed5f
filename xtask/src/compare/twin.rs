//! One tool with a folder of its own: started on a situation, asked, ended with all that it started.

use std::fs::{self, File, Permissions};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::mailbox::Mailbox;
use super::seclusion::Seclusion;
use super::situation::{Situation, Who};

/// The programs of a run.
#[derive(Debug)]
pub(super) struct Programs {
    pub monit: PathBuf,
    pub ours: PathBuf,
    pub actor: PathBuf,
}

/// A program that each cycle runs: how many there were is what it leaves behind. Last, so that all
/// others have had their turn.
const METRONOME_OF_MONIT: &str = "check program metronome with path \"{dir}/actor tick {dir}/ticks\"\n \
    if status != 0 then alert\n";
const METRONOME_OF_OURS: &str = "  - program: metronome\n    path: {dir}/actor tick {dir}/ticks\n    \
    rules: [{ if: \"status != 0\", then: alert }]\n";

/// A running tool.
#[derive(Debug)]
pub(super) struct Twin<'a> {
    pub who: Who,
    pub folder: PathBuf,
    pub mailbox: Mailbox,
    program: &'a Path,
    seclusion: Seclusion,
    rules: PathBuf,
    /// Free when the tool was started; for a server of the situation's.
    port: u16,
    /// The tool's parent.
    nurse: Child,
}

impl<'a> Twin<'a> {
    /// Makes the folder, runs what comes before, and starts the tool; `folder` is not there yet.
    pub(super) fn start(
        who: Who,
        programs: &'a Programs,
        folder: PathBuf,
        situation: &Situation,
    ) -> Result<Self> {
        fs::create_dir(&folder)?;
        // Not copied: a file that is open for writing, in a child of another thread's too, cannot be run.
        fs::hard_link(&programs.actor, folder.join("actor"))?;
        let mailbox = Mailbox::open()?;
        let port = free_port()?;
        let seclusion = Seclusion::new(situation.apart)?;
        shell(&seclusion, &folder, port, situation.before)?;
        let dir = folder.display().to_string();
        let (head, rules, program) = match who {
            Who::Monit => (
                format!(
                    "set daemon 1\nset logfile {dir}/log\nset idfile {dir}/id\n\
                     set statefile {dir}/state\nset pidfile {dir}/monit.pid\nset httpd unixsocket {dir}/sock\n \
                     allow admin:monit\n{}\n",
                    situation.monit_head
                ),
                format!("{}{}", situation.monit, METRONOME_OF_MONIT),
                programs.monit.as_path(),
            ),
            Who::Ours => (
                format!(
                    "cycle: 1s\nmemory: rss\nstate_dir: {dir}/state\n\
                     control: {{ socket: {dir}/sock }}\nlog: {{ file: {dir}/log }}\n{}\nservices:\n",
                    situation.ours_head
                ),
                format!("{}{}", situation.ours, METRONOME_OF_OURS),
                programs.ours.as_path(),
            ),
        };
        let text = (head + &rules)
            .replace("{dir}", &dir)
            .replace("{port}", &port.to_string())
            .replace("{mailport}", &mailbox.port().to_string());
        let rules = folder.join("rules");
        fs::write(&rules, text)?;
        fs::set_permissions(&rules, Permissions::from_mode(0o600))?;
        let said = File::create(folder.join("said"))?;
        let mut command = seclusion.command(&folder.join("actor"));
        command
            .arg("nurse")
            .arg(folder.join("tool.pid"))
            .arg(program)
            .arg("-c")
            .arg(&rules)
            .arg(if who == Who::Ours { "run" } else { "-I" });
        let nurse = command
            // Side by side they are no second daemon of one host.
            .env("EBPF_WATCHDOG_HOST_LOCK", format!("compare{dir}"))
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .with_context(|| program.display().to_string())?;
        Ok(Self { who, folder, mailbox, program, seclusion, rules, port, nurse })
    }

    /// Its log so far.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Its log with the port as a letter, as other tools have others.
    pub(super) fn portless_log(&self) -> String {
        self.log().replace(&format!(":{}", self.port), ":P")
    }

    /// The log and what it said besides, for people.
    pub(super) fn said(&self) -> String {
        let said = fs::read(self.folder.join("said")).unwrap_or_default();
        format!("{:?}:\n{}{}", self.who, self.log(), String::from_utf8_lossy(&said))
    }

    /// How many cycles it has had.
    pub(super) fn cycles(&self) -> u64 {
        fs::metadata(self.folder.join("ticks")).map_or(0, |file| file.len())
    }

    /// A shell command in its folder.
    pub(super) fn shell(&self, line: &str) -> Result<()> {
        shell(&self.seclusion, &self.folder, self.port, line)
    }

    /// A command of its command line; how it ends is the log's matter.
    pub(super) fn order(&self, words: &str) -> Result<()> {
        Command::new(self.program)
            .arg("-c")
            .arg(&self.rules)
            .args(words.split(' '))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(())
    }

    /// A signal to it, while it runs.
    pub(super) fn signal(&mut self, signal: Signal) -> Result<()> {
        ensure!(self.lives(), "{:?} has ended", self.who);
        // It lives as long as its nurse, which has buried it when it ends.
        let pid = fs::read_to_string(self.folder.join("tool.pid"))?.trim().parse()?;
        Ok(kill_process(Pid::from_raw(pid).context("a pid")?, signal)?)
    }

    /// Whether it still runs.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.nurse.try_wait(), Ok(None))
    }
}

impl Drop for Twin<'_> {
    fn drop(&mut self) {
        let _gone_already = self.signal(Signal::TERM);
        let mut left = 1_000;
        while self.lives() {
            left -= 1;
            if left == 0 {
                eprintln!("{:?} did not end on TERM", self.who);
                let _gone_now = self.nurse.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // What runs a program of this folder was started by this tool or this play.
        for _ in 0..10 {
            let mut ended = 0;
            for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
                let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
                let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
                if let Some(pid) = pid.and_then(Pid::from_raw)
                    && program.starts_with(&self.folder)
                {
                    ended += usize::from(kill_process(pid, Signal::KILL).is_ok());
                }
            }
            if ended == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A port of loopback that is free now, given once only. Of those that the kernel gives to nobody by
/// itself: no connection of another situation gets it before the situation's server listens.
fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = (std::process::id().wrapping_mul(97) % 10_000) as u16;
    (0..10_000)
        .map(|_| 21_000 + own.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000)
        .find(|port| {
            let at = ("127.0.0.1", *port);
            TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
        })
        .context("no free port")
}

/// Runs a line with the folder as the working directory.
fn shell(seclusion: &Seclusion, folder: &Path, port: u16, line: &str) -> Result<()> {
    let status = seclusion
        .command(Path::new("/bin/sh"))
        .args(["-ec", &format!("cd \"$DIR\"\n{line}")])
        .env("DIR", folder)
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "`{line}`: {status}");
    Ok(())
}
