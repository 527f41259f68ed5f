//! `cargo xtask setup`: the tools that build the kernel programs.
//!
//! Only needed to change them: building and running the project takes the committed object.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;

use anyhow::{Context, ensure};

/// A compiler that has the standard library's sources, and the libraries that bpf-linker links.
const PACKAGES: [&str; 7] = [
    "rustc-web",
    "rust-web-src",
    "cargo-web",
    "llvm-22-dev",
    "libpolly-22-dev",
    "zlib1g-dev",
    "libzstd-dev",
];
const LINKER: &str = "0.13.0";
const LLVM: &str = "/usr/lib/llvm-22";

/// Installs what is not there yet.
pub(crate) fn run() -> anyhow::Result<()> {
    packages(&PACKAGES)?;
    if linker_there() {
        println!("bpf-linker {LINKER}: there");
        return Ok(());
    }
    println!("bpf-linker {LINKER}: installing");
    ensure!(Path::new(LLVM).exists(), "{LLVM} is not there: bpf-linker cannot be linked");
    execute(
        Command::new("cargo")
            // Without it the build looks below /usr and the link fails.
            .env("LLVM_PREFIX", LLVM)
            .args(["install", "bpf-linker", "--version", LINKER])
            .args(["--no-default-features", "--features", "llvm-22"]),
    )
}

/// Installs those Debian packages of the list that are not there.
pub(crate) fn packages(names: &[&str]) -> anyhow::Result<()> {
    let missing: Vec<&str> = names.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Debian packages: installing {}", missing.join(" "));
    update()?;
    apt(&[&["install", "-y", "--no-install-recommends"], &missing[..]].concat())
}

/// Fetches the lists of what there is, once per run.
pub(crate) fn update() -> anyhow::Result<()> {
    static LISTS: Once = Once::new();
    let mut updated = Ok(());
    LISTS.call_once(|| updated = apt(&["update"]));
    updated
}

fn apt(words: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").args(words).env("DEBIAN_FRONTEND", "noninteractive");
    execute(command.stdin(Stdio::null())).context("Debian packages can only be installed as root")
}

fn installed(package: &str) -> bool {
    let status =
        Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Abbrev}", package]).output();
    status.is_ok_and(|output| output.stdout.starts_with(b"ii"))
}

fn linker_there() -> bool {
    let version = Command::new("bpf-linker").arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(LINKER))
}

fn execute(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().with_context(|| shown.clone())?;
    ensure!(status.success(), "{shown}: {status}");
    Ok(())
}
