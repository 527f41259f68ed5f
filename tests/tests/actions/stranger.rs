//! Who is never signalled.

use std::process::Command;

use crate::bed::{Bed, DAEMON, LONG, Stranger, set};
use ebpf_watchdog::identity::ProcessKey;
use ebpf_watchdog::message::{Outcome, Step, Verb};
use ebpf_watchdog::process::{alive, facts};
use watchdog_tests::need;
use watchdog_tests::until::until;

#[test]
fn a_stranger_with_the_same_pid_is_never_signalled() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let mut service = bed.service(9, "exec sleep 1000", LONG);
    set(&mut service, |process| process.pidfile = None);
    let stranger = Stranger::new();
    let former = ProcessKey { start: stranger.key().start - 1, ..stranger.key() };
    assert_eq!(bed.act(&service, Verb::Stop, Some(former)), Outcome::Stopped);
    assert!(alive(stranger.key()));
    let Outcome::Started { main, .. } = bed.act(&service, Verb::Restart, Some(former)) else {
        panic!("not started")
    };
    assert!(alive(stranger.key()));
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    // And with the pid really given away.
    for _ in 0..3 {
        let main = bed.started(&service);
        Command::new("kill").args(["-9", &main.pid.to_string()]).status().unwrap();
        until(LONG, || facts(main.pid).unwrap().is_none().then_some(())).expect("reaped");
        let Some(stranger) = Stranger::with_pid(main.pid) else { continue };
        assert_ne!(stranger.key(), main);
        assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
        assert!(alive(stranger.key()));
    }
}

#[test]
fn protected_programs_and_what_they_started_are_left_alone() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    std::fs::copy("/bin/sh", bed.scratch.at("protected-prog")).unwrap();
    let program = bed.scratch.at("protected-prog").display().to_string();
    let lines = format!("setsid {program} -c 'sleep 1000; :' & \n{DAEMON}");
    let service = bed.service(0, &lines, LONG);
    let main = bed.started(&service);
    // Each under its own name: on the way there they are shells.
    let named = |name: &str| {
        let comm = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        bed.members(0).iter().filter(|key| comm(key.pid).trim() == name).count()
    };
    let settled = || named("protected-prog") == 1 && named("sleep") == 2;
    until(LONG, || settled().then_some(())).unwrap();
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    assert!(!alive(main));
    assert_eq!(bed.members(0).len(), 2, "the protected program and its child");
    let told = bed.steps.iter().any(|step| {
        matches!(step, Step::Doing(text) if text.contains("protected-prog") && text.starts_with("left alone"))
    });
    assert!(told, "{:?}", bed.steps);
}
