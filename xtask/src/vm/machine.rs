//! One QEMU: started, spoken to over a serial line, and ended whatever happens.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::time::{ClockId, clock_gettime};

/// The guest's second serial line is this program's standard input and output.
const LINE: &str = "stdio,id=line,signal=off";
/// Emulated by software; x86-64-v2. Saved guests need the same again.
const HARDWARE: &str = "-accel tcg,thread=multi -cpu Nehalem -machine q35 -smp 2 -m 1024 \
    -nodefaults -no-user-config -no-reboot -display none -rtc base=utc";
/// Quiet, and without what costs time and protects nothing here.
const KERNEL: &str = "console=ttyS0 rw quiet panic=-1 systemd.show_status=0 mitigations=off nopti \
    nokaslr";

/// What a machine is made of. Paths are relative to `folder`.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// Where it runs.
    pub(crate) folder: &'a Path,
    /// Holds `vmlinux` and `initrd`.
    pub(crate) kernel: &'a str,
    /// More of the kernel's command line.
    pub(crate) settings: &'a str,
    /// What `-drive` says of each disk.
    pub(crate) disks: [String; 3],
    /// Where the console's text goes.
    pub(crate) console: &'a str,
    /// More arguments of QEMU.
    pub(crate) more: &'a [&'a str],
}

/// What a guest had to say.
#[derive(Debug)]
pub(crate) enum Heard {
    Line(String),
    /// No sign of life.
    Silence,
    /// It lives, but its time is over.
    Late,
}

/// A running machine; ended when dropped.
#[derive(Debug)]
pub(crate) struct Machine {
    child: Child,
    line: ChildStdin,
    heard: Receiver<String>,
    /// The file that the console's text goes to.
    console: PathBuf,
    /// On the monotonic clock.
    end: Duration,
}

impl Machine {
    /// Starts it, for at most `limit`. What comes over the line is kept in `log` too.
    pub(crate) fn start(parts: &Parts<'_>, log: &Path, limit: Duration) -> Result<Self> {
        // However we end, it does: the kernel sees to that.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
        command.args(HARDWARE.split_whitespace());
        command.args(["-kernel", &format!("{}/vmlinux", parts.kernel)]);
        command.args(["-initrd", &format!("{}/initrd", parts.kernel)]);
        command.args(["-append", &format!("{KERNEL} {}", parts.settings)]);
        for (number, disk) in parts.disks.iter().enumerate() {
            command.args(["-drive", &format!("if=none,format=raw,id=disk{number},{disk}")]);
            command.args(["-device", &format!("virtio-blk-pci,drive=disk{number}")]);
        }
        command.args(["-serial", &format!("file:{}", parts.console)]);
        command.args(["-chardev", LINE, "-serial", "chardev:line"]);
        let mut child = command
            .args(parts.more)
            .current_dir(parts.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("setpriv")?;
        let line = child.stdin.take().context("piped")?;
        let mut output = BufReader::new(child.stdout.take().context("piped")?);
        let mut log = File::create(log)?;
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
                // A full disk must not stop the machine.
                let _ = log.write_all(&bytes);
                let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                if tell.send(text).is_err() {
                    return;
                }
                bytes.clear();
            }
        });
        let console = parts.folder.join(parts.console);
        Ok(Self { child, line, heard, console, end: now() + limit })
    }

    /// From now on it has this much time.
    pub(crate) fn limit(&mut self, limit: Duration) {
        self.end = now() + limit;
    }

    /// The next line within `patience` and its time, if there is one; an error when the machine is
    /// gone.
    pub(crate) fn hear(&mut self, patience: Duration) -> Result<Option<String>> {
        match self.heard.recv_timeout(patience.min(self.end.saturating_sub(now()))) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("it has ended ({})", self.child.wait()?),
        }
    }

    /// Waits for a line that begins with `word` and gives the rest of it; `show` gets the others.
    pub(crate) fn await_line(&mut self, word: &str, mut show: impl FnMut(&str)) -> Result<String> {
        loop {
            let Some(line) = self.hear(Duration::MAX)? else { bail!("its time is over") };
            match line.strip_prefix(word) {
                Some(rest) => return Ok(rest.trim().to_owned()),
                None => show(&line),
            }
        }
    }

    /// The next line of a guest that gives signs of life: lines, or anything on its console, where
    /// what runs there beats time. An error when the machine is gone.
    pub(crate) fn hear_living(&mut self, silence: Duration) -> Result<Heard> {
        let mut told = self.console_bytes();
        let mut since = now();
        while now() < self.end {
            if let Some(line) = self.hear(Duration::from_secs(1))? {
                return Ok(Heard::Line(line));
            }
            if self.console_bytes() != told {
                told = self.console_bytes();
                since = now();
            }
            if now().saturating_sub(since) > silence {
                return Ok(Heard::Silence);
            }
        }
        Ok(Heard::Late)
    }

    fn console_bytes(&self) -> u64 {
        fs::metadata(&self.console).map_or(0, |file| file.len())
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.line, "{text}").context("the machine is gone")
    }

    /// Waits until it has switched itself off.
    pub(crate) fn wait(&mut self) -> Result<()> {
        while now() < self.end {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "QEMU: {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("it does not switch itself off")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Gone already when all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Since some moment in the past.
fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs().try_into().unwrap_or(0))
}
