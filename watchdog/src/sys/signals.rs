//! Signal settings that a process inherits from whoever started it.

/// Undoes what would make us blind: an ignored SIGCHLD (the kernel then reaps our children itself,
/// and how a program ended is lost) and blocked signals (TERM would never arrive).
pub fn forget_inherited() {
    // SAFETY: SIG_DFL runs no code of ours; `none` is a living local, filled before its use.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}
