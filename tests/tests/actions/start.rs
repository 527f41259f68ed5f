//! Starting, with start programs as they must not be.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::bed::{Bed, DAEMON, LONG, Stranger, millis, no_zombies, set};
use ebpf_watchdog::identity::ProcessKey;
use ebpf_watchdog::inbox::Message;
use ebpf_watchdog::message::{Input, Outcome, Part, Presence, Step, Verb};
use ebpf_watchdog::process::{alive, facts, snapshot};
use ebpf_watchdog::service::Match;
use ebpf_watchdog::source::Source;
use ebpf_watchdog::source::kernel::{KernelSource, Options};
use watchdog_tests::need;
use watchdog_tests::until::until;

#[test]
fn start_programs_from_hell_leave_nothing() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let programs = [
        ("hangs", "sleep 1000"),
        ("forks", "sleep 1000 & sleep 1000 & wait"),
        ("double-forks", "(setsid sleep 1000 >/dev/null 2>&1 &)"),
        ("exits without service", "exit 0"),
        ("ignores TERM", "trap '' TERM; while :; do sleep 0.05; done"),
        ("ignores TERM in the background", "(trap '' TERM; setsid sleep 1000 &); exit 0"),
        ("grandchildren hold the output", "((sleep 1000 &) &)"),
        ("exits non-zero", "echo cannot start: refused; sleep 1000 & exit 3"),
        ("stops itself", "kill -STOP $$"),
    ];
    for (what, lines) in programs {
        // Those that end by themselves are to have ended before their time is over, on a busy machine
        // too.
        let time = match what {
            "hangs" | "forks" | "ignores TERM" | "stops itself" => millis(400),
            "exits non-zero" => LONG,
            _ => Duration::from_secs(5),
        };
        let service = bed.service(0, lines, time);
        // An answer comes, so nothing hangs for ever.
        let message = bed.failure(&service, Verb::Start, Part::Start);
        bed.nothing_left(0);
        let path = bed.scratch.at("start-0");
        let shown = path.display();
        match what {
            "exits non-zero" => {
                let text = format!("(exit status 3) -- '{shown}': cannot start: refused");
                assert_eq!(message, text);
            }
            "hangs" | "forks" | "ignores TERM" | "stops itself" => {
                let text = format!("(exit status -1) -- Program '{shown}' timed out after 0.4 s");
                assert_eq!(message, text, "{what}");
            }
            _ => assert!(message.starts_with("(exit status 0) -- "), "{what}: {message}"),
        }
    }
    no_zombies();
}

#[test]
fn a_daemon_is_adopted_stopped_and_restarted() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    // It closes nothing: the daemon keeps our output file.
    let service = bed.service(1, DAEMON, LONG);
    let main = bed.started(&service);
    assert!(alive(main));
    assert_eq!(std::fs::read_to_string(bed.pidfile(1)).unwrap().trim(), main.pid.to_string());
    assert_eq!(bed.act(&service, Verb::Start, None), Outcome::Started { main, candidates: 1 });
    bed.steps.clear();
    let Outcome::Started { main: second, .. } = bed.act(&service, Verb::Restart, Some(main)) else {
        panic!("not restarted")
    };
    assert!(second != main && alive(second) && !alive(main));
    let gone = bed.steps.iter().position(|step| *step == Step::Gone).unwrap();
    let spawned = bed.steps.iter().position(|step| matches!(step, Step::Spawned(_))).unwrap();
    assert!(gone < spawned, "{:?}", bed.steps);
    assert_eq!(bed.act(&service, Verb::Stop, Some(second)), Outcome::Stopped);
    assert_eq!(bed.act(&service, Verb::Stop, None), Outcome::Stopped, "stopped is stopped");
    bed.nothing_left(1);
    no_zombies();
}

#[test]
fn the_started_process_itself_is_the_service() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let mut service = bed.service(2, "sleep 1000 & sleep 1000 & wait", LONG);
    set(&mut service, |process| process.pidfile = None);
    let main = bed.started(&service);
    assert!(bed.steps.contains(&Step::Spawned(main)));
    until(LONG, || (bed.members(2).len() == 3).then_some(())).expect("its children");
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    bed.nothing_left(2);
    no_zombies();
}

#[test]
fn a_service_that_ends_at_once_is_a_failed_start_in_its_own_words() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let lines = "echo 'cannot bind port 80' >&2\nexit 3";
    let mut service = bed.service(22, lines, Duration::from_secs(5));
    set(&mut service, |process| process.pidfile = None);
    let message = bed.failure(&service, Verb::Start, Part::Start);
    assert!(message.starts_with("(exit status 3) -- '"), "{message}");
    assert!(message.ends_with("cannot bind port 80"), "{message}");
    bed.nothing_left(22);
}

#[test]
fn a_service_in_the_foreground_is_found_by_match() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let program = bed.scratch.at("my-service");
    std::fs::copy("/bin/sleep", &program).unwrap();
    let exe = program.to_str().unwrap().to_owned();
    let mut service = bed.service(3, &format!("exec {exe} 1000"), LONG);
    set(&mut service, |process| {
        process.pidfile = None;
        process.matching = Some(Match { exe: Some(exe), args: None, user: None });
    });
    let main = bed.started(&service);
    assert!(bed.steps.contains(&Step::Spawned(main)), "the same process");
    bed.runner.find(Arc::new(service.clone()), None, Vec::new());
    let presence = until(LONG, || {
        bed.inbox.take().into_iter().find_map(|message| match message {
            Message::Input(Input::Found(found)) => Some(found.presence),
            _ => None,
        })
    });
    assert_eq!(presence, Some(Presence::Present { main, candidates: 1 }));
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    bed.nothing_left(3);
}

