//! A hook that no longer tells is noticed, attached anew and told once; its cost is counted.

use std::time::Duration;

use ebpf_watchdog::clock::{BootTime, boot_now};
use ebpf_watchdog::event::Event;
use ebpf_watchdog::source::Source;
use ebpf_watchdog::source::kernel::Options;
use watchdog_tests::until::until;

use crate::stage::{Load, SERVICE, Stage};

/// Canaries fly every ten seconds; a loaded machine may be late.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tends the sensor as the daemon does until `found` answers.
fn tend<T>(stage: &mut Stage, found: impl Fn(&Stage) -> Option<T>) -> T {
    let mut next = Some(BootTime::default());
    let answer = until(PATIENCE, || {
        let now = boot_now();
        if next.is_some_and(|next| next <= now) {
            next = stage.source.tend(now, &mut stage.events);
        }
        stage.source.drain(&mut stage.events);
        found(stage)
    });
    answer.unwrap_or_else(|| panic!("not in time: {:?} {:?}", stage.events, stage.source.health()))
}

fn blind(stage: &Stage, name: &str) -> Option<BootTime> {
    let is = |event: &&Event| matches!(event, Event::Blind { hook, .. } if hook == name);
    stage.events.iter().find(is).map(|_| boot_now())
}

fn sighted(stage: &Stage, name: &str) -> Option<BootTime> {
    let is = |event: &&Event| matches!(event, Event::Sighted { hook } if hook == name);
    stage.events.iter().find(is).map(|_| boot_now())
}

#[test]
fn lost_hooks_are_noticed_and_attached_anew() {
    let mut stage = Stage::new(&Options::default());
    let mut load = Load::start(&["sleepers", "3"]);
    stage.source.watch(SERVICE, load.key()).unwrap();
    tend(&mut stage, |stage| stage.source.health().proved);
    assert!(stage.events.iter().all(|event| !matches!(event, Event::Blind { .. })));
    assert!(stage.source.health().programs.iter().all(|program| program.attached));

    // Two at once, neither of them what the canary is known by.
    stage.source.detach("exit");
    stage.source.detach("signal");
    let lost = boot_now();
    let noticed = tend(&mut stage, |stage| blind(stage, "sched_process_exit"));
    let back = tend(&mut stage, |stage| sighted(stage, "sched_process_exit"));
    tend(&mut stage, |stage| sighted(stage, "signal_generate"));
    println!("noticed after {:?}, proved again after {:?}", noticed.since(lost), back.since(lost));

    // A child born while the birth is not told is a member all the same once it is.
    stage.events.clear();
    stage.source.detach("fork");
    load.say("go");
    assert_eq!(load.hear(), "done");
    tend(&mut stage, |stage| sighted(stage, "sched_process_fork"));
    let pass = stage.pass();
    assert_eq!(pass.samples.len(), 4, "{:?}", pass.samples);

    let health = stage.source.health();
    // Once each; on a host so busy that a canary is not told of twice running, others as well.
    assert!(health.reattached >= 3, "{health:?}");
    let fork =
        |event: &&Event| matches!(event, Event::Blind { hook, .. } if hook.ends_with("fork"));
    assert_eq!(stage.events.iter().filter(fork).count(), 1, "{:?}", stage.events);
    assert_eq!(health.lost, 0);
    let times = |text: &str| health.missing.iter().filter(|m| m.what.contains(text)).count();
    assert_eq!(times("tells"), 0, "{:?}", health.missing);

    // The death is told by its hook again.
    load.end();
    let end = stage.await_event(|event| match event {
        Event::Exited(exited) if exited.main => Some(exited.clone()),
        _ => None,
    });
    assert!(end.is_some(), "{:?}", stage.events);
}

#[test]
fn a_blind_hook_that_cannot_come_back_has_a_pass_each_second() {
    let mut stage = Stage::new(&Options::default());
    let mut load = Load::start(&["sleepers", "1"]);
    stage.source.watch(SERVICE, load.key()).unwrap();
    stage.source.detach("exit");
    tend(&mut stage, |stage| blind(stage, "sched_process_exit"));
    stage.source.detach("exit");
    stage.events.clear();
    load.end();
    let ended = boot_now();
    let complete = tend(&mut stage, |stage| {
        let seen = stage.events.iter().any(|event| matches!(event, Event::PassEnd { .. }));
        seen.then(boot_now)
    });
    println!("a death without its hook: a pass after {:?}", complete.since(ended));
}

#[test]
fn what_the_programs_cost_is_counted() {
    let mut stage = Stage::new(&Options::default());
    let cost = tend(&mut stage, |stage| {
        let health = stage.source.health();
        health.programs.iter().find(|program| program.name == "fork").and_then(|fork| fork.cost)
    });
    assert!(cost.over >= Duration::from_secs(1), "{cost:?}");
}
