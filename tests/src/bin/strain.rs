//! Loads of `cargo xtask bench` that a line on standard input begins, bounded in number, memory and
//! time; each answers with a line of numbers. Everything ends with the input, or after twenty minutes.
//!
//! Moments are nanoseconds of CLOCK_BOOTTIME. Not here: what is measured (`xtask/src/bench`).

#![expect(unsafe_code, reason = "fork, exec and bare mappings are what is measured")]

use std::ffi::CString;
use std::io::{BufRead, Write};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const MIB: usize = 1 << 20;
const PAGE: usize = 4096;
const HUGE: usize = 2 * MIB;
/// No load outlives this, in seconds.
const END: u32 = 20 * 60;
/// Processes of one load.
const MOST: u64 = 30_000;
/// Seconds of a flood.
const LONGEST_FLOOD: u64 = 60;
/// Processes of a bomb at the same time.
const ABREAST: u64 = 64;
/// MAX_ARG_STRLEN (include/uapi/linux/binfmts.h), with its end.
const LONGEST_ARGUMENT: usize = 32 * PAGE;
/// The first word of a bomb's processes.
const BOMBED: &str = "bombed";
/// Debian's user and group `nobody` and `nogroup`.
const NOBODY: u32 = 65_534;
/// Memory of one load.
const MOST_MIB: usize = 2_048;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, name, ..] = &arguments[..]
        && first == BOMBED
    {
        return bombed(name);
    }
    // SAFETY: plain settings of this process; its children are reaped by the kernel.
    unsafe {
        libc::alarm(END);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    if let Some(pidfile) = arguments.first() {
        std::fs::write(pidfile, format!("{}\n", std::process::id())).expect("the pidfile");
    }
    let mut held = Held::default();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words.get(index).and_then(|w| w.parse().ok()).unwrap_or(0_u64);
        let answer = match words[0] {
            "grow" => held.grow(words[1], words[2], number(3) as usize),
            "leak" => held.leak(number(1), number(2) as usize),
            "free" => held.free(),
            "storm" => storm(number(1), number(2), number(3), number(4)),
            "flood" => flood(number(1)),
            "bomb" => bomb(number(1)),
            "exec" => cpu_of(|| exec(number(1))),
            "touch" => cpu_of(|| Held::default().touch("small", number(1) as usize * MIB)),
            "herd" => herd(number(1)),
            other => panic!("unknown load {other:?}"),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).expect("an answer");
    }
}

/// Memory mapped and touched, given back when dropped.
#[derive(Default)]
struct Held(Vec<(*mut u8, usize)>);

impl Held {
    /// Grows past a limit on this process's memory (`rss` or `pss`) by 32 MiB and answers when it
    /// had touched the limit's last page. Steps as they come: `small` pages, `huge` ones, or
    /// `populate`, where the kernel touches all at once.
    fn grow(&mut self, pages: &str, memory: &str, limit: usize) -> u64 {
        let left = (limit.min(MOST_MIB) * MIB).saturating_sub(memory_now(memory));
        // One more page than fits.
        self.touch(pages, left + PAGE);
        let crossed = now();
        self.touch(pages, 32 * MIB);
        crossed
    }

    /// So many MiB a second until a limit (RSS); answers when it had touched the limit's last page.
    fn leak(&mut self, rate: u64, limit: usize) -> u64 {
        let left = (limit.min(MOST_MIB) * MIB).saturating_sub(memory_now("rss")) + PAGE;
        let begin = now();
        let mut done = 0;
        while done < left {
            std::thread::sleep(Duration::from_millis(20));
            let due = (now() - begin) as u128 * (rate as usize * MIB) as u128 / 1_000_000_000;
            let step = (due as usize).min(left).saturating_sub(done) / PAGE * PAGE;
            let step = if due as usize >= left { left - done } else { step };
            if step > 0 {
                self.touch("small", step);
                done += step;
            }
        }
        now()
    }

