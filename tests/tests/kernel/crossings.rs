//! Limits crossed between passes: told at once, told once, told again when armed anew.

use std::time::Duration;

use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::event::{Crossed, Crossing, Event};
use ebpf_watchdog::process::is_stopped;
use ebpf_watchdog::source::kernel::Options;
use ebpf_watchdog::source::{ForkLimit, Limits, Source};

use watchdog_tests::until::until;

use crate::stage::{Load, SERVICE, Stage};

const LONG: Duration = Duration::from_secs(60);
const MEGABYTE: u64 = 1 << 20;

fn crossed(event: &Event) -> Option<Crossed> {
    if let Event::Crossed(crossed) = event { Some(*crossed) } else { None }
}

fn all(stage: &mut Stage) -> Vec<Crossed> {
    stage.source.drain(&mut stage.events);
    stage.events.iter().filter_map(crossed).collect()
}

/// Does the sensor's upkeep as it asks for, until a crossing is told.
fn tended(stage: &mut Stage) -> Option<Crossed> {
    tended_for(stage, LONG)
}

/// What is told although nothing should be. A look follows at once, the closer ones every 10 ms.
fn untold(stage: &mut Stage) -> Option<Crossed> {
    tended_for(stage, Duration::from_secs(2))
}

fn tended_for(stage: &mut Stage, patience: Duration) -> Option<Crossed> {
    let begin = boot_now();
    while boot_now().since(begin) < patience {
        let due = stage.source.tend(boot_now(), &mut stage.events);
        if let Some(found) = stage.events.iter().find_map(crossed) {
            return Some(found);
        }
        std::thread::sleep(due?.since(boot_now()).min(patience));
    }
    None
}

fn watched(stage: &mut Stage, arguments: &[&str]) -> Load {
    let load = Load::start(arguments);
    stage.source.watch(SERVICE, load.key()).expect("the load is there");
    load
}

#[test]
fn small_pages_cross_at_the_fault_and_are_told_once() {
    let mut stage = Stage::new(&Options::default());
    for (limits, crossing) in [
        (Limits { total_memory: Some(100 * MEGABYTE), ..Limits::default() }, Crossing::TotalMemory),
        (Limits { memory: Some(100 * MEGABYTE), ..Limits::default() }, Crossing::Memory),
    ] {
        stage.events.clear();
        let mut load = watched(&mut stage, &["grow"]);
        stage.source.limits(SERVICE, &limits).unwrap();
        assert_eq!(untold(&mut stage), None, "nothing is over its limit");
        load.say("small 150");
        let found = stage.await_event(crossed).expect("told");
        println!("{crossing:?}: told after {:?}", boot_now().since(found.at));
        assert_eq!((found.service, found.crossing, found.by), (SERVICE, crossing, load.key()));
        assert!(found.value > 100 * MEGABYTE && found.value < 150 * MEGABYTE, "{found:?}");
        assert_eq!(load.hear(), "done");
        load.say("small 20");
        assert_eq!(load.hear(), "done");
        stage.pass();
        assert_eq!(all(&mut stage).len(), 1, "latched");

        // What is over the limit when it is armed is told without another fault.
        stage.events.clear();
        stage.source.limits(SERVICE, &limits).unwrap();
        let again = tended(&mut stage).expect("told again");
        assert_eq!(again.crossing, crossing);
        assert!(again.value > 160 * MEGABYTE, "{again:?}");

        stage.events.clear();
        let more = |limit: Option<u64>| limit.map(|limit| limit * 10);
        let (total_memory, memory) = (more(limits.total_memory), more(limits.memory));
        stage.source.limits(SERVICE, &Limits { total_memory, memory, ..limits }).unwrap();
        load.say("small 20");
        assert_eq!(load.hear(), "done");
        assert_eq!(untold(&mut stage), None, "a limit far away");
        load.end();
    }
}

/// The sum of two processes: the sampler's own sum, not one process's.
#[test]
fn the_sum_of_a_group_crosses() {
    let mut stage = Stage::new(&Options::default());
    let limits = Limits { total_memory: Some(100 * MEGABYTE), ..Limits::default() };
    let mut loads = [stage.born(SERVICE, &["grow"]), stage.born(SERVICE, &["grow"])];
    stage.source.limits(SERVICE, &limits).unwrap();
    for load in &mut loads {
        load.say("small 45");
        assert_eq!(load.hear(), "done");
    }
    assert_eq!(all(&mut stage), Vec::new());
    loads[1].say("small 30");
    let found = stage.await_event(crossed).expect("told");
    assert_eq!((found.crossing, found.by), (Crossing::TotalMemory, loads[1].key()));
    assert_eq!(loads[1].hear(), "done");
    // What dies is no longer in the sum.
    loads[0].end();
    stage.events.clear();
    stage.source.limits(SERVICE, &limits).unwrap();
    assert_eq!(untold(&mut stage), None);
    loads[1].say("small 30");
    let found = stage.await_event(crossed).expect("told");
    assert!(found.value < 115 * MEGABYTE, "{found:?}");
}

/// Children are who lives beside the main process: all, once that is dead.
#[test]
fn without_a_main_process_all_who_live_are_children() {
    let mut stage = Stage::new(&Options::default());
    let mut main = watched(&mut stage, &["grow"]);
    let mut loads = vec![stage.born(SERVICE, &["grow"]), stage.born(SERVICE, &["grow"])];
    stage.source.limits(SERVICE, &Limits { children: Some(2), ..Limits::default() }).unwrap();
    assert_eq!(untold(&mut stage), None, "two beside the main process");
    main.end();
    loads.push(stage.born(SERVICE, &["grow"]));
    let found = stage.await_event(crossed).expect("told");
    assert_eq!((found.crossing, found.value), (Crossing::Children, 3));
    loads.iter_mut().for_each(Load::end);
}

