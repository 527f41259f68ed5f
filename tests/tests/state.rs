//! The saved state on a full disk, on a read-only one, and under a daemon that is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ebpf_watchdog::message::{SavedService, SavedState};
use ebpf_watchdog::state::{Durability, Opened, Origin, open};
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// Set in the process that writes until it is killed: the state directory.
const WRITER: &str = "WATCHDOG_TEST_STATE_WRITER";

fn state(restarts: u64, padding: usize) -> SavedState {
    let service = SavedService { restarts, ..SavedService::default() };
    SavedState {
        services: BTreeMap::from([(format!("x{}", "y".repeat(padding)), service)]),
        seen: None,
        rebooted: false,
    }
}

fn restarts(state: &SavedState) -> u64 {
    state.services.values().map(|service| service.restarts).sum()
}

fn opened(path: &Path) -> Opened {
    // The host's lock is not what is tested here; each folder has a name of its own.
    let name = format!("test-{}", path.display());
    // A child of another test may hold a copy of a lock for a moment, between its fork and its exec.
    let mut last = None;
    let opened = until(PATIENCE, || open(path, &name).map_err(|error| last = Some(error)).ok());
    opened.unwrap_or_else(|| panic!("not locked, and fit: {last:?}"))
}

/// A small file system of the test's own.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(&at).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(at));
        }
        need::skip("a tmpfs cannot be mounted here");
        None
    }

    fn remount(&self, how: &str) {
        let options = ["-o", &format!("remount,{how}")];
        assert!(Command::new("mount").args(options).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_or_read_only_disk_is_told_once_and_mended() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(disk) = Tmpfs::mount(scratch.at("disk")) else { return };
    let path = disk.0.join("state");
    let store = opened(&path).store;
    assert_eq!(store.save(state(1, 0)), None);
    // Full: the old state stays whole, and it is told once.
    let filler = disk.0.join("filler");
    let _ = std::fs::write(&filler, vec![0; 128 << 10]);
    let told = store.save(state(2, 8000));
    assert!(matches!(told, Some(Durability::NotDurable(_))), "{told:?}");
    assert_eq!(store.save(state(3, 8000)), None);
    assert_eq!(store.sync(), None);
    assert!(store.fault().is_some());
    let kept = std::fs::read_to_string(path.join("state.json")).unwrap();
    assert!(kept.contains("\"restarts\": 1"), "{kept}");
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(store.sync(), Some(Durability::Durable), "the last one was not forgotten");
    assert_eq!(store.fault(), None);
    // Read-only.
    disk.remount("ro");
    assert!(matches!(store.save(state(4, 0)), Some(Durability::NotDurable(_))));
    disk.remount("rw");
    assert_eq!(store.save(state(5, 0)), None);
    assert_eq!(store.sync(), Some(Durability::Durable));
    drop(store);
    let again = opened(&path);
    assert_eq!((restarts(&again.state), again.origin), (5, Origin::SameBoot));
}

#[test]
fn a_killed_daemon_leaves_the_last_state_or_the_one_before() {
    if let Some(path) = std::env::var_os(WRITER) {
        write_for_ever(Path::new(&path));
    }
    let scratch = Scratch::new();
    let path = scratch.at("state");
    let saved = path.join("state.json");
    let mut last = 0;
    for round in 0..40 {
        let written = std::fs::metadata(&saved).and_then(|file| file.modified()).ok();
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_daemon_leaves_the_last_state_or_the_one_before"])
            .env(WRITER, &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // In every other round it has written at least once, however slow this machine is.
        if round % 2 == 0 {
            let newer = || std::fs::metadata(&saved).and_then(|file| file.modified()).ok();
            let begun = until(PATIENCE, || (newer() > written).then_some(()));
            assert!(begun.is_some(), "nothing was written");
        }
        std::thread::sleep(Duration::from_millis(20 + round));
        writer.kill().unwrap();
        writer.wait().unwrap();
        // The locks went with it, and what is there is whole.
        let left = opened(&path);
        assert!(!matches!(left.origin, Origin::Damaged(_)), "{:?}", left.origin);
        assert!(restarts(&left.state) >= last, "never older than what was seen");
        last = restarts(&left.state);
    }
    assert!(last >= 20, "it did write: {last}");
}

fn write_for_ever(path: &Path) -> ! {
    let Opened { store, state: left, .. } = opened(path);
    let mut count = restarts(&left);
    loop {
        count += 1;
        store.save(state(count, 300));
    }
}

#[test]
fn a_second_process_is_refused_and_does_not_wait() {
    let scratch = Scratch::new();
    let path = scratch.at("state");
    let _first = opened(&path);
    // Who waited for the lock would wait for ever.
    let refused = open(&path, "test-another-name").unwrap_err();
    assert!(refused.to_string().contains("another ebpf-watchdog"), "{refused}");
    let other = scratch.at("other");
    let refused = open(&other, &format!("test-{}", path.display())).unwrap_err();
    assert!(refused.to_string().contains("runs on this host"), "{refused}");
}
