//! What wakes the daemon: death, exec, signals; and that nothing is opened below /proc.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::event::{Event, ExitStatus, Exited, Signalled};
use ebpf_watchdog::source::Source;
use ebpf_watchdog::source::kernel::Options;
use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::until::until;

use crate::stage::{SERVICE, Stage, key};

fn exited(event: &Event) -> Option<Exited> {
    match event {
        Event::Exited(exited) => Some(exited.clone()),
        _ => None,
    }
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).expect("a pid"), signal).expect("our own child");
}

#[test]
fn everything_loads_on_this_kernel() {
    let stage = Stage::new(&Options::default());
    let health = stage.source.health();
    println!("{health:?}");
    assert_eq!(health.mode, "ebpf");
    let other = health.missing.iter().filter(|missing| !missing.what.contains("iterators"));
    assert_eq!(other.collect::<Vec<_>>(), Vec::<&ebpf_watchdog::source::Missing>::new());
}

#[test]
fn the_death_of_a_main_process_wakes() {
    let mut stage = Stage::new(&Options::default());
    for (script, expected) in [
        ("read x; exit 7", ExitStatus::Code(7)),
        ("read x; kill -9 $$", ExitStatus::Signal { number: 9, core: false }),
        ("read x; exit 0", ExitStatus::Code(0)),
    ] {
        let mut child =
            Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        let root = key(child.id());
        stage.source.watch(SERVICE, root).unwrap();
        stage.events.clear();
        let begin = boot_now();
        drop(child.stdin.take());
        let found = stage.await_event(exited).expect("woken");
        let late = boot_now().since(begin);
        assert_eq!((found.process, found.main, found.status), (root, true, expected));
        println!("{script}: {late:?} after its input ended");
        // The exit is told before the kernel calls it a zombie.
        let zombie = until(Duration::from_secs(60), || {
            stage.pass().of(root.pid).is_none_or(|sample| sample.zombie).then_some(())
        });
        zombie.expect("dead, and not reaped yet");
        child.wait().unwrap();
    }
}

#[test]
fn who_sent_the_signal() {
    let mut stage = Stage::new(&Options::default());
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    stage.source.watch(SERVICE, key(child.id())).unwrap();
    kill(child.id(), Signal::TERM);
    let signalled = |event: &Event| match event {
        Event::Signalled(signalled) => Some(signalled.clone()),
        _ => None,
    };
    let found: Signalled = stage.await_event(signalled).expect("told");
    assert_eq!((found.signal, found.sender), (15, std::process::id()));
    let status = stage.await_event(exited).expect("dead").status;
    assert_eq!(status, ExitStatus::Signal { number: 15, core: false });
    child.wait().unwrap();
}

#[test]
fn a_main_process_that_becomes_another_program() {
    let mut stage = Stage::new(&Options::default());
    let mut child = Command::new("sh")
        .args(["-c", "read x; exec sleep 60"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let root = key(child.id());
    stage.source.watch(SERVICE, root).unwrap();
    drop(child.stdin.take());
    let mut pass = stage.pass();
    // The name changes before the event comes.
    let told = |stage: &Stage| {
        let mut events = stage.events.iter();
        events.any(|event| matches!(event, Event::Executed { process, .. } if *process == root))
    };
    for _ in 0..1200 {
        if told(&stage) && pass.of(root.pid).is_none_or(|one| one.comm.starts_with(b"sleep\0")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        pass = stage.pass();
    }
    assert!(told(&stage));
    let sample = pass.of(root.pid).expect("the same process");
    assert_eq!((sample.process, sample.main), (root, true));
    assert!(sample.comm.starts_with(b"sleep\0"), "{:?}", sample.comm);
    kill(child.id(), Signal::KILL);
    child.wait().unwrap();
}

/// Ten passes over an idle watched set, with strace looking on.
#[test]
fn a_pass_opens_nothing_below_proc() {
    let mut stage = Stage::new(&Options::default());
    let loads: Vec<_> = (0..3).map(|_| stage.born(SERVICE, &["touch", "1"])).collect();
    stage.pass();
    let log = tempfile::NamedTempFile::new().unwrap();
    let me = rustix::thread::gettid().as_raw_nonzero().to_string();
    let mut strace = Command::new("strace")
        .args(["-p", &me, "-o"])
        .arg(log.path())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("strace is installed");
    // It is attached a moment before it sees our calls: it does once it has written one down.
    let writes = || std::fs::metadata(log.path()).is_ok_and(|log| log.len() > 0).then_some(());
    until(Duration::from_secs(60), writes).expect("strace sees our calls");
    let mark = std::fs::metadata("/dev/null").is_ok();
    for _ in 0..10 {
        assert!(stage.pass().complete && mark);
    }
    kill(strace.id(), Signal::INT);
    strace.wait().unwrap();
    let text = std::fs::read_to_string(log.path()).unwrap();
    let after = text.split("/dev/null").nth(1).expect("the mark is in the log");
    let calls = after.lines().filter(|line| line.contains('(')).count();
    println!("ten passes over 3 processes: {calls} system calls");
    assert!(calls > 30, "strace saw the passes");
    let opened: Vec<&str> = after.lines().filter(|line| line.contains("\"/proc")).collect();
    assert_eq!(opened, Vec::<&str>::new());
    drop(loads);
}
