//! What a guest starts from: one disk with a small Debian and all kernels' modules, and per kernel
//! the kernel itself with an initial file system that finds that disk.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::cache::{Cache, DISK, digest};
use super::kernel::{Kernel, only, unpack};
use crate::step::{root, step};

/// Debian 12 with what a server always has. Nothing is installed in the guest later.
const SUITE: &str = "bookworm";
const PACKAGES: &str = "systemd,systemd-sysv,dbus,udev,kmod,procps,iproute2,strace";
const LEFT_OUT: [&str; 3] = ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*"];

/// Would start at their own time, and the guest's clock jumps when it is restored.
const MASKED: [&str; 5] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "e2scrub_all.timer",
];

/// Disk drivers in the order that they need each other. What is built in is not found, which is fine.
const MODULES: [&str; 6] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
];

/// Makes what is missing.
pub(crate) fn build(cache: &Cache) -> Result<()> {
    let disk = cache.at(DISK);
    if disk.is_file() {
        return Ok(());
    }
    let packages: Vec<(Kernel, PathBuf)> = Kernel::ALL
        .into_iter()
        .map(|kernel| Ok((kernel, kernel.files(cache)?)))
        .collect::<Result<_>>()?;
    let system = system(cache)?;
    println!("── the guests' disk");
    for (kernel, files) in &packages {
        boot_files(&cache.kernel(*kernel), files)?;
    }
    let fresh = tempfile::tempdir_in(cache.shared())?;
    let tree = fresh.path().join("root");
    fs::create_dir(&tree)?;
    quiet(Command::new("tar").arg("-xf").arg(system).arg("-C").arg(&tree))?;
    for (_, files) in &packages {
        let modules = only(&files.join("lib/modules"))?;
        let to = tree.join("lib/modules");
        fs::create_dir_all(&to)?;
        quiet(Command::new("cp").arg("-a").arg(&modules).arg(&to))?;
        let release = modules.file_name().context("a release")?;
        quiet(Command::new("chroot").arg(&tree).arg("depmod").arg(release))?;
    }
    settle(&tree)?;
    // The name is the sign that all is there.
    let image = fresh.path().join(DISK);
    let mut make = Command::new("mke2fs");
    make.args(["-q", "-t", "ext4", "-O", "^metadata_csum", "-m", "0", "-d"]);
    quiet(make.arg(&tree).arg(&image).arg("1G"))?;
    fs::rename(image, disk)?;
    Ok(())
}

/// A small Debian as an archive, made once.
fn system(cache: &Cache) -> Result<PathBuf> {
    let archive = cache.shared().join(format!("{SUITE}-{}.tar", digest(&[PACKAGES])));
    if archive.is_file() {
        return Ok(archive);
    }
    let fresh = tempfile::tempdir_in(cache.shared())?;
    let new = fresh.path().join("system.tar");
    let mut make = Command::new("mmdebstrap");
    make.args(["--quiet", "--variant=apt", "--aptopt=Acquire::Languages \"none\""]);
    make.arg("--aptopt=Acquire::Retries \"5\"");
    make.arg(format!("--include={PACKAGES}"));
    make.args(LEFT_OUT.map(|path| format!("--dpkgopt=path-exclude={path}")));
    step("a small Debian (half a minute)", make.arg(SUITE).arg(&new))?;
    fs::rename(new, &archive)?;
    Ok(archive)
}

/// Our part of the guest's file system.
fn settle(tree: &Path) -> Result<()> {
    let etc = tree.join("etc");
    fs::write(etc.join("hostname"), "guest\n")?;
    fs::write(etc.join("hosts"), "127.0.0.1 localhost guest\n")?;
    fs::write(etc.join("fstab"), "")?;
    // Not empty: that would be a first boot, with all that systemd does then.
    fs::write(etc.join("machine-id"), "656270662d7761746368646f672d766d\n")?;
    let units = etc.join("systemd/system");
    let ours = root().join("tests/vm");
    let agent = tree.join("usr/local/sbin/agent");
    fs::copy(ours.join("agent"), &agent)?;
    fs::set_permissions(agent, Permissions::from_mode(0o755))?;
    fs::copy(ours.join("agent.service"), units.join("agent.service"))?;
    let wanted = units.join("multi-user.target.wants");
    fs::create_dir_all(&wanted)?;
    symlink("../agent.service", wanted.join("agent.service"))?;
    for timer in MASKED {
        symlink("/dev/null", units.join(timer)).with_context(|| timer.to_owned())?;
    }
    symlink("/lib/systemd/system/multi-user.target", units.join("default.target"))?;
    Ok(())
}

/// `vmlinux` and `initrd` of a kernel.
fn boot_files(folder: &Path, files: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let modules = only(&files.join("lib/modules"))?;
    let release = modules.file_name().context("a release")?.display().to_string();
    unpack(&files.join(format!("boot/vmlinuz-{release}")), &folder.join("vmlinux"))?;

    let fresh = tempfile::tempdir()?;
    for name in ["bin", "dev", "root", "modules"] {
        fs::create_dir(fresh.path().join(name))?;
    }
    let init = fresh.path().join("init");
    fs::copy(root().join("tests/vm/init"), &init)?;
    fs::set_permissions(init, Permissions::from_mode(0o755))?;
    fs::copy("/bin/busybox", fresh.path().join("bin/busybox"))?;
    symlink("busybox", fresh.path().join("bin/sh"))?;
    for (order, name) in MODULES.iter().enumerate() {
        let Some(found) = find(&modules, name)? else { continue };
        let to = fresh.path().join(format!("modules/{order}-{name}.ko"));
        if found.extension().is_some_and(|end| end == "xz") {
            let plain = Command::new("xz").args(["-d", "-c"]).arg(&found).output()?;
            fs::write(to, plain.stdout)?;
        } else {
            fs::copy(found, to)?;
        }
    }
    let archive = "find . | cpio --create --format=newc --quiet";
    let archive = Command::new("sh").args(["-c", archive]).current_dir(fresh.path()).output()?;
    fs::write(folder.join("initrd"), archive.stdout)?;
    Ok(())
}

/// A module's file.
fn find(folder: &Path, module: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if let Some(found) = find(&entry.path(), module)? {
                return Ok(Some(found));
            }
        } else if name
            .to_str()
            .and_then(|name| name.split_once(".ko"))
            .is_some_and(|n| n.0 == module)
        {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn quiet(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    anyhow::ensure!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
