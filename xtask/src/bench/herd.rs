//! Processes that only sleep: what a host is full of.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// So many sleeping processes. They end when this is dropped, or when we die.
#[derive(Debug)]
pub(super) struct Herd(Child);

impl Herd {
    pub(super) fn start(load: &Path, count: u32) -> Result<Self> {
        let mut parent = Command::new(load)
            .args(["sleepers", &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(parent.stdout.take().context("piped")?).read_line(&mut line)?;
        ensure!(line == "ready\n", "{count} sleeping processes could not be started");
        Ok(Self(parent))
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            eprintln!("the sleeping processes: {error}");
        }
    }
}
