//! Loads for the kernel tests: bounded in number and time, steered by lines on standard input.
//!
//! One thread and plain fork(2), so that nothing but the load itself costs time. Every load ends at
//! the end of its input.

#![expect(unsafe_code, reason = "fork and clone3 themselves are what is tested")]

use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |index: usize| arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or(0);
    match arguments.first().map_or("", String::as_str) {
        "churn" => churn(&arguments[1], number(2)),
        "burn" => say(&format!("burnt {}", burn(number(1)))),
        "threads" => threads(number(1), number(2)),
        "touch" => touch(number(1)),
        "share" => share(number(1), number(2), &arguments[3]),
        "sleepers" => sleepers(number(1)),
        "tree" => tree(),
        "grow" => grow(),
        "shared" => shared(number(1)),
        "deaths" => deaths(),
        "write" => write(&arguments[1], number(2)),
        "exec" => exec(number(1), &arguments[0]),
        "reuse" => reuse(number(1), number(2)),
        other => panic!("unknown load {other:?}"),
    }
}

/// `count` children that live 5 to 20 ms and compute a quarter of it, eight at a time.
fn churn(kind: &str, count: u64) {
    wait_line();
    if kind == "ignore" {
        // SAFETY: a constant disposition.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    }
    for batch in 0..count.div_ceil(8) {
        let children: Vec<_> = (batch * 8..count.min(batch * 8 + 8))
            .map(|index| {
                fork(|| {
                    if kind == "orphan" && fork_only() != 0 {
                        return; // the grandchild is nobody's now
                    }
                    let life = Duration::from_micros(5_000 + index * 7_919 % 15_000);
                    burn(life.as_nanos() as u64 / 4);
                    std::thread::sleep(life * 3 / 4);
                })
            })
            .collect();
        if kind == "ignore" {
            std::thread::sleep(Duration::from_millis(15));
        } else {
            children.into_iter().for_each(reap);
        }
    }
    say("done");
    wait_line();
}

/// Threads that compute `each` nanoseconds; half of them stay, half of them end.
fn threads(count: u64, each: u64) {
    wait_line();
    let (held, hold) = std::sync::mpsc::channel::<()>();
    let hold = std::sync::Arc::new(std::sync::Mutex::new(hold));
    let mut ended = Vec::new();
    for index in 0..count {
        let hold = std::sync::Arc::clone(&hold);
        let thread = std::thread::spawn(move || {
            burn(each);
            if index % 2 == 0 {
                // Until the sender is gone.
                let _ = hold.lock().map(|hold| hold.recv());
            }
        });
        if index % 2 == 1 {
            ended.push(thread);
        }
    }
    for thread in ended {
        let _ = thread.join();
    }
    std::thread::sleep(Duration::from_millis(300));
    say("done");
    wait_line();
    drop(held);
}

/// Touches memory and keeps it.
fn touch(megabytes: u64) {
    let memory = vec![1_u8; megabytes as usize * 1024 * 1024];
    say("done");
    wait_line();
    assert_eq!(std::hint::black_box(&memory).len(), megabytes as usize * 1024 * 1024);
}

/// Memory that this process and its children share; the first child takes 100 MB of its own when the
/// file is there. Everything ends by itself within two minutes.
fn share(megabytes: u64, children: u64, file: &str) {
    const END: u32 = 120;
    // SAFETY: a plain timer; its signal ends the process.
    unsafe { libc::alarm(END) };
    let memory = vec![1_u8; megabytes as usize * 1024 * 1024];
    for child in 0..children {
        fork(|| {
            // SAFETY: as above; a child inherits no timer.
            unsafe { libc::alarm(END) };
            while child > 0 || !std::path::Path::new(file).exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            let own = vec![1_u8; 100 * 1024 * 1024];
            std::thread::sleep(Duration::from_secs(END.into()));
            std::hint::black_box(own);
        });
    }
    std::thread::sleep(Duration::from_secs(END.into()));
    std::hint::black_box(memory);
}

/// For each line "small 12", "huge 12" or "populate 12": so many megabytes more, in pages of 4 KiB,
/// in huge pages where the host gives them, or all at once without a fault.
fn grow() {
    loop {
        let line = wait_line();
        let Some((kind, megabytes)) = line.trim().split_once(' ') else {
            return;
        };
        take(kind, megabytes.parse::<usize>().expect("a number") << 20);
        say("done");
    }
}

/// Maps and writes so many bytes, which stay to the end of the process.
fn take(kind: &str, size: usize) {
    let populate = if kind == "populate" { libc::MAP_POPULATE } else { 0 };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | populate;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping that nothing else uses.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED);
    let advice = if kind == "huge" { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
    // SAFETY: the mapping made above.
    unsafe { libc::madvise(start, size, advice) };
    if populate == 0 {
        for page in (0..size).step_by(4096) {
            // SAFETY: inside the mapping made above.
            unsafe { start.cast::<u8>().add(page).write_volatile(1) };
        }
    }
}

/// A child that runs in this process's memory, as between vfork and exec, until the input ends.
fn shared(megabytes: u64) {
    extern "C" fn sleep(_: *mut libc::c_void) -> libc::c_int {
        // SAFETY: system calls only: memory and its locks are the parent's.
        unsafe { libc::sleep(300) };
        0
    }
    let memory = vec![1_u8; megabytes as usize * 1024 * 1024];
    let mut stack = vec![0_u8; 64 * 1024];
    let top = stack.as_mut_ptr_range().end.cast();
    let flags = libc::CLONE_VM | libc::SIGCHLD;
    // SAFETY: a stack of its own that outlives the child, which is ended and reaped below.
    let child = unsafe { libc::clone(sleep, top, flags, std::ptr::null_mut()) };
    assert!(child > 0, "clone: {}", std::io::Error::last_os_error());
    say("done");
    wait_line();
    // SAFETY: our own child, not reaped yet.
    unsafe { libc::kill(child, libc::SIGKILL) };
    reap(child);
    assert_eq!(std::hint::black_box(&memory).len(), megabytes as usize * 1024 * 1024);
}

/// Children that end with code 3, by signal 9, and well.
fn deaths() {
    wait_line();
    for kind in 0..3 {
        reap(fork(|| {
            // In small pages: what a process held when it ended is known, before Linux 6.16, as of
            // one of its last faults, and huge pages make few.
            take("small", 20 << 20);
            // SAFETY: a name that ends in a zero byte; our own pid; no return.
            unsafe {
                libc::prctl(libc::PR_SET_NAME, c"doomed".as_ptr());
                match kind {
                    0 => libc::_exit(3),
                    1 => libc::kill(libc::getpid(), libc::SIGKILL),
                    _ => libc::_exit(0),
                };
            }
        }));
    }
    say("done");
    wait_line();
}

/// Writes so many megabytes to a file, half of it by a thread that ends.
fn write(path: &str, megabytes: u64) {
    wait_line();
    let half = |mut file: std::fs::File| {
        let block = vec![7_u8; 1 << 20];
        for _ in 0..megabytes / 2 {
            file.write_all(&block).expect("room");
        }
        file.sync_all().expect("on the disk");
        file
    };
    let file = half(std::fs::File::create(path).expect("a file"));
    std::thread::scope(|scope| scope.spawn(|| half(file)).join().expect("written"));
    say("done");
    wait_line();
}

/// Longer than any test on a slow machine, and no longer than the parent lives.
fn sleep_beside_the_parent() {
    // SAFETY: a constant request.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    std::thread::sleep(Duration::from_secs(1200));
}

/// Children that sleep. A line with a number ends that many of them, the oldest first.
fn sleepers(count: u64) {
    wait_line();
    let mut children: Vec<i32> = (0..count).map(|_| fork(sleep_beside_the_parent)).collect();
    say("done");
    loop {
        let line = wait_line();
        let end = line.trim().parse().unwrap_or(children.len());
        for child in children.drain(..end) {
            // SAFETY: our own child, not reaped yet.
            unsafe { libc::kill(child, libc::SIGKILL) };
            reap(child);
        }
        if children.is_empty() {
            return;
        }
        say("done");
    }
}

/// A child, and a grandchild that has lost its parent. The first two sleep until the input ends.
fn tree() {
    let child = fork(sleep_beside_the_parent);
    let middle = fork(|| {
        let orphan = fork(|| std::thread::sleep(Duration::from_secs(300)));
        say(&orphan.to_string());
    });
    reap(middle);
    say(&child.to_string());
    burn(30_000_000);
    say("done");
    loop {
        let line = wait_line();
        if line.is_empty() {
            break;
        }
        burn(line.trim().parse().unwrap_or(0));
        say("done");
    }
    // SAFETY: our own child, not reaped yet.
    unsafe { libc::kill(child, libc::SIGKILL) };
    reap(child);
}

/// Replaces itself by itself so many times.
fn exec(left: u64, name: &str) {
    if left == 0 {
        say("done");
        wait_line();
        return;
    }
    let error =
        std::process::Command::new("/proc/self/exe").arg(name).arg((left - 1).to_string()).exec();
    panic!("exec: {error}");
}

/// For each line: one child with the same pid as ever, which computes, ends and is reaped.
fn reuse(pid: u64, each: u64) {
    let pid = pid as i32;
    while !wait_line().is_empty() {
        let mut arguments = libc::clone_args {
            flags: 0,
            pidfd: 0,
            child_tid: 0,
            parent_tid: 0,
            exit_signal: libc::SIGCHLD as u64,
            stack: 0,
            stack_size: 0,
            tls: 0,
            set_tid: &raw const pid as u64,
            set_tid_size: 1,
            cgroup: 0,
        };
        // The former owner may not have been freed yet: the number is not available until then.
        let child = loop {
            let size = size_of::<libc::clone_args>();
            // SAFETY: one thread, so the child may run anything; the arguments outlive the call.
            let result = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size) };
            match result {
                0 => {
                    burn(each);
                    std::process::exit(0);
                }
                -1 if std::io::Error::last_os_error().raw_os_error() == Some(libc::EEXIST) => {}
                -1 => panic!("clone3: {}", std::io::Error::last_os_error()),
                child => break child as i32,
            }
        };
        reap(child);
        say("done");
    }
}

/// Computes until this thread has used so many nanoseconds.
fn burn(nanoseconds: u64) -> u64 {
    let used = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    };
    let begin = used();
    let mut word = 1_u64;
    while used() - begin < nanoseconds {
        for _ in 0..200 {
            word =
                std::hint::black_box(word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
    used() - begin
}

fn fork(child: impl FnOnce()) -> i32 {
    let pid = fork_only();
    if pid == 0 {
        child();
        // SAFETY: ends this process without running what the parent has registered.
        unsafe { libc::_exit(0) };
    }
    pid
}

fn fork_only() -> i32 {
    // SAFETY: called with one thread only.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    pid
}

fn reap(child: i32) {
    // SAFETY: a null status is allowed.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The next line; empty at the end of the input.
fn wait_line() -> String {
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    line
}
