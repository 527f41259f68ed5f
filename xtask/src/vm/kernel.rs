//! Debian's kernels: which package that is today, and the package's contents.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use super::cache::Cache;
use crate::step::step;

/// A kernel that tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// Debian 12's own
    #[value(name = "6.1")]
    V6_1,
    /// Debian 13's, as Debian 12's backport
    #[value(name = "6.12")]
    V6_12,
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
        })
    }
}

impl Kernel {
    pub(crate) const ALL: [Self; 2] = [Self::V6_1, Self::V6_12];

    /// The package that always depends on the newest build.
    fn meta_package(self) -> &'static str {
        match self {
            Self::V6_1 => "linux-image-cloud-amd64",
            Self::V6_12 => "linux-image-6.12-cloud-amd64",
        }
    }

    /// The newest build's package: another with every point release.
    pub(crate) fn package(self) -> Result<String> {
        let meta = self.meta_package();
        let said = Command::new("apt-cache").args(["depends", "--important", meta]).output()?;
        let said = String::from_utf8_lossy(&said.stdout);
        let name = said
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with(&format!("linux-image-{self}.")))
            .with_context(|| {
                format!("apt knows no kernel {self} ({meta}): is this Debian 12, and are its lists there (apt-get update)?")
            })?;
        Ok(name.to_owned())
    }

    /// The unpacked package; fetched if it is not there.
    pub(crate) fn files(self, cache: &Cache) -> Result<PathBuf> {
        let package = self.package()?;
        let folder = cache.shared().join(&package);
        if folder.is_dir() {
            return Ok(folder);
        }
        let fresh = tempfile::tempdir_in(cache.shared())?;
        let mut fetch = Command::new("apt-get");
        fetch.args(["--quiet", "--quiet", "download", &package]).current_dir(fresh.path());
        // apt's own user cannot write there, which it says at length and does not matter.
        fetch.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=5"]);
        step(&format!("fetch {package}"), &mut fetch)?;
        let archive = only(fresh.path())?;
        let unpacked = fresh.path().join("files");
        let mut unpack = Command::new("dpkg-deb");
        step("unpack it", unpack.arg("--extract").arg(archive).arg(&unpacked))?;
        fs::rename(unpacked, &folder)?;
        Ok(folder)
    }
}

/// The only entry of a folder.
pub(crate) fn only(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    ensure!(entries.len() == 1, "{} has {} entries, not one", folder.display(), entries.len());
    Ok(entries.remove(0).path())
}

/// Unpacks the kernel that is in a bzImage: under emulation, unpacking itself would take seconds.
pub(crate) fn unpack(image: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(image)?;
    let packed = packed(&bytes).with_context(|| format!("{} is no bzImage", image.display()))?;
    let tool = match packed {
        [0x02, 0x21, 0x4c, 0x18, ..] => "lz4",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz",
        [0x1f, 0x8b, ..] => "gzip",
        _ => bail!("{} is packed in a way that is not known here", image.display()),
    };
    let mut child = Command::new(tool)
        .args(["-d", "-c"])
        .stdin(Stdio::piped())
        .stdout(fs::File::create(to)?)
        .spawn()
        .with_context(|| tool.to_owned())?;
    child.stdin.take().context("piped")?.write_all(packed)?;
    ensure!(child.wait()?.success(), "{tool} cannot unpack {}", image.display());
    ensure!(fs::read(to)?.starts_with(b"\x7fELF"), "{} holds no ELF file", image.display());
    Ok(())
}

/// The packed kernel in a bzImage, by its boot header (Documentation/arch/x86/boot.rst), without
/// the length that follows it.
fn packed(image: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| {
        let bytes: [u8; 4] = image.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let sectors = match image.get(0x1f1)? {
        0 => 4,
        n => usize::from(*n),
    };
    let begin = (sectors + 1) * 512 + word(0x248)?;
    image.get(begin..(begin + word(0x24c)?).checked_sub(4)?)
}
