//! A fork storm, bounded in number and time, that keeps account of every process that ever existed.
//!
//! `storm linear|tree COUNT LIFE_MS PAUSE_US FILE`: waits until `FILE.go` is there, then forks
//! COUNT processes at most: `linear` from this process, `tree` from every process. Each pauses
//! between two forks and lives for LIFE_MS after its last. FILE holds 32-bit words: how many were
//! begun, then the pid of each. Everything ends by itself within two minutes.

#![expect(unsafe_code, reason = "fork and shared memory are what the storm is made of")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The first process lives no longer than this.
const END: u32 = 120;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, count, life, pause, file] = &arguments[..] else {
        panic!("storm linear|tree COUNT LIFE_MS PAUSE_US FILE")
    };
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let count = number(count).min(3_000);
    let storm = Storm {
        tree: kind == "tree",
        count,
        life: Duration::from_millis(number(life).into()),
        pause: Duration::from_micros(number(pause).into()),
        account: account(file, count),
    };
    // SAFETY: a plain timer; its signal ends the process.
    unsafe { libc::alarm(END) };
    while !Path::new(&format!("{file}.go")).exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    storm.forks();
    loop {
        // Children that have ended are not left as zombies; the alarm ends this.
        reap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Storm {
    tree: bool,
    count: u32,
    life: Duration,
    pause: Duration,
    account: &'static [AtomicU32],
}

impl Storm {
    /// Forks until the number is reached.
    fn forks(&self) {
        loop {
            let number = self.account[0].fetch_add(1, Ordering::SeqCst) + 1;
            if number > self.count {
                return;
            }
            // SAFETY: one thread only.
            match unsafe { libc::fork() } {
                0 => {
                    self.account[number as usize].store(std::process::id(), Ordering::SeqCst);
                    // SAFETY: as in `main`; a child does not inherit it.
                    unsafe { libc::alarm(END) };
                    if self.tree {
                        std::thread::sleep(self.pause);
                        self.forks();
                    }
                    std::thread::sleep(self.life);
                    // SAFETY: ends this process without running what the parent has registered.
                    unsafe { libc::_exit(0) };
                }
                -1 => return,
                _ => {}
            }
            std::thread::sleep(self.pause);
            reap();
        }
    }
}

fn reap() {
    // SAFETY: a null status is allowed.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// The shared words.
fn account(file: &str, count: u32) -> &'static [AtomicU32] {
    let words = count as usize + 1;
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(file)
        .expect("the account");
    file.set_len(words as u64 * 4).expect("room for the account");
    // SAFETY: a shared mapping of a file of that length, never unmapped; atomics may be shared.
    unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let shared = libc::MAP_SHARED;
        let words_at =
            libc::mmap(std::ptr::null_mut(), words * 4, protection, shared, file.as_raw_fd(), 0);
        assert_ne!(words_at, libc::MAP_FAILED, "the account is mapped");
        std::slice::from_raw_parts(words_at.cast(), words)
    }
}
