//! A guest booted once, to the point where it waits for work, and saved.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::cache::{Cache, DISK};
use super::kernel::Kernel;
use super::machine::{Machine, Parts};

/// The agent waits for a word where this is on the kernel's command line.
pub(crate) const HOLD: &str = "watchdog.hold";
/// Every payload disk has this size: a restored machine knows no other.
pub(crate) const PAYLOAD_BYTES: u64 = 512 << 20;
/// Room for the results.
pub(crate) const RESULT_BYTES: u64 = 64 << 20;
/// Ten seconds on an idle machine.
const LIMIT: Duration = Duration::from_secs(180);

/// Saves the kernel's guest if that has not been done: `disk.img` and `state` in its folder.
pub(crate) fn save(cache: &Cache, kernel: Kernel) -> Result<()> {
    let folder = cache.kernel(kernel);
    if folder.join("state").is_file() {
        return Ok(());
    }
    println!("── kernel {kernel}: boot and save a guest (a quarter of a minute)");
    File::create(folder.join("payload"))?.set_len(PAYLOAD_BYTES)?;
    File::create(folder.join("results"))?.set_len(RESULT_BYTES)?;
    let attempt = || {
        let mut copy = Command::new("cp");
        copy.arg("--sparse=always").arg(cache.at(DISK)).arg(folder.join("disk.img"));
        ensure!(copy.status()?.success(), "cannot copy the disk");
        boot(&folder)
    };
    let saved = attempt().or_else(|error| {
        println!("kernel {kernel}: the guest is not there ({error:#}): once more");
        attempt()
    });
    saved.with_context(|| {
        format!("the guest could not be saved (see {})", folder.join("boot.log").display())
    })?;
    fs::rename(folder.join("state.new"), folder.join("state"))?;
    Ok(())
}

fn boot(folder: &Path) -> Result<()> {
    let parts = Parts {
        folder,
        kernel: ".",
        settings: HOLD,
        disks: [
            "file=disk.img,cache=unsafe".to_owned(),
            "file=payload,readonly=on".to_owned(),
            "file=results".to_owned(),
        ],
        console: "console.log",
        more: &["-monitor", "unix:monitor,server=on,wait=off"],
    };
    let mut machine = Machine::start(&parts, &folder.join("boot.log"), LIMIT)?;
    let state = machine.await_line("@@STATE", |_| {})?;
    ensure!(state == "running", "systemd says of the guest: {state}");
    machine.await_line("@@READY", |_| {})?;
    // What it has begun ends: a guest that is idle is restored soonest.
    std::thread::sleep(Duration::from_secs(1));
    // Not by its full path, which may be longer than a socket's name may be.
    let mut monitor = monitor(folder)?;
    monitor.write_all(b"migrate_set_parameter max-bandwidth 8G\n")?;
    monitor.write_all(b"migrate \"exec:cat > state.new\"\nquit\n")?;
    monitor.shutdown(Shutdown::Write).ok();
    let mut said = String::new();
    monitor.set_read_timeout(Some(LIMIT))?;
    // It ends by being closed; what it said only matters when nothing was saved.
    let _ = monitor.read_to_string(&mut said);
    machine.wait()?;
    let saved = fs::metadata(folder.join("state.new")).is_ok_and(|file| file.len() > 0);
    ensure!(saved, "QEMU saved nothing: {said}");
    Ok(())
}

/// QEMU's monitor: the socket by way of an open folder, for a socket's name is short.
fn monitor(folder: &Path) -> Result<UnixStream> {
    use std::os::fd::AsRawFd;
    let open = File::open(folder)?;
    let path = format!("/proc/self/fd/{}/monitor", open.as_raw_fd());
    UnixStream::connect(path).context("QEMU's monitor")
}
