//! File system services: real mounts that are filled, emptied, made read-only, taken away, and one
//! that never answers.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::mounted::{Mounted, run};
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_file_system_fills_empties_changes_its_flags_and_goes() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let place = scratch.at("mnt");
    fs::create_dir(&place).expect("a folder");
    let mounted = Mounted::tmpfs(&place, "size=8m,nr_inodes=100");
    let rules = format!(
        "cycle: 100ms\nservices:\n- filesystem: data\n  path: {}/\n  rules:\n\
         \x20 - {{ if: space > 80%, then: alert }}\n\
         \x20 - {{ if: space free < 2 MB for 2 cycles, then: alert }}\n\
         \x20 - {{ if: inodes > 50%, then: alert }}\n",
        place.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    let seen = daemon.wait_for("data", PATIENCE, |seen| seen["status"] == "ok");
    assert_eq!(seen["observed"]["space_total_bytes"], 8 << 20, "{seen}");
    assert_eq!(seen["observed"]["type"], "tmpfs", "{seen}");

    fs::write(place.join("filling"), vec![1; 7 << 20]).expect("there is room");
    let line = daemon.wait_log("'data' space usage ", PATIENCE);
    assert!(line.contains("% matches resource limit [space usage > 80.0%]"), "{line}");
    // The second cycle decides. How much is free in it, while it may still be filled, nobody knows.
    let line = daemon.wait_log("error    : 'data' space free ", PATIENCE);
    assert!(line.contains(" matches resource limit [space free < 2 MB]"), "{line}");
    fs::remove_file(place.join("filling")).expect("it is there");
    daemon.wait_log("'data' space usage test succeeded [current space usage = ", PATIENCE);
    // Its blocks are given back one after another.
    daemon.wait_log("'data' space free test succeeded [current space free = ", PATIENCE);

    for n in 0..60 {
        File::create(place.join(n.to_string())).expect("an inode");
    }
    let line = daemon.wait_log("% matches resource limit [inode usage > 50.0%]", PATIENCE);
    assert!(line.contains("'data' inode usage "), "{line}");

    run(Command::new("mount").args(["-o", "remount,ro"]).arg(&place));
    let line = daemon.wait_log("'data' filesystem flags changed from 'rw,", PATIENCE);
    assert!(line.contains("' to 'ro,"), "{line}");

    drop(mounted);
    daemon.wait_log("'data' filesystem doesn't exist", PATIENCE);
    let _again = Mounted::tmpfs(&place, "size=8m");
    daemon.wait_log("'data' filesystem exists", PATIENCE);
}

#[test]
fn what_is_written_is_told_as_a_rate_and_a_device_may_be_named_by_a_link() {
    if !need::root() {
        return;
    }
    let (Some(_), Some(mkfs)) = (need::program("losetup"), need::program("mkfs.ext4")) else {
        return;
    };
    if !Command::new("losetup").arg("--find").output().is_ok_and(|found| found.status.success()) {
        return need::skip("no loop devices");
    }
    let scratch = Scratch::new();
    let (image, place, link) = (scratch.at("image"), scratch.at("mnt"), scratch.at("device"));
    fs::create_dir(&place).expect("a folder");
    File::create(&image).and_then(|file| file.set_len(32 << 20)).expect("an image");
    run(Command::new(mkfs).args(["-q", "-F"]).arg(&image));
    let image = image.display().to_string();
    let _mounted = Mounted::by(&["-o", "loop", &image], &place);
    let table = fs::read_to_string("/proc/self/mounts").expect("proc");
    let own = |line: &&str| line.split(' ').nth(1) == place.to_str();
    let device = table.lines().find(own).and_then(|line| line.split(' ').next()).expect("mounted");
    std::os::unix::fs::symlink(device, &link).expect("a link");
    let rules = format!(
        "cycle: 200ms\nservices:\n- filesystem: disk\n  path: {}\n  rules:\n\
         \x20 - {{ if: write > 1 KB/s, then: alert }}\n\
         \x20 - {{ if: write > 1 operations/s, then: alert }}\n",
        link.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon
        .wait_for("disk", PATIENCE, |seen| seen["observed"]["write_bytes_per_second"].is_number());
    let written = File::create(place.join("written")).expect("there is room");
    let until = watchdog_tests::until::until(PATIENCE, || {
        std::os::unix::fs::FileExt::write_at(&written, &[1; 65_536], 0).expect("there is room");
        written.sync_all().expect("it is written");
        let log = daemon.log();
        (log.contains("'disk' write rate ") && log.contains("operations/s matches")).then_some(())
    });
    assert!(until.is_some(), "{}", daemon.said());
    let line = daemon.wait_log("matches resource limit [write > 1 kB/s]", PATIENCE);
    assert!(line.contains("'disk' write rate "), "{line}");
    daemon.wait_log("'disk' write rate test succeeded [current write = ", PATIENCE);
}

/// A FUSE file system whose server never says a word.
struct Dead {
    _server: OwnedFd,
    _mounted: Mounted,
}

impl Dead {
    fn new(place: &Path) -> Option<Self> {
        let Ok(server) = File::options().read(true).write(true).open("/dev/fuse") else {
            need::skip("no /dev/fuse");
            return None;
        };
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
        let mount = |path: &Path| {
            let (kind, flags) = ("fuse.dead", rustix::mount::MountFlags::empty());
            let options = std::ffi::CString::new(options.as_str()).expect("no NUL");
            rustix::mount::mount("dead", path, kind, flags, options.as_c_str())
        };
        mount(place).expect("a FUSE file system");
        Some(Self { _server: server.into(), _mounted: Mounted::at(place) })
    }
}

#[test]
fn a_file_system_that_hangs_is_told_and_holds_nothing_up() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let (place, fine) = (scratch.at("dead"), scratch.at("fine"));
    fs::create_dir(&place).and_then(|()| fs::create_dir(&fine)).expect("folders");
    let _fine = Mounted::tmpfs(&fine, "size=1m");
    let Some(dead) = Dead::new(&place) else { return };
    let rules = format!(
        "cycle: 200ms\nservices:\n\
         - {{ filesystem: dead, path: {}, rules: [{{ if: space > 1%, then: alert }}] }}\n\
         - {{ filesystem: fine, path: {}, rules: [{{ if: space > 50%, then: alert }}] }}\n",
        place.display(),
        fine.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    let text = "'dead' unable to read filesystem '";
    let line = daemon.wait_log(text, PATIENCE);
    assert!(line.contains("state -- no answer within 5 s"), "{line}");
    // Others are judged all the while.
    fs::write(fine.join("filling"), vec![1; 1 << 20]).expect("there is room");
    // How much is used in the cycle that sees it, while it may still be filled, nobody knows.
    let line = daemon.wait_log("error    : 'fine' space usage ", PATIENCE);
    assert!(line.contains("% matches resource limit [space usage > 50.0%]"), "{line}");
    // No second look while the first one hangs.
    daemon.wait_for("dead", PATIENCE, |seen| {
        seen["observed"]["trouble"] == "an earlier look at it still hangs"
    });
    let seen = daemon.service("dead");
    assert!(seen["observed"]["space_usage"].is_null() && seen["status"] == "failing", "{seen}");
    // Its server ends: the look comes back.
    drop(dead);
    daemon.wait_log("'dead' filesystem doesn't exist", PATIENCE);
}
