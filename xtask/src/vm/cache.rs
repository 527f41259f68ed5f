//! Where the guests' disks, kernels and saved states lie, and what makes them out of date.
//!
//! Everything in it can be lost: it is made again in about a minute.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::kernel::Kernel;
use crate::setup;
use crate::step::target;

/// What goes into a guest, or decides how it is made: other text, another cache.
const MAKERS: [&str; 7] = [
    include_str!("../../../tests/vm/init"),
    include_str!("../../../tests/vm/agent"),
    include_str!("../../../tests/vm/agent.service"),
    include_str!("image.rs"),
    include_str!("kernel.rs"),
    include_str!("machine.rs"),
    include_str!("snapshot.rs"),
];

/// What all guests of a folder start from.
pub(crate) const DISK: &str = "base.img";

/// The cache, held against a second `cargo xtask vm`.
#[derive(Debug)]
pub(crate) struct Cache {
    shared: PathBuf,
    folder: PathBuf,
    _held: File,
}

impl Cache {
    /// In `EBPF_WATCHDOG_VM_CACHE`, or in the target folder. Waits while another uses it.
    pub(crate) fn open() -> Result<Self> {
        let shared = std::env::var_os("EBPF_WATCHDOG_VM_CACHE")
            .map_or_else(|| target().join("vm"), PathBuf::from);
        fs::create_dir_all(&shared).with_context(|| shared.display().to_string())?;
        let shared = shared.canonicalize()?;
        let held = File::create(shared.join("lock"))?;
        held.lock()?;
        let mut folder = shared.join(format!("guests-{}", key()?));
        if !folder.join(DISK).is_file() {
            // Old lists name packages that are no longer to be had.
            setup::update()?;
            folder = shared.join(format!("guests-{}", key()?));
        }
        for entry in fs::read_dir(&shared)? {
            let entry = entry?;
            let outdated = entry.file_name().to_string_lossy().starts_with("guests-");
            if outdated && entry.path() != folder {
                fs::remove_dir_all(entry.path())?;
            }
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { shared, folder, _held: held })
    }

    /// What does not depend on us: packages.
    pub(crate) fn shared(&self) -> &Path {
        &self.shared
    }

    /// Something of the present guests'.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A kernel's folder: `vmlinux`, `initrd`, and the saved guest.
    pub(crate) fn kernel(&self, kernel: Kernel) -> PathBuf {
        self.folder.join(kernel.to_string())
    }
}

/// A saved guest is only good for the same QEMU, kernel, disk and arguments.
fn key() -> Result<String> {
    let qemu = Command::new("qemu-system-x86_64").arg("--version").output();
    let qemu = qemu.context("qemu-system-x86_64 (cargo xtask setup --tests)")?;
    ensure!(qemu.status.success(), "qemu-system-x86_64 does not run");
    let qemu = String::from_utf8_lossy(&qemu.stdout);
    let packages = Kernel::ALL.map(Kernel::package).into_iter().collect::<Result<Vec<_>>>()?;
    let mut all = vec![qemu.as_ref()];
    all.extend(packages.iter().map(String::as_str));
    all.extend(MAKERS);
    Ok(digest(&all))
}

/// A short name for texts.
pub(crate) fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
