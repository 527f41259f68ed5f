//! The loads that `cargo xtask run`, `bench` and `compare-monit` put under watch. Each is bounded in
//! number, memory and time, and its children end with it.
//!
//! No argument parser and nothing before the first statement of `main`: for the bench the moment
//! this program begins is the moment that is measured.

mod server;

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal};
use rustix::time::{ClockId, clock_gettime};

/// No load lives longer than this, whatever happens to those who started it.
const AGE: Duration = Duration::from_secs(20 * 60);
/// Processes of a herd at most.
const MOST: u64 = 2_000;
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
        ["sleeper"] | ["sleeper", _] => sleep_bound_to_parent(),
        ["herd", folder, count] => herd(folder, number(count).min(MOST)),
        ["burst", pidfile] => burst(pidfile),
        ["begin", pidfile, ref part @ ..] => begin_service(pidfile, part),
        ["nurse", pidfile, program, ref words @ ..] => nurse(pidfile, program, words),
        ["tick", file] => {
            fs::OpenOptions::new().append(true).create(true).open(file)?.write_all(b".")
        }
        ["wish", file] => wish(file),
        ["serve", place] => server::silent(place),
        ["answer", port, file] => server::scripted(port, file),
        ["reach", port] => server::reach(port),
        ["send", count, size] => server::send(count, size),
        ["datagrams", port] => server::datagrams(port),
        ["orphan", file] => orphan(file),
        ["signal", pidfile, signal] => signal_service(pidfile, signal),
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

/// So many processes that sleep, each with its number as its argument and in a pidfile.
fn herd(folder: &str, count: u64) -> std::io::Result<()> {
    for n in 0..count {
        let child = this(&["sleeper", &format!("member-{n}")])?;
        write_pidfile(&format!("{folder}/{n}.pid"), child.id())?;
    }
    while rustix::process::wait(WaitOptions::empty())?.is_some() {}
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

/// A start program that leaves any part of this one behind, in a session of its own.
fn begin_service(pidfile: &str, part: &[&str]) -> std::io::Result<()> {
    let service = Command::new("/usr/bin/setsid")
        .arg(std::env::current_exe()?)
        .args(part)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    write_pidfile(pidfile, service.id())
}

/// Runs a program, notes its pid, and buries what it leaves behind: not every init does so at once.
fn nurse(pidfile: &str, program: &str, words: &[&str]) -> std::io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut child = Command::new(program).args(words).spawn()?;
    write_pidfile(pidfile, child.id())?;
    // The loop buries the child as well.
    while let Some((pid, _)) = rustix::process::wait(WaitOptions::empty())? {
        if pid == Pid::from_child(&child) {
            return child.try_wait().map(drop).or(Ok(()));
        }
    }
    Ok(())
}

/// A service that is what a file wishes: `memory` in MB, `children`, `threads`, `spin` in percent of
/// a CPU, one a line. It looks at the file twenty times a second.
fn wish(file: &str) -> std::io::Result<()> {
    let begin = nanoseconds(ClockId::Boottime);
    let (mut hoard, mut children, mut threads) = (Vec::new(), Vec::<Child>::new(), Vec::new());
    while nanoseconds(ClockId::Boottime) - begin < nanos(AGE) {
        let text = fs::read_to_string(file).unwrap_or_default();
        let wished = |what: &str| {
            let number = text.lines().find_map(|line| line.strip_prefix(what));
            number.and_then(|number| number.trim().parse::<usize>().ok()).unwrap_or(0)
        };
        let memory = wished("memory").min(400) * MIB;
        if hoard.len() != memory {
            hoard = vec![1_u8; memory];
        }
        while children.len() < wished("children").min(20) {
            children.push(this(&["sleeper"])?);
        }
        for mut child in children.drain(wished("children").min(children.len())..) {
            child.kill()?;
            child.wait()?;
        }
        // A thread waits for its sender to go.
        while threads.len() < wished("threads").min(20) {
            let (end, wait) = std::sync::mpsc::channel::<()>();
            threads.push((end, std::thread::spawn(move || wait.recv())));
        }
        for (end, thread) in threads.drain(wished("threads").min(threads.len())..) {
            drop(end);
            let _ended = thread.join();
        }
        let busy = Duration::from_millis(50).mul_f64(wished("spin").min(100) as f64 / 100.0);
        let spun = nanoseconds(ClockId::Boottime);
        while nanoseconds(ClockId::Boottime) - spun < nanos(busy) {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_millis(50).saturating_sub(busy));
    }
    Ok(())
}

/// The parent of a process that nobody buries until the file is there: a zombie, once it is killed.
/// Its pid is written to the file with `.pid` behind.
fn orphan(file: &str) -> std::io::Result<()> {
    let mut child = this(&["sleeper"])?;
    write_pidfile(&format!("{file}.pid"), child.id())?;
    for _ in 0..AGE.as_secs() * 20 {
        if fs::exists(file)? {
            child.kill()?;
            child.wait()?;
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Sends a signal to the process of a pidfile, if it is this very program.
fn signal_service(pidfile: &str, signal: &str) -> std::io::Result<()> {
    let pid = fs::read_to_string(pidfile)?.trim().parse().ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| std::io::Error::other("not a pid"))?;
    if fs::read_link(format!("/proc/{pid}/exe"))? != std::env::current_exe()? {
        return Err(std::io::Error::other("somebody else's process"));
    }
    let signal = match signal {
        "TERM" => Signal::TERM,
        "KILL" => Signal::KILL,
        _ => return Err(std::io::Error::other("TERM or KILL")),
    };
    kill_process(pid, signal).map_err(std::io::Error::from)
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
