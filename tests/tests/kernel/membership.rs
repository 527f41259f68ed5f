//! Who is in a group: by birth, by enrolment, and nobody else.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::source::Source;
use ebpf_watchdog::source::kernel::Options;
use watchdog_tests::process::stat;

use crate::stage::{Account, Load, Pass, SERVICE, Stage, key};

const OTHER: ServiceId = ServiceId(1);

fn pids(pass: &Pass) -> BTreeSet<u32> {
    pass.samples.iter().filter(|sample| !sample.zombie).map(|sample| sample.process.pid).collect()
}

/// Root, child and orphan of a `tree` load.
fn tree(load: &mut Load) -> BTreeSet<u32> {
    let orphan = load.hear().parse().unwrap();
    let child = load.hear().parse().unwrap();
    assert_eq!(load.hear(), "done");
    BTreeSet::from([load.pid(), child, orphan])
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

#[test]
fn whom_a_start_program_leaves_behind_is_a_member() {
    let mut stage = Stage::new(&Options::default());
    let mut load = stage.born(SERVICE, &["tree"]);
    let all = tree(&mut load);
    let orphan = *all
        .iter()
        .find(|pid| key(**pid).pid != load.pid() && parent(**pid) != load.pid())
        .unwrap();
    let pass = stage.pass();
    assert_eq!(pids(&pass), all);
    assert!(
        pass.samples.iter().all(|sample| !sample.main),
        "nobody has named the main process yet"
    );
    // The main process is the one that was orphaned: the start program and its child stay.
    stage.source.watch(SERVICE, key(orphan)).unwrap();
    let pass = stage.pass();
    assert_eq!(pids(&pass), all);
    assert_eq!(pass.samples.iter().filter(|sample| sample.main).count(), 1);
    assert!(pass.of(orphan).unwrap().main);
    let members: BTreeSet<u32> = stage
        .source
        .membership()
        .members(SERVICE)
        .unwrap()
        .into_iter()
        .map(|process| process.pid)
        .collect();
    assert_eq!(members, all);
    stage.source.unwatch(SERVICE);
    assert_eq!(pids(&stage.pass()), BTreeSet::new());
    kill(orphan);
    load.end();
}

fn parent(pid: u32) -> u32 {
    stat(pid).unwrap().parent
}

#[test]
fn a_running_tree_is_enrolled_and_its_past_is_not_counted() {
    let mut stage = Stage::new(&Options::default());
    let account = Account::new("enrol");
    let mut load = Load::start(&["tree"]);
    account.add(load.pid());
    let all = tree(&mut load);
    // The orphan has another parent since: nobody can tell that it belongs to the root.
    let orphan =
        *all.iter().find(|pid| **pid != load.pid() && parent(**pid) != load.pid()).unwrap();
    stage.source.watch(SERVICE, load.key()).unwrap();
    stage.at_rest(load.pid());
    let first = stage.pass();
    assert_eq!(pids(&first), all.iter().copied().filter(|pid| *pid != orphan).collect());
    let (before, truth) = (first.total(SERVICE), account.used());
    assert!(first.of(load.pid()).unwrap().main);
    load.say("50000000");
    assert_eq!(load.hear(), "done");
    stage.at_rest(load.pid());
    let used = stage.pass().total(SERVICE) - before;
    let truth_used = account.used() - truth;
    println!("after enrolment: {used} ns, the cgroup says {truth_used} ns");
    assert!(used.abs_diff(truth_used) < 9_000_000, "at most a tick at each end");
    kill(orphan);
    load.end();
    let group = stage.until_empty(SERVICE);
    assert_eq!((group.forks, group.exits), (0, 2));
}

#[test]
fn another_root_takes_the_place_of_the_tree() {
    let mut stage = Stage::new(&Options::default());
    let mut first = Load::start(&["sleepers", "3"]);
    let mut second = Load::start(&["sleepers", "2"]);
    for load in [&mut first, &mut second] {
        load.say("go");
        load.hear();
    }
    stage.source.watch(SERVICE, first.key()).unwrap();
    assert_eq!(stage.pass().samples.len(), 4);
    stage.source.watch(SERVICE, second.key()).unwrap();
    let pass = stage.pass();
    assert_eq!(pass.samples.len(), 3);
    assert!(pass.of(second.pid()).unwrap().main && pass.of(first.pid()).is_none());
    // The same root again changes nothing; another service may take what is free.
    stage.source.watch(SERVICE, second.key()).unwrap();
    stage.source.watch(OTHER, first.key()).unwrap();
    let pass = stage.pass();
    assert_eq!(pass.samples.iter().filter(|sample| sample.service == OTHER).count(), 4);
    assert_eq!(pass.samples.iter().filter(|sample| sample.service == SERVICE).count(), 3);
    first.end();
    second.end();
}

#[test]
fn a_stranger_with_the_pid_is_not_found() {
    let mut stage = Stage::new(&Options::default());
    let load = Load::start(&["touch", "1"]);
    let stranger = ProcessKey { start: load.key().start + 1, ..load.key() };
    let gone = ProcessKey { pid: 4_000_000, start: 1 };
    let myself = key(std::process::id());
    for root in [stranger, gone, myself] {
        let error = stage.source.watch(SERVICE, root).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{root:?}");
    }
    assert_eq!(stage.pass().samples, []);
}

/// Two services take turns with one pid. Each is charged for its own children only.
#[test]
fn a_pid_that_is_reused_at_once() {
    let mut stage = Stage::new(&Options::default());
    let pid = free_pid().to_string();
    let (ours, theirs) = (Account::new("reuse-a"), Account::new("reuse-b"));
    let mut a = stage.born(SERVICE, &["reuse", &pid, "1000000"]);
    let mut b = stage.born(OTHER, &["reuse", &pid, "4000000"]);
    // The programs' own starts are not in the control groups' accounts.
    let (a_started, b_started) = (stage.at_rest(a.pid()), stage.at_rest(b.pid()));
    ours.add(a.pid());
    theirs.add(b.pid());
    for round in 0..100 {
        for load in [&mut a, &mut b] {
            load.say("go");
            assert_eq!(load.hear(), "done");
        }
        if round % 10 == 0 {
            let pass = stage.pass();
            let twice = pass.samples.iter().filter(|s| s.process.pid.to_string() == pid).count();
            assert!(pass.complete && twice <= 2);
        }
    }
    a.end();
    b.end();
    for (service, account, started) in [(SERVICE, &ours, a_started), (OTHER, &theirs, b_started)] {
        let group = stage.until_empty(service);
        let (used, truth) = (group.dead_cpu_ns - started, account.used());
        println!("{service:?}: {used} ns, the cgroup says {truth} ns");
        assert_eq!((group.forks, group.exits), (101, 101));
        let off = used.abs_diff(truth);
        assert!(off < truth / 50 + 4_000_000, "{off} of {truth}");
    }
    assert_eq!(stage.source.membership().members(SERVICE).unwrap(), []);
}

/// A pid that nobody has and that the kernel will not give to anybody soon.
fn free_pid() -> u32 {
    let last: u32 =
        std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap().trim().parse().unwrap();
    (1..1000)
        .map(|back| last - back)
        .find(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists())
        .unwrap()
}

/// A child between vfork and exec has its parent's memory: it is there once.
#[test]
fn memory_that_is_shared_whole_counts_once() {
    let mut stage = Stage::new(&Options::default());
    let mut load = stage.born(SERVICE, &["shared", "60"]);
    assert_eq!(load.hear(), "done");
    let pass = stage.pass();
    assert_eq!(pass.samples.len(), 2, "{pass:?}");
    let sum: u64 = pass.samples.iter().map(|sample| sample.rss_bytes).sum();
    assert!(sum > 60 << 20 && sum < 90 << 20, "{pass:?}");
    load.end();
}

/// So many processors may come online on this host at most.
fn processors() -> u64 {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let last = text.trim().rsplit([',', '-']).next().unwrap();
    last.parse::<u64>().unwrap() + 1
}

#[test]
fn resident_memory() {
    let mut stage = Stage::new(&Options::default());
    let loads: Vec<Load> = ["10", "100"]
        .into_iter()
        .map(|size| {
            let mut load = stage.born(SERVICE, &["touch", size]);
            assert_eq!(load.hear(), "done");
            load
        })
        .collect();
    let pass = stage.pass();
    for load in &loads {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", load.pid())).unwrap();
        let truth = statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096;
        let ours = pass.of(load.pid()).unwrap().rss_bytes;
        println!("{ours} bytes, statm says {truth}");
        // Three counters, each off by at most max(32, 2 n) pages on each of the host's n processors,
        // of which we may be allowed a few only.
        let cpus = processors();
        assert!(ours.abs_diff(truth) <= 3 * cpus * cpus.saturating_mul(2).max(32) * 4096);
    }
}
