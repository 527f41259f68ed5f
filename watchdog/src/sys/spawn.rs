//! Starting a program with nothing of ours left in it: fork, reset, exec.
//!
//! The child gets its own session, no descriptor but 0, 1 and 2, default signals, the limits and
//! priorities that the daemon itself was started with, and its user. All that allocates, locks or
//! looks up happens before the fork; between fork and exec only system calls are made.
//! A fork copies the page tables: measured in a program with as much locked memory, 2 ms at 60 MB and 3 ms
//! at 100 MB. A child in our own memory (vfork) would save that, but its change of user goes to all our
//! threads by the C library, and the shared memory stops being dumpable: not worth it.
//! Not here: what to run, and the environment's content (`action`).

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::pipe::PipeFlags;

use super::account::Account;

/// Priorities and limits, as the daemon found them when it started and before it changed any.
#[derive(Debug, Clone)]
pub struct Baseline {
    policy: libc::c_int,
    priority: libc::c_int,
    nice: libc::c_int,
    oom_score_adj: Vec<u8>,
    limits: [(Limit, libc::rlimit); 4],
}

// The type of a resource's number differs between C libraries.
#[cfg(target_env = "gnu")]
type Limit = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Limit = libc::c_int;

const LIMITS: [Limit; 4] =
    [libc::RLIMIT_NOFILE, libc::RLIMIT_MEMLOCK, libc::RLIMIT_CORE, libc::RLIMIT_RTTIME];

/// The kernel's last real-time signal.
const LAST_SIGNAL: libc::c_int = 64;

impl Baseline {
    /// The settings now: call it before the daemon changes its own.
    pub fn read() -> Self {
        // SAFETY: plain data for which zeroes are valid; filled in by the call below.
        let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
        // SAFETY: no pointer but to a living local.
        let (policy, nice) = unsafe {
            libc::sched_getparam(0, &raw mut param);
            (libc::sched_getscheduler(0).max(0), libc::getpriority(libc::PRIO_PROCESS, 0))
        };
        let limits = LIMITS.map(|which| {
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: `limit` is a living local of the right type.
            unsafe { libc::getrlimit(which, &raw mut limit) };
            (which, limit)
        });
        let oom_score_adj = std::fs::read("/proc/self/oom_score_adj").unwrap_or_default();
        Self { policy, priority: param.sched_priority, nice, oom_score_adj, limits }
    }
}

/// A program to start.
#[derive(Debug)]
pub struct Launch<'a> {
    /// Absolute path and arguments; not empty.
    pub argv: &'a [String],
    /// The whole environment.
    pub env: &'a [(String, String)],
    /// Working directory.
    pub cwd: &'a Path,
    /// What to run as.
    pub account: &'a Account,
    /// Standard output.
    pub output: File,
    /// Standard error.
    pub errors: File,
    /// Settings to go back to.
    pub baseline: &'a Baseline,
}

/// Forks and execs. Returns when the exec is done: an `Ok` means that the program runs.
///
/// Blocks for as long as the exec takes (a file on a dead NFS server: for ever): call it on a
/// thread that may.
///
/// # Errors
/// The fork's (`EAGAIN`), the change of user's or the exec's error (`ENOENT`, `EACCES`, …).
pub fn launch(launch: &Launch<'_>) -> io::Result<Child> {
    let reset = Reset::new(launch.baseline, launch.account);
    run(launch, move || reset.apply())
}

/// As [`launch`], but the new process waits before the exec until `noted`, which is told its pid,
/// has returned: true lets it go on, false ends it. Should we be killed meanwhile, it ends as well.
/// So nothing ever runs that nobody had a note of.
///
/// # Errors
/// As [`launch`]; `Interrupted` where `noted` said false.
pub fn launch_noted(
    launch: &Launch<'_>,
    noted: &(dyn Fn(u32) -> bool + Sync),
) -> io::Result<Child> {
    let reset = Reset::new(launch.baseline, launch.account);
    let (pid, tell) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (hold, open) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let gate = Gate { tell: tell.as_raw_fd(), hold: hold.as_raw_fd(), parent: std::process::id() };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut bytes = [0; 4];
            // Nothing to read: the fork failed, or what comes before the gate.
            if matches!(rustix::io::read(&pid, &mut bytes), Ok(4)) {
                let word = [u8::from(noted(u32::from_ne_bytes(bytes)))];
                // Nobody reads it where the process was ended meanwhile.
                let _ = rustix::io::write(&open, &word);
            }
        });
        let child = run(launch, move || {
            reset.apply()?;
            gate.pass()
        });
        // The other thread sees the end of the pipe when nobody can write to it any more.
        drop(tell);
        child
    })
}

/// The child's ends of two pipes, and whose child it is.
#[derive(Clone, Copy)]
struct Gate {
    tell: RawFd,
    hold: RawFd,
    parent: u32,
}

