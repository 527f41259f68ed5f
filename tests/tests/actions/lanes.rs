//! What hangs or is slow delays nobody else.

use std::sync::Arc;
use std::time::Duration;

use crate::bed::{Bed, DAEMON, Hanging, LONG, set};
use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::identity::ServiceId;
use ebpf_watchdog::inbox::Message;
use ebpf_watchdog::message::{Input, Outcome, Part, Verb};
use ebpf_watchdog::service::Match;
use watchdog_tests::need;
use watchdog_tests::until::until;

#[test]
fn one_slow_service_delays_no_other_and_lanes_keep_their_order() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let slow = bed.service(0, "sleep 1000", Duration::from_secs(10));
    let quick = bed.service(1, DAEMON, LONG);
    let begin = boot_now();
    let slow_start = bed.order(&slow, Verb::Start, None);
    let slow_stop = bed.order(&slow, Verb::Stop, None);
    let main = bed.started(&quick);
    assert!(boot_now().since(begin) < Duration::from_secs(10));
    assert_eq!(bed.act(&quick, Verb::Stop, Some(main)), Outcome::Stopped);
    assert!(matches!(bed.outcome(slow_start), Outcome::Failed { part: Part::Start, .. }));
    assert_eq!(bed.outcome(slow_stop), Outcome::Stopped);
    bed.nothing_left(0);
}

#[test]
fn a_look_that_hangs_delays_no_other_and_ends_a_deed_in_time() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::with(Some(Arc::new(Hanging)));
    for id in [0, 1, 2, 3] {
        // Not root's, so that the group is asked for.
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        std::fs::write(bed.pidfile(id), parent.to_string()).unwrap();
        std::os::unix::fs::chown(bed.pidfile(id), Some(65_534), None).unwrap();
    }
    for id in [0, 2, 3] {
        let service = Arc::new(bed.service(id, DAEMON, LONG));
        for _ in 0..100 {
            bed.runner.find(Arc::clone(&service), None, Vec::new());
        }
    }
    bed.runner.find(Arc::new(bed.service(1, DAEMON, LONG)), None, Vec::new());
    let hangs = bed.service(0, DAEMON, LONG);
    let start = bed.order(&hangs, Verb::Start, None);
    let mut found = Vec::new();
    let answer = until(LONG, || {
        for message in bed.inbox.take() {
            match message {
                Message::Input(Input::Found(one)) => found.push(one),
                Message::Input(Input::Acted(acted)) => {
                    bed.outcomes.insert(acted.id.0, acted.outcome);
                }
                _ => {}
            }
        }
        (found.len() == 1).then_some(())
    });
    assert!(answer.is_some(), "the look waits for those that hang");
    assert_eq!(found[0].service, ServiceId(1));
    let outcome = bed.outcome(start);
    let Outcome::Failed { part: Part::Start, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(message, "looking for it takes too long");
}

/// A service that is absent is looked for in each cycle, and a look may take longer than a cycle.
#[test]
fn looks_for_one_service_do_not_pile_up() {
    if !need::root() {
        return;
    }
    let bed = Bed::new();
    let mut service = bed.service(0, "exit 0", Duration::from_secs(1));
    set(&mut service, |process| {
        process.pidfile = None;
        process.matching =
            Some(Match { exe: Some("/no/such/program".to_owned()), args: None, user: None });
    });
    let service = Arc::new(service);
    const ASKED: usize = 20_000;
    for _ in 0..ASKED {
        bed.runner.find(Arc::clone(&service), None, Vec::new());
    }
    // The last one was asked for after all others, and nothing comes behind a deed's end.
    let mut answers = 0;
    let mut quiet = 0;
    let ended = until(LONG, || {
        let found = bed.inbox.take().len();
        answers += found;
        quiet = if found == 0 && answers > 0 { quiet + 1 } else { 0 };
        (quiet > 50).then_some(())
    });
    assert!(ended.is_some(), "no end after {answers} answers");
    assert!((1..ASKED / 10).contains(&answers), "{answers} answers");
}