    /// Maps and touches.
    fn touch(&mut self, pages: &str, bytes: usize) {
        let populate = if pages == "populate" { libc::MAP_POPULATE } else { 0 };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | populate;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let size = bytes.next_multiple_of(PAGE);
        // Huge pages begin at a multiple of their size.
        let room = if pages == "huge" { size + HUGE } else { size };
        // SAFETY: a new mapping that nothing else uses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), room, access, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "memory");
        self.0.push((start.cast(), room));
        let advice = if pages == "huge" { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
        // SAFETY: the mapping made above.
        unsafe { libc::madvise(start, room, advice) };
        let skip = if pages == "huge" { start.cast::<u8>().align_offset(HUGE) } else { 0 };
        if populate == 0 {
            for page in (0..size).step_by(PAGE) {
                // SAFETY: inside the mapping made above.
                unsafe { start.cast::<u8>().add(skip + page).write_volatile(1) };
            }
        }
    }

    fn free(&mut self) -> u64 {
        for (start, size) in self.0.drain(..) {
            // SAFETY: a mapping of ours that nothing else uses.
            unsafe { libc::munmap(start.cast(), size) };
        }
        now()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.free();
    }
}

/// `count` children, `pause` microseconds from one to the next, each living `life` milliseconds.
/// Answers when the number `at` had been forked.
fn storm(count: u64, pause: u64, life: u64, at: u64) -> u64 {
    // SAFETY: a constant disposition: children are reaped by the kernel.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let begin = now();
    let mut passed = 0;
    for number in 1..=count.min(MOST) {
        fork(|| std::thread::sleep(Duration::from_millis(life.min(60_000))));
        if number == at {
            passed = now();
        }
        let due = begin + number * pause * 1_000;
        std::thread::sleep(Duration::from_nanos(due.saturating_sub(now())));
    }
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    passed
}

/// Children that end at once, one after the other, for so many seconds. Answers how many.
fn flood(seconds: u64) -> u64 {
    let end = now() + seconds.min(LONGEST_FLOOD) * 1_000_000_000;
    let mut count = 0;
    while now() < end {
        let child = fork(|| {});
        // SAFETY: a null status is allowed.
        unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        count += 1;
    }
    count
}

/// A user's processes, for so many seconds: each with an argument as long as the kernel takes it, and a
/// name that no other one has. Answers how many.
fn bomb(seconds: u64) -> u64 {
    let end = now() + seconds.min(LONGEST_FLOOD) * 1_000_000_000;
    let argument = CString::new(vec![b'x'; LONGEST_ARGUMENT - 1]).expect("no NUL");
    let word = CString::new(BOMBED).expect("no NUL");
    let mut count = 0;
    while now() < end && count < MOST {
        if count >= ABREAST {
            // SAFETY: a null status is allowed.
            unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
        }
        let name = CString::new(format!("bomb{count}")).expect("no NUL");
        fork(|| {
            let (own, end) = (c"strain".as_ptr(), std::ptr::null());
            let arguments = [own, word.as_ptr(), name.as_ptr(), argument.as_ptr(), end];
            // SAFETY: plain settings of the child; a path and a list of arguments as they must be; on
            // failure the child ends.
            unsafe {
                libc::setgid(NOBODY);
                libc::setuid(NOBODY);
                libc::execv(c"/proc/self/exe".as_ptr(), arguments.as_ptr());
            }
        });
        count += 1;
    }
    // SAFETY: a null status is allowed.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } > 0 {}
    count
}

/// What one of them does.
fn bombed(name: &str) {
    let name = CString::new(name).expect("no NUL");
    // SAFETY: a name that ends in a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    std::thread::sleep(Duration::from_millis(100));
}

/// Runs a program that ends at once, one after the other.
fn exec(count: u64) {
    for _ in 0..count.min(MOST) {
        let child = fork(|| {
            let arguments = [c"/bin/true".as_ptr(), std::ptr::null()];
            // SAFETY: a path and a list of arguments as they must be; on failure the child ends.
            unsafe { libc::execv(arguments[0], arguments.as_ptr()) };
        });
        // SAFETY: a null status is allowed.
        unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    }
}

/// So many children that sleep until this process ends.
fn herd(count: u64) -> u64 {
    for _ in 0..count.min(MOST) {
        fork(|| {
            // SAFETY: plain settings of the child, and a wait for a signal.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                libc::alarm(END);
                libc::pause();
            }
        });
    }
    count.min(MOST)
}

/// CPU time of this process and its reaped children for something, in nanoseconds.
fn cpu_of(what: impl FnOnce()) -> u64 {
    let before = cpu();
    what();
    cpu() - before
}

fn cpu() -> u64 {
    let of = |who| {
        // SAFETY: all zeroes are a valid `rusage`, which the call fills.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &raw mut usage);
            usage
        };
        let micros = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
        (micros(usage.ru_utime) + micros(usage.ru_stime)) * 1_000
    };
    of(libc::RUSAGE_SELF) + of(libc::RUSAGE_CHILDREN)
}

/// Memory of this process in bytes, counted exactly: the kernel walks its pages.
fn memory_now(kind: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
    let name = if kind == "pss" { "Pss:" } else { "Rss:" };
    let kb = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    kb.and_then(|kb| kb.parse::<usize>().ok()).expect("a size") * 1024
}

fn fork(child: impl FnOnce()) -> i32 {
    // SAFETY: one thread only.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        child();
        // SAFETY: ends this process without running what the parent has registered.
        unsafe { libc::_exit(0) };
    }
    pid
}

fn now() -> u64 {
    let t = clock_gettime(ClockId::Boottime);
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}
