//! The resource limits of another process.

/// The soft limit on open descriptors; `None` where the process is gone or may not be asked.
pub fn descriptors(pid: u32) -> Option<u64> {
    let pid = libc::pid_t::try_from(pid).ok()?;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the new limit is null, so nothing is set; the old one is written to `limit`, which lives
    // for the whole call.
    let done = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut limit) };
    (done == 0).then_some(limit.rlim_cur)
}
