//! A load that is told what to do, line by line, and answers with a number: `strain` of the tests.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

/// The running load. It ends with its input, and all that it began with it.
#[derive(Debug)]
pub(super) struct Strain {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Strain {
    /// Starts it; with a pidfile to be watched by.
    pub(super) fn start(program: &Path, pidfile: Option<&Path>) -> Result<Self> {
        let mut child = Command::new(program)
            .args(pidfile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("piped")?);
        let mut strain = Self { child, input, output };
        // Once it answers, its pidfile is there.
        strain.ask("free")?;
        Ok(strain)
    }

    /// Does what the line says and waits for the answer.
    pub(super) fn ask(&mut self, line: &str) -> Result<u64> {
        let input = self.input.as_mut().context("ended")?;
        writeln!(input, "{line}").with_context(|| format!("load {line:?}"))?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        answer.trim().parse().with_context(|| format!("load {line:?} answered {answer:?}"))
    }
}

impl Drop for Strain {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
            eprintln!("the load: {error}");
        }
    }
}
