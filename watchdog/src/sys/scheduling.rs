//! The scheduler class of the thread that decides, with a way back when it runs too long.
//!
//! A thread under SCHED_FIFO goes before every normal one, also when something in it goes round for
//! ever. So the kernel is told to say when it has run for [`LONGEST`] without a pause (RLIMIT_RTTIME,
//! SIGXCPU), and the answer to that is the normal class.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// Longest run without a pause.
pub const LONGEST: Duration = Duration::from_millis(200);

/// The thread under SCHED_FIFO; 0 is none.
static FIRST: AtomicI32 = AtomicI32::new(0);
static OVERRAN: AtomicBool = AtomicBool::new(false);

/// Puts the calling thread under SCHED_FIFO with the lowest priority there. What it starts, threads
/// and processes, begins in the normal class.
///
/// # Errors
/// `EPERM` without CAP_SYS_NICE or an RLIMIT_RTPRIO of 1, or in a cgroup (v1) without real-time
/// budget.
pub fn go_first() -> io::Result<()> {
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    limit_run()?;
    FIRST.store(thread, Ordering::Relaxed);
    class(thread, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, 1)
}

/// Whether the thread ran too long since the last call and is in the normal class now.
pub fn overran() -> bool {
    OVERRAN.swap(false, Ordering::Relaxed)
}

/// Keeps the hard limit as it is: the signal is the answer, the end of the daemon is none.
fn limit_run() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a living local; the handler makes one system call and sets an atomic, both
    // of which signal-safety(7) allows. All zeroes are a valid `sigaction`, filled in before use.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = step_back as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&raw mut action.sa_mask);
        check(libc::sigaction(libc::SIGXCPU, &raw const action, std::ptr::null_mut()))?;
        check(libc::getrlimit(libc::RLIMIT_RTTIME, &raw mut limit))?;
        let longest = LONGEST.as_micros() as libc::rlim_t;
        limit.rlim_cur = longest.min(limit.rlim_max);
        check(libc::setrlimit(libc::RLIMIT_RTTIME, &raw const limit))
    }
}

extern "C" fn step_back(_signal: libc::c_int) {
    OVERRAN.store(true, Ordering::Relaxed);
    // Where the kernel refuses even that, its next signal tries again.
    let _ = class(FIRST.load(Ordering::Relaxed), libc::SCHED_OTHER, 0);
}

/// Only what a signal handler may do.
fn class(thread: libc::pid_t, policy: libc::c_int, priority: libc::c_int) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: priority };
    // SAFETY: `param` is a living local; the rest are numbers. Not by the C library: one of them
    // refuses the call.
    let answer =
        unsafe { libc::syscall(libc::SYS_sched_setscheduler, thread, policy, &raw const param) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread of its own: the class is a thread's.
    #[test]
    fn who_runs_too_long_goes_back_and_what_he_starts_is_normal() {
        let first = std::thread::spawn(|| {
            if go_first().is_err() {
                return None; // a host that does not grant it
            }
            let class = || std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let policy = |stat: &str| stat.rsplit(' ').nth(11).unwrap().to_owned();
            let of_child = std::thread::spawn(move || policy(&class())).join().unwrap();
            let before = policy(&class());
            // Bounded: some seconds of turns at most.
            for turn in 0_u64..20_000_000_000 {
                if turn % 1_000_000 == 0 && OVERRAN.load(Ordering::Relaxed) {
                    break;
                }
                std::hint::black_box(turn);
            }
            Some((before, of_child, overran(), policy(&class())))
        });
        let Some(found) = first.join().unwrap() else { return };
        let expected = ("1".to_owned(), "0".to_owned(), true, "0".to_owned());
        assert_eq!(found, expected, "FIFO, a normal child, told, and normal again");
    }
}
