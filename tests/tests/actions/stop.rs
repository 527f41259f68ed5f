//! Stopping and restarting.

use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::bed::{Bed, DAEMON, Hanging, LONG, Stranger, millis, no_zombies, set};
use ebpf_watchdog::message::{Outcome, Verb};
use ebpf_watchdog::process::{alive, facts};
use watchdog_tests::need;
use watchdog_tests::until::until;

#[test]
fn stop_goes_on_where_the_stop_program_fails() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    for (name, lines) in [("fails", "echo no; exit 1"), ("hangs", "sleep 1000"), ("lies", "exit 0")]
    {
        let mut service = bed.service(5, DAEMON, LONG);
        let stop = bed.outside(5, name, lines, millis(300));
        set(&mut service, |process| process.stop = Some(Box::new(stop)));
        let main = bed.started(&service);
        assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped, "{name}");
        assert!(!alive(main), "{name}");
    }
    let mut service = bed.service(5, DAEMON, LONG);
    let stop = bed.outside(5, "works", "kill $(cat $PIDFILE)", LONG);
    set(&mut service, |process| process.stop = Some(Box::new(stop)));
    let main = bed.started(&service);
    bed.steps.clear();
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    assert_eq!(bed.steps.len(), 1, "the program was enough: {:?}", bed.steps);
    no_zombies();
}

#[test]
fn a_restart_program_may_keep_the_process() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let mut service = bed.service(6, DAEMON, LONG);
    let restart = bed.program(6, "restart", "exit 0", LONG);
    set(&mut service, |process| process.restart = Some(Box::new(restart)));
    let main = bed.started(&service);
    let outcome = bed.act(&service, Verb::Restart, Some(main));
    assert_eq!(outcome, Outcome::Started { main, candidates: 1 });
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
}

#[test]
fn a_service_that_nobody_followed_is_stopped_with_its_children() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::with(Some(Arc::new(Hanging)));
    let service = bed.service(1, DAEMON, LONG);
    let told = bed.scratch.at("child");
    let lines = format!("sleep 1000 & echo $! > {}; wait", told.display());
    let mut main = Stranger(Command::new("/bin/sh").args(["-c", &lines]).spawn().unwrap());
    let read = || std::fs::read_to_string(&told).ok()?.trim().parse::<u32>().ok();
    let child = facts(until(LONG, read).unwrap()).unwrap().unwrap().key;
    let main_key = main.key();
    assert_eq!(bed.act(&service, Verb::Stop, Some(main_key)), Outcome::Stopped);
    let _ = main.0.wait();
    let left = alive(child);
    // Not ours to leave behind where the test fails.
    let _ =
        Command::new("kill").args(["-9", &child.pid.to_string()]).stderr(Stdio::null()).status();
    assert!(!alive(main_key) && !left, "the child is left");
}
