//! Our own memory: what a start needed and nothing needs later is given back, the rest is kept.

use std::sync::atomic::{AtomicBool, Ordering};

/// The allocator takes memory for all threads from two places, not from eight for each processor: what
/// many threads had in use for a moment would stay with each of them, as it may not be swapped out. What
/// is large goes back to the kernel at once. Before there is another thread.
pub fn share_arenas() {
    /// Two: the thread that decides does not wait for the others.
    #[cfg(target_env = "gnu")]
    const SETTINGS: [(libc::c_int, libc::c_int); 3] = [
        (libc::M_ARENA_MAX, 2),
        // Named, or each large piece that is freed would raise them.
        (libc::M_MMAP_THRESHOLD, 256 << 10),
        (libc::M_TRIM_THRESHOLD, 1 << 20),
    ];
    #[cfg(target_env = "gnu")]
    for (what, value) in SETTINGS {
        // SAFETY: mallopt(3) takes two numbers; there is one thread.
        unsafe { libc::mallopt(what, value) };
    }
}

/// Whether [`keep`] is in force.
static KEPT: AtomicBool = AtomicBool::new(false);

/// Returns what the allocator keeps for later: a rule file of ten thousand services takes some twenty
/// megabytes to read, the type information of the kernel programs ten. What is locked the kernel does not
/// take back: for these few milliseconds nothing is. Not on the thread that decides.
///
/// # Errors
/// Where what was granted before is refused now: memory may be swapped out from then on.
pub fn release_unused() -> std::io::Result<()> {
    let kept = KEPT.load(Ordering::Acquire);
    // SAFETY: munlockall(2) takes nothing and changes no content; malloc_trim(3) takes no pointer and
    // may be called at any time from any thread.
    unsafe {
        if kept {
            libc::munlockall();
        }
        libc::malloc_trim(0);
    }
    if kept { keep() } else { Ok(()) }
}

/// Keeps in memory what this process has touched and will touch: it never waits for the disk then.
/// Only on touch: everything at once would be twenty times as much.
///
/// # Errors
/// `EPERM` or `ENOMEM` without CAP_IPC_LOCK and with too small an RLIMIT_MEMLOCK.
pub fn keep() -> std::io::Result<()> {
    // SAFETY: mlockall(2) takes no pointer. It changes no content of any memory.
    let answer =
        unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) };
    if answer < 0 {
        return Err(std::io::Error::last_os_error());
    }
    KEPT.store(true, Ordering::Release);
    Ok(())
}