#[test]
fn the_start_script_is_not_taken_for_the_service_it_starts() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    // The script's own arguments fit, for half a second longer than the daemon takes to come.
    let word = format!("word-{}", bed.marked.0);
    let lines = format!("sleep 0.4; setsid sh -c 'sleep 1000; :' {word} & sleep 0.1");
    let mut service = bed.service(4, &lines, LONG);
    set(&mut service, |process| {
        process.pidfile = None;
        let args = Some(ebpf_watchdog::service::Pattern::new(&word).unwrap());
        process.matching = Some(Match { exe: None, args, user: None });
        process.start.as_mut().unwrap().argv.push(word.clone());
    });
    let main = bed.started(&service);
    assert!(!bed.steps.contains(&Step::Spawned(main)), "that is the script");
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    bed.nothing_left(4);
}

#[test]
fn what_a_dead_service_left_is_ended_before_the_next_start() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let lines = format!("(trap '' TERM; setsid sleep 1000 &)\n{DAEMON}");
    let service = bed.service(7, &lines, LONG);
    let main = bed.started(&service);
    until(LONG, || (bed.members(7).len() == 2).then_some(())).unwrap();
    let rest: HashSet<_> = bed.members(7).into_iter().filter(|key| *key != main).collect();
    Command::new("kill").args(["-9", &main.pid.to_string()]).status().unwrap();
    until(LONG, || (!alive(main)).then_some(())).unwrap();
    let Outcome::Started { main: second, .. } = bed.act(&service, Verb::Restart, Some(main)) else {
        panic!("not started")
    };
    assert!(rest.iter().all(|key| !alive(*key)) && alive(second));
    assert_eq!(bed.act(&service, Verb::Stop, Some(second)), Outcome::Stopped);
    bed.nothing_left(7);
}

#[test]
fn a_start_program_of_a_former_run_is_ended_with_its_session() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let service = bed.service(8, DAEMON, LONG);
    let former = bed.outside(8, "former", "sleep 1000 & sleep 1000 & wait", LONG);
    let mut child = Command::new("setsid").args(&former.argv).spawn().unwrap();
    let key = until(LONG, || facts(child.id()).unwrap().filter(|f| f.session == child.id()))
        .expect("a session")
        .key;
    let session = move || -> Vec<ProcessKey> {
        let all = snapshot().unwrap();
        all.into_iter().filter(|f| f.session == key.pid && !f.dead).map(|f| f.key).collect()
    };
    until(LONG, || (session().len() == 3).then_some(())).unwrap();
    let id = bed.order_with(&service, Verb::Start, None, Some(key));
    let Outcome::Started { main, .. } = bed.outcome(id) else { panic!("not started") };
    assert_eq!(session(), []);
    child.wait().unwrap();
    // Another one with the same pid would not have been touched.
    let stranger = Stranger::new();
    let not_it = ProcessKey { start: stranger.key().start - 1, ..stranger.key() };
    let id = bed.order_with(&service, Verb::Restart, Some(main), Some(not_it));
    assert!(matches!(bed.outcome(id), Outcome::Started { .. }));
    assert!(alive(stranger.key()));
}

#[test]
fn with_the_real_sensor_nothing_of_a_start_program_is_missed() {
    if !need::root() {
        return;
    }
    let source = match KernelSource::open(&Options::default()) {
        Ok(source) => source,
        Err(error) => return need::skip(&error.to_string()),
    };
    let mut bed = Bed::with(Some(source.membership()));
    // A session of its own, no parent left, and no environment by which to know it.
    let escape =
        "(setsid env -i sh -c 'trap \"\" TERM; sleep 1000 & wait; wait' >/dev/null 2>&1 &)\n";
    // Its own: another run of this test may be under way on this host.
    let name = format!("escaped{}", std::process::id());
    let mark = bed.scratch.at(&name).display().to_string();
    let escape = escape.replace("sleep 1000", &format!("{mark} 1000"));
    std::fs::copy("/bin/sleep", &mark).unwrap();
    let escaped = || -> usize {
        let all = snapshot().unwrap();
        all.iter().filter(|facts| facts.comm == name && !facts.dead).count()
    };
    let service = bed.service(0, &format!("{escape}sleep 0.1"), Duration::from_secs(3));
    let message = bed.failure(&service, Verb::Start, Part::Start);
    assert!(message.starts_with("(exit status 0) -- "), "{message}");
    assert_eq!(escaped(), 0);
    let service = bed.service(0, &format!("{escape}sleep 0.1; {DAEMON}"), LONG);
    let main = bed.started(&service);
    assert!(until(LONG, || (escaped() == 1).then_some(())).is_some(), "{}", escaped());
    assert_eq!(bed.act(&service, Verb::Stop, Some(main)), Outcome::Stopped);
    assert_eq!(escaped(), 0);
    assert!(!alive(main));
}
