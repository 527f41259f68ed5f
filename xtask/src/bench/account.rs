//! CPU time of a set of processes, dead children included, as the kernel's own control group
//! counts it: to the microsecond, whatever the wall clock does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// A control group (version 2) of our own. Removed when dropped, by when it must be empty.
#[derive(Debug)]
pub(super) struct Account(PathBuf);

impl Account {
    pub(super) fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = mount()?.join(format!("ebpf-watchdog-bench-{}-{n}", std::process::id()));
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    /// Puts a process in; what it starts from now on is in as well.
    pub(super) fn enter(&self, pid: u32) -> Result<()> {
        fs::write(self.0.join("cgroup.procs"), pid.to_string())
            .with_context(|| format!("process {pid} into {}", self.0.display()))
    }

    /// Runs a program in it from its first instruction; what it says is nobody's matter.
    pub(super) fn run(&self, command: &Command) -> Result<ExitStatus> {
        let mut inside = Command::new("/bin/sh");
        inside.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(self.0.join("cgroup.procs"));
        inside.arg(command.get_program()).args(command.get_args());
        inside.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(inside.status()?)
    }

    /// CPU seconds of all that is or was in it.
    pub(super) fn seconds(&self) -> Result<f64> {
        let text = fs::read_to_string(self.0.join("cpu.stat"))?;
        let micros: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "))
            .context("no usage_usec in cpu.stat")?
            .parse()?;
        Ok(micros / 1e6)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // A process that has just ended may still be leaving.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        eprintln!("left behind: {}", self.0.display());
    }
}

/// Where control groups of version 2 are mounted, also beside version 1.
fn mount() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&"cgroup2"))
        .map(|fields| Path::new(fields[1]).to_owned())
        .context("no cgroup2 is mounted")
}