/// Memory that comes without faults of its own, near a limit.
#[test]
fn a_closer_look_sees_what_faults_do_not_show() {
    let mut stage = Stage::new(&Options::default());
    let limits = Limits { total_memory: Some(200 * MEGABYTE), ..Limits::default() };
    for kind in ["populate 60", "huge 60"] {
        let mut load = watched(&mut stage, &["grow"]);
        stage.source.limits(SERVICE, &limits).unwrap();
        load.say("small 160");
        assert_eq!(load.hear(), "done");
        stage.events.clear();
        stage.source.drain(&mut stage.events);
        let due = stage.source.tend(boot_now(), &mut stage.events);
        assert!(due.is_some(), "near its limit: wanted again");
        load.say(kind);
        assert_eq!(load.hear(), "done");
        let begin = boot_now();
        let found = tended(&mut stage).expect("told");
        println!("{kind}: told {:?} after it was there", boot_now().since(begin));
        assert_eq!(found.crossing, Crossing::TotalMemory);
        load.end();
        // Far from its limit no closer look is wanted any more.
        stage.until_empty(SERVICE);
        // Upkeep that is due within a minute is done now, however long that takes here.
        stage.source.tend(boot_now() + LONG, &mut stage.events);
        let due = stage.source.tend(boot_now(), &mut stage.events);
        // What is wanted then is upkeep: it can wait.
        let soon = boot_now() + Duration::from_millis(20);
        assert!(due.is_none_or(|due| due > soon), "{due:?}");
    }
}

#[test]
fn children_and_forks_cross_at_the_fork() {
    let mut stage = Stage::new(&Options::default());
    let mut load = watched(&mut stage, &["sleepers", "300"]);
    let forks = ForkLimit { count: 200, window: Duration::from_secs(3600), brake: false };
    let limits = Limits { children: Some(250), forks: Some(forks), ..Limits::default() };
    stage.source.limits(SERVICE, &limits).unwrap();
    load.say("go");
    assert_eq!(load.hear(), "done");
    let found: Vec<_> =
        all(&mut stage).iter().map(|found| (found.crossing, found.value, found.by)).collect();
    let by = load.key();
    assert_eq!(found, [(Crossing::Forks, 201, by), (Crossing::Children, 251, by)]);

    // Armed again, children are told by a look and forks by the next fork.
    stage.events.clear();
    stage.source.limits(SERVICE, &limits).unwrap();
    let again = tended(&mut stage).expect("told again");
    assert_eq!((again.crossing, again.value), (Crossing::Children, 300));
    load.say("100");
    assert_eq!(load.hear(), "done");
    stage.events.clear();
    stage.source.limits(SERVICE, &limits).unwrap();
    assert_eq!(untold(&mut stage), None, "a hundred have ended");
    load.end();
    assert_eq!(stage.until_empty(SERVICE).forks, 300);
}

/// A look at one service says nothing of another.
#[test]
fn a_look_is_at_one_service() {
    let mut stage = Stage::new(&Options::default());
    let other = ebpf_watchdog::identity::ServiceId(1);
    let one = stage.born(SERVICE, &["touch", "8"]);
    let _two = stage.born(other, &["touch", "8"]);
    let mut seen = Vec::new();
    stage.source.look(SERVICE, &mut seen);
    let samples: Vec<_> = seen
        .iter()
        .filter_map(|event| if let Event::Sample(sample) = event { Some(sample) } else { None })
        .map(|sample| (sample.service, sample.process))
        .collect();
    assert_eq!(samples, [(SERVICE, one.key())]);
    assert!(
        seen.iter().any(|event| matches!(event, Event::Group(group) if group.service == SERVICE))
    );
    assert!(matches!(seen.last(), Some(Event::Looked { service: SERVICE, complete: true, .. })));
}

/// Nobody in user space does anything: the kernel alone stops the forker, at the limit, each time.
#[test]
fn a_forker_beyond_the_limit_is_stopped_by_the_kernel() {
    let mut stage = Stage::new(&Options::default());
    let mut load = watched(&mut stage, &["sleepers", "100"]);
    let forks = ForkLimit { count: 50, window: Duration::from_secs(3600), brake: true };
    let limits = Limits { forks: Some(forks), ..Limits::default() };
    stage.source.limits(SERVICE, &limits).unwrap();
    load.say("go");
    let key = load.key();
    let stopped = || is_stopped(key).then_some(());
    until(LONG, stopped).expect("stopped");
    let found = stage.await_event(crossed).expect("told");
    assert_eq!((found.crossing, found.value, found.by), (Crossing::Forks, 51, key));
    assert_eq!(stage.pass().group(SERVICE).forks, 51, "it stands still");
    // Set free while the limit stands, it comes one fork further.
    let pid = rustix::process::Pid::from_raw(load.pid().cast_signed()).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    until(LONG, || (stage.pass().group(SERVICE).forks == 52).then_some(())).expect("one more");
    until(LONG, stopped).expect("stopped again");
    // Without the limit it goes on.
    stage.source.limits(SERVICE, &Limits::default()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    assert_eq!(load.hear(), "done");
    assert_eq!(stage.pass().group(SERVICE).forks, 100);
    load.end();
}
