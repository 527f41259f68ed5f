//! The loads that `cargo xtask run` and `cargo xtask bench` put under watch. Each is bounded in
//! number, memory and time, and its children end with it.
//!
//! No argument parser and nothing before the first statement of `main`: for the bench the moment
//! this program begins is the moment that is measured.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use rustix::time::{ClockId, clock_gettime};

/// No load lives longer than this, whatever happens to those who started it.
const AGE: Duration = Duration::from_secs(20 * 60);
const MIB: usize = 1 << 20;

fn main() -> std::io::Result<()> {
    let begin = nanoseconds(ClockId::Boottime);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["leak"] => leak(2),
        ["leak", "child"] => leak(0),
        ["service", pidfile] => service(pidfile),
        ["start", stamp, pidfile] => start(begin, stamp, pidfile),
        ["stamp", file] => stamp(begin, file),
        ["end", pidfile] => end(pidfile),
        ["sleeper"] => sleep_bound_to_parent(),
        ["burst", pidfile] => burst(pidfile),
        ["burn", milliseconds] => burn(Duration::from_millis(number(milliseconds))),
        _ => Err(std::io::Error::other("watched: see its source for what it can do")),
    }
}

/// A service that leaks: with two children about 8 MB a second of touched memory, 200 MB at most.
fn leak(children: u32) -> std::io::Result<()> {
    if children == 0 {
        set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    let _children: Vec<Child> =
        (0..children).map(|_| this(&["leak", "child"])).collect::<Result<_, _>>()?;
    let begin = nanoseconds(ClockId::Boottime);
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    while nanoseconds(ClockId::Boottime) - begin < nanos(AGE) {
        if hoard.len() * MIB / 4 < 66 * MIB {
            hoard.push(vec![1; MIB / 4]);
        }
        std::thread::sleep(Duration::from_millis(94));
    }
    Ok(())
}

/// A start program as services have them: notes when it began, leaves the service behind, ends.
fn start(begin: u64, stamp: &str, pidfile: &str) -> std::io::Result<()> {
    fs::write(stamp, begin.to_string())?;
    let service = this(&["service", pidfile])?;
    // Written by the parent, so that the file is there when this program has ended.
    write_pidfile(pidfile, service.id())
}

/// Notes when it began, one line each time.
fn stamp(begin: u64, file: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(file)?;
    writeln!(file, "{begin}")
}

/// What a rule can do against a storm where there is no brake: ends the one that began it.
fn end(pidfile: &str) -> std::io::Result<()> {
    let text = fs::read_to_string(pidfile)?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| std::io::Error::other("not a pid"))?;
    // A number in a file is nobody's identity.
    let program = fs::read_link(format!("/proc/{pid}/exe"))?;
    if program.file_name().is_some_and(|name| name == "storm") {
        kill_process(pid, Signal::KILL)?;
    }
    Ok(())
}

/// The main process of a small service: two children, all asleep.
fn service(pidfile: &str) -> std::io::Result<()> {
    write_pidfile(pidfile, std::process::id())?;
    let _children = [this(&["sleeper"])?, this(&["sleeper"])?];
    std::thread::sleep(AGE);
    Ok(())
}

fn sleep_bound_to_parent() -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    std::thread::sleep(AGE);
    Ok(())
}

/// A parent that forks 40 children a second, each of which burns 15 ms of CPU and ends.
fn burst(pidfile: &str) -> std::io::Result<()> {
    write_pidfile(pidfile, std::process::id())?;
    let begin = nanoseconds(ClockId::Boottime);
    let mut children: Vec<Child> = Vec::new();
    for n in 1_u64.. {
        let due = begin + n * 25_000_000;
        let now = nanoseconds(ClockId::Boottime);
        if now - begin > nanos(AGE) {
            break;
        }
        std::thread::sleep(Duration::from_nanos(due.saturating_sub(now)));
        children.push(this(&["burn", "15"])?);
        children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
    }
    Ok(())
}

/// Burns CPU time, its own and not the wall's.
fn burn(much: Duration) -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    while nanoseconds(ClockId::ProcessCPUTime) < nanos(much) {
        std::hint::spin_loop();
    }
    Ok(())
}

/// This program again, in another part; it holds none of our pipes.
fn this(words: &[&str]) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Whole or not at all: who reads it meanwhile must not see half a number.
fn write_pidfile(path: &str, pid: u32) -> std::io::Result<()> {
    let new = format!("{path}.{}", std::process::id());
    fs::write(&new, format!("{pid}\n"))?;
    fs::rename(new, path)
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let t = clock_gettime(clock);
    u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0)
}
