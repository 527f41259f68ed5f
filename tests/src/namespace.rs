//! Namespaces of a test's own: they go with the process that holds them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A process in them, for as long as this lives.
pub struct Namespace(Child);

impl Namespace {
    /// By these options of `unshare`; a shell prepares them by `script`, with `words` as `$0` and so on.
    ///
    /// # Panics
    /// They cannot be made or prepared.
    pub fn new(options: &[&str], script: &str, words: &[&OsStr]) -> Self {
        let mut child = Command::new("unshare")
            .args(options)
            .args(["sh", "-c", &format!("{script} && echo ready && exec sleep 600")])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        let space = Self(child);
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        space
    }

    /// Of the process, for `nsenter`.
    pub fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