impl Gate {
    /// Tells the pid and waits for the word to go on.
    fn pass(self) -> io::Result<()> {
        // SAFETY: numbers, and buffers that live; the descriptors were inherited and are open.
        unsafe {
            // Other children forked meanwhile hold the pipe's other end too: only this tells for
            // sure that we were killed. After the change of user, which clears it.
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
            if libc::getppid().cast_unsigned() != self.parent {
                return Err(io::Error::from_raw_os_error(libc::EINTR));
            }
            let pid = libc::getpid().cast_unsigned().to_ne_bytes();
            libc::write(self.tell, pid.as_ptr().cast(), pid.len());
            let mut word = 0_u8;
            if libc::read(self.hold, (&raw mut word).cast(), 1) != 1 || word != 1 {
                return Err(io::Error::from_raw_os_error(libc::EINTR));
            }
            check(libc::prctl(libc::PR_SET_PDEATHSIG, 0))
        }
    }
}

fn run(
    launch: &Launch<'_>,
    before_exec: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<Child> {
    let Some((program, arguments)) = launch.argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program"));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .current_dir(launch.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::from(launch.output.try_clone()?))
        .stderr(Stdio::from(launch.errors.try_clone()?));
    // SAFETY: the closures of this module make system calls only. They neither allocate nor lock:
    // everything that they use was made before the fork and is only read.
    unsafe { command.pre_exec(before_exec) };
    command.spawn()
}

/// What the child does between fork and exec; made before the fork.
struct Reset {
    baseline: Baseline,
    uid: libc::uid_t,
    gid: libc::gid_t,
    groups: Vec<libc::gid_t>,
    become_other: bool,
}

impl Reset {
    fn new(baseline: &Baseline, account: &Account) -> Self {
        let root = rustix::process::geteuid().is_root();
        Self {
            baseline: baseline.clone(),
            uid: account.uid,
            gid: account.gid,
            groups: account.groups.clone(),
            // A daemon without rights (tests) can only run programs as itself.
            become_other: root || account.uid != rustix::process::geteuid().as_raw(),
        }
    }

    /// # Errors
    /// Where going on would give the program more than it should have: session, user, descriptors.
    /// Priorities and limits are restored as far as the kernel lets us.
    fn apply(&self) -> io::Result<()> {
        self.settings();
        // SAFETY: plain system calls on numbers; `groups` lives and its length is its own.
        unsafe {
            check(libc::setsid())?;
            libc::umask(0o022);
            if self.become_other {
                check(libc::setgroups(self.groups.len() as _, self.groups.as_ptr()))?;
                check(libc::setresgid(self.gid, self.gid, self.gid))?;
                libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
                check(libc::setresuid(self.uid, self.uid, self.uid))?;
            }
        }
        self.signals();
        close_on_exec()
    }

    fn settings(&self) {
        let param = libc::sched_param { sched_priority: self.baseline.priority };
        // SAFETY: `param` and the limits are living locals; the path is a NUL-terminated literal;
        // the text's length is its own. Errors are meant to be ignored, see `apply`.
        unsafe {
            libc::sched_setscheduler(0, self.baseline.policy, &raw const param);
            libc::setpriority(libc::PRIO_PROCESS, 0, self.baseline.nice);
            for (which, limit) in &self.baseline.limits {
                libc::setrlimit(*which, limit);
            }
            let path = c"/proc/self/oom_score_adj";
            let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if file >= 0 {
                let text = &self.baseline.oom_score_adj;
                libc::write(file, text.as_ptr().cast(), text.len());
                libc::close(file);
            }
        }
    }

    fn signals(&self) {
        // All zeroes: SIG_DFL, no flags, nothing blocked; the kernel's `sigaction` is at most this
        // big. Not by the C library: it refuses the two signals that it keeps for itself, and an
        // ignored one would be inherited.
        let default = [0_u64; 4];
        // SAFETY: `default` lives, and the kernel's set of signals has 8 bytes; SIG_DFL runs no code
        // of ours. KILL and STOP refuse, which is right. `none` is filled by sigemptyset.
        unsafe {
            for signal in 1..=LAST_SIGNAL {
                libc::syscall(
                    libc::SYS_rt_sigaction,
                    signal,
                    default.as_ptr(),
                    std::ptr::null_mut::<u64>(),
                    8_usize,
                );
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        }
    }
}

/// Marks all descriptors from 3 on: they are closed by the exec. Not closed at once, because one of
/// them is the pipe by which the parent learns of a failed exec.
///
/// # Errors
/// A kernel before 5.11 that does not tell the limit on descriptors.
pub fn close_on_exec() -> io::Result<()> {
    // SAFETY: numbers only.
    let done = unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0
    };
    if done {
        return Ok(());
    }
    // Before Linux 5.11. The limit on numbers bounds the loop.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a living local; the rest are numbers.
    unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit))?;
        let last = libc::c_int::try_from(limit.rlim_max.min(1 << 20)).unwrap_or(1 << 20);
        for number in 3..last {
            libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
    Ok(())
}

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
