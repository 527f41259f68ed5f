//! Processes that a service waits for are told when they begin; who joins a group is followed.

use std::os::linux::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use ebpf_watchdog::event::Event;
use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::source::kernel::Options;
use ebpf_watchdog::source::{Source, WantBy};
use watchdog_tests::process::stat;
use watchdog_tests::until::until;

use crate::stage::{Load, SERVICE, Stage, key};

const OTHER: ServiceId = ServiceId(1);
const PATIENCE: Duration = Duration::from_secs(60);

/// Ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The kernel's own numbers of a file: the device by the mount that it is on.
fn file(path: &std::path::Path) -> WantBy {
    let inode = fs_inode(path);
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let best = mounts
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            path.starts_with(fields[4]).then(|| (fields[4].len(), fields[2].to_owned()))
        })
        .max()
        .expect("a mount");
    let (major, minor) = best.1.split_once(':').expect("a device");
    let (major, minor): (u32, u32) = (major.parse().expect("major"), minor.parse().expect("minor"));
    WantBy::File { device: major << 20 | minor, inode }
}

fn fs_inode(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).expect("the file").st_ino()
}

fn wanted(event: &Event) -> Option<(ServiceId, ProcessKey)> {
    match event {
        Event::Wanted { service, process, .. } => Some((*service, *process)),
        _ => None,
    }
}

#[test]
fn a_program_that_is_waited_for_is_told_when_it_begins() {
    let mut stage = Stage::new(&Options::default());
    let folder = tempfile::tempdir_in("/var/lib").expect("a folder");
    let copy = |name: &str| {
        let path = folder.path().join(name);
        std::fs::copy("/bin/sleep", &path).expect("a copy");
        path
    };
    let (one, two) = (copy("one"), copy("two"));
    let run = |path: &PathBuf| Ended(Command::new(path).arg("600").spawn().expect("it starts"));
    // Nobody waits for it. Spawning comes back a moment before the exec is told: once it sleeps, it
    // was.
    let before = run(&one);
    let sleeps = || (stat(before.0.id())?.state == 'S').then_some(());
    until(PATIENCE, sleeps).expect("it sleeps");
    stage.source.want(SERVICE, &[file(&one)]);
    stage.source.want(OTHER, &[file(&one), file(&two)]);
    let first = run(&one);
    // Two records of one exec: the first wakes us, and we may have read it before the second is there.
    let by_other = |event: &Event| wanted(event).filter(|(service, _)| *service == OTHER);
    stage.await_event(by_other).expect("told");
    let both: Vec<_> = stage.events.iter().filter_map(wanted).collect();
    assert_eq!(both, [(SERVICE, key(first.0.id())), (OTHER, key(first.0.id()))]);
    stage.events.clear();
    stage.source.want(SERVICE, &[]);
    stage.source.want(OTHER, &[file(&two)]);
    let unwanted = run(&one);
    let second = run(&two);
    assert_eq!(stage.await_event(wanted), Some((OTHER, key(second.0.id()))));
    drop((before, first, unwanted, second));
}

#[test]
fn a_process_that_begins_in_a_cgroup_is_told_unless_it_is_a_member() {
    let mut stage = Stage::new(&Options::default());
    let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let root = roots.iter().find(|root| PathBuf::from(root).join("cgroup.procs").exists());
    let root = root.expect("a hierarchy of version 2");
    let cgroup = PathBuf::from(format!("{root}/ebpf-watchdog-test-{}-wanted", std::process::id()));
    std::fs::create_dir(&cgroup).expect("a cgroup (needs root)");
    stage.source.want(SERVICE, &[WantBy::Cgroup(fs_inode(&cgroup))]);
    let list = cgroup.join("cgroup.procs");
    let lines = format!("echo $$ > {} && exec sleep 600", list.display());
    let run = || Ended(Command::new("/bin/sh").args(["-c", &lines]).spawn().expect("it starts"));
    let first = run();
    assert_eq!(stage.await_event(wanted), Some((SERVICE, key(first.0.id()))));
    stage.events.clear();
    // Born a member of some service, it is known already.
    let mut member = None;
    let born = &mut || member = Some(run());
    stage.source.membership().spawning(OTHER, born).expect("room");
    let member = member.expect("run");
    let inside = || std::fs::read_to_string(&list).unwrap_or_default();
    let pid = member.0.id().to_string();
    let joined = || inside().lines().any(|line| line == pid).then_some(());
    until(PATIENCE, joined).expect("it joins");
    let last = run();
    assert_eq!(stage.await_event(wanted), Some((SERVICE, key(last.0.id()))));
    drop((first, member, last));
    for _ in 0..500 {
        if std::fs::remove_dir(&cgroup).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn who_joins_a_group_is_followed_with_what_it_forks() {
    let mut stage = Stage::new(&Options::default());
    let main = Load::start(&["sleepers", "0"]);
    let beside = Load::start(&["sleepers", "0"]);
    let parent =
        Ended(Command::new("/bin/sh").args(["-c", "sleep 600 & wait"]).spawn().expect("it starts"));
    let others = [beside.key(), key(parent.0.id())];
    stage.source.watch(SERVICE, main.key()).expect("watched");
    stage.source.enlist(SERVICE, &others).expect("enlisted");
    let children = format!("/proc/{0}/task/{0}/children", parent.0.id());
    let first = || std::fs::read_to_string(&children).ok()?.trim().parse().ok();
    let child = key(until(PATIENCE, first).expect("it forks"));
    let pass = stage.pass();
    for key in [others[0], others[1], child] {
        let sample = pass.of(key.pid).unwrap_or_else(|| panic!("{key:?} is a member"));
        assert!(sample.process == key && !sample.main && sample.service == SERVICE);
    }
    assert!(pass.of(main.pid()).is_some_and(|sample| sample.main));
    // Another service's member stays that service's; and one that is gone is left out.
    let theirs = Load::start(&["sleepers", "0"]);
    stage.source.watch(OTHER, theirs.key()).expect("watched");
    let gone = ProcessKey { start: 1, ..theirs.key() };
    stage.source.enlist(SERVICE, &[theirs.key(), gone]).expect("enlisted");
    assert_eq!(stage.pass().of(theirs.pid()).map(|sample| sample.service), Some(OTHER));
    // Under another main process they are to be enlisted again.
    let next = Load::start(&["sleepers", "0"]);
    stage.source.watch(SERVICE, next.key()).expect("watched");
    assert!(stage.pass().of(beside.pid()).is_none());
    stage.source.enlist(SERVICE, &others[..1]).expect("enlisted");
    assert!(stage.pass().of(beside.pid()).is_some_and(|sample| !sample.main));
    let _ = rustix::process::kill_process(
        rustix::process::Pid::from_raw(child.pid.cast_signed()).expect("a pid"),
        rustix::process::Signal::KILL,
    );
}
