//! Giving memory back to the system after a start that needed far more than what follows.

/// Returns what the allocator keeps for later. Loading the kernel programs reads some ten megabytes
/// of type information, which is never needed again.
pub fn release_unused() {
    // SAFETY: malloc_trim(3) takes no pointer and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
