//! Tables and rings that are too small: what is lost is counted, and a pass puts it right.

use std::time::Duration;

use ebpf_watchdog::event::Event;
use ebpf_watchdog::identity::ServiceId;
use ebpf_watchdog::source::kernel::Options;
use ebpf_watchdog::source::{Limits, Source};

use watchdog_tests::until::until;

use crate::stage::{Load, SERVICE, Stage};

const PATIENCE: Duration = Duration::from_secs(60);

/// Several times what a ring of 4 KiB holds; an emulated guest execs some ten times a second.
fn execs() -> &'static str {
    if std::env::var_os("EBPF_WATCHDOG_GUEST").is_some() { "200" } else { "500" }
}

/// A main process that execs while nobody reads.
#[test]
fn a_ring_too_small_loses_and_counts() {
    let mut stage = Stage::new(&Options { ring_bytes: 4096, ..Options::default() });
    let mut load = Load::start(&["exec", execs()]);
    let mut seen = stage.source.watch(SERVICE, load.key());
    for _ in 0..3 {
        if seen.is_err() {
            seen = stage.source.watch(SERVICE, load.key());
        }
    }
    seen.unwrap();
    assert_eq!(load.hear(), "done");
    let mut events = Vec::new();
    stage.source.drain(&mut events);
    let (produced, lost) = stage.source.produced_and_lost();
    let health = stage.source.health();
    println!("{produced} produced, {} received, {lost} lost", health.events);
    assert!(lost > 0 && produced > 100, "{produced} {lost}");
    assert_eq!(produced, health.events + lost);
    assert_eq!(health.lost, lost);
    for tally in &health.tallies {
        assert_eq!(tally.produced, tally.received + tally.lost, "{tally:?}");
    }
    let execs = health.tallies.iter().find(|tally| tally.kind == "exec").expect("every kind");
    assert_eq!((execs.produced, execs.lost), (produced, lost), "nothing else happened");
    let told: u64 = events
        .iter()
        .map(|event| if let Event::Lost { records } = event { *records } else { 0 })
        .sum();
    assert_eq!(told, lost);
    let pass = stage.pass();
    assert!(pass.complete && pass.of(load.pid()).unwrap().main);
    assert_eq!(stage.source.health().repairs, 1);
    load.end();
}

/// A crossing that finds the ring full is told by the next event, not never.
#[test]
fn a_crossing_that_is_lost_is_told_again() {
    let mut stage = Stage::new(&Options { ring_bytes: 4096, ..Options::default() });
    let mut load = stage.born(SERVICE, &["grow"]);
    let limits = Limits { total_memory: Some(30 << 20), ..Limits::default() };
    stage.source.limits(SERVICE, &limits).unwrap();
    // The ring is filled by another service's main process, which execs while nobody reads.
    let mut filler = Load::start(&["exec", execs()]);
    until(PATIENCE, || stage.source.watch(ServiceId(1), filler.key()).ok()).expect("watched");
    assert_eq!(filler.hear(), "done");
    load.say("small 40");
    assert_eq!(load.hear(), "done");
    stage.source.drain(&mut stage.events);
    let crossed = |event: &Event| matches!(event, Event::Crossed(_)).then_some(());
    let tallies = stage.source.health().tallies;
    let tally = tallies.iter().find(|tally| tally.kind == "crossed").expect("every kind");
    assert!(tally.lost > 0 && tally.produced == tally.received + tally.lost, "{tally:?}");
    assert_eq!(stage.events.iter().find_map(crossed), None, "the ring was full");
    load.say("small 10");
    assert_eq!(stage.await_event(crossed), Some(()), "{:?}", stage.events);
    assert_eq!(load.hear(), "done");
    filler.end();
    load.end();
}

/// More samples than the ring holds: a pass goes on until each process has been seen once.
#[test]
fn a_pass_larger_than_the_ring() {
    let mut stage = Stage::new(&Options { ring_bytes: 4096, ..Options::default() });
    let mut load = stage.born(SERVICE, &["sleepers", "150"]);
    load.say("go");
    assert_eq!(load.hear(), "done");
    let pass = stage.pass();
    let mut pids: Vec<u32> = pass.samples.iter().map(|sample| sample.process.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    assert!(pass.complete);
    assert_eq!((pass.samples.len(), pids.len()), (151, 151));
    load.end();
    assert_eq!(stage.until_empty(SERVICE).exits, 151);
}

/// Thirty processes in a table for eight. When there is room again, those without a place get one.
#[test]
fn a_table_too_small_is_repaired() {
    let mut stage = Stage::new(&Options { processes: 8, ..Options::default() });
    let mut load = stage.born(SERVICE, &["sleepers", "30"]);
    load.say("go");
    assert_eq!(load.hear(), "done");
    stage.pass();
    let lost = stage.source.health().lost;
    assert!(lost >= 23, "{lost}");
    assert!(stage.events.iter().any(|event| matches!(event, Event::Lost { .. })));
    load.say("25");
    assert_eq!(load.hear(), "done");
    // The room comes with the last free, after RCU has waited.
    let mut found = 0;
    until(PATIENCE, || {
        found = stage.pass().samples.len();
        (found == 6).then_some(())
    });
    assert_eq!(found, 6, "the first and five sleepers");
    assert!(stage.source.health().repairs > 0);
    load.end();
    assert!(stage.until_empty(SERVICE).dead_cpu_ns > 0);
}
