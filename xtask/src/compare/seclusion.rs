//! Mounts and networks of one tool's own, so that a link can fall and a file system fill.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};

use super::situation::Apart;

/// The namespaces of one tool, held by a process that sleeps.
#[derive(Debug)]
pub(super) struct Seclusion(Option<Child>);

impl Seclusion {
    pub(super) fn new(apart: Apart) -> Result<Self> {
        let (kinds, prepare): (&[&str], _) = match apart {
            Apart::Folder => return Ok(Self(None)),
            Apart::Mounts => (&["--mount"], "true"),
            // With a `/sys` that shows these networks.
            Apart::Networks => {
                (&["--mount", "--net"], "mount -t sysfs sysfs /sys && ip link set lo up")
            }
        };
        let mut holder = Command::new("unshare")
            .args(kinds)
            .args(["sh", "-c", &format!("{prepare} && echo ready && exec sleep 1200")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = holder.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let held = Self(Some(holder));
        ensure!(line == "ready\n", "no namespaces of its own");
        Ok(held)
    }

    /// A program that sees them. Its working directory may be another than ours.
    pub(super) fn command(&self, program: &Path) -> Command {
        let Some(holder) = &self.0 else { return Command::new(program) };
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--net", "--target", &holder.id().to_string(), "--"]).arg(program);
        command
    }
}

impl Drop for Seclusion {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.0 {
            let _gone = holder.kill();
            let _buried = holder.wait();
        }
    }
}
