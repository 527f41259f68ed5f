//! What a test needs of the machine. A missing thing skips the test aloud; where `CI` is set a
//! skip is a failure, so that nothing is believed to be tested that is not.

use std::path::{Path, PathBuf};

/// Tells why the test cannot run here.
///
/// # Panics
/// Where `CI` is set.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped in CI: {why}");
    eprintln!("SKIPPED: {why}");
}

/// A program by name, in the usual folders; none: the test is skipped.
pub fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        skip(&format!("{name} is not installed (cargo xtask setup --tests)"));
    }
    found
}

/// Root; not root: the test is skipped.
pub fn root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("needs root");
    }
    root
}
