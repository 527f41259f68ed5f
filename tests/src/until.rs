//! Waiting for something to become true, with a bound: the only sleeping loop of the tests.

use std::time::Duration;

use ebpf_watchdog::clock::boot_now;

/// Asks `probe` every few milliseconds until it answers, for at most `limit`.
pub fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = boot_now();
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if boot_now().since(begin) > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
