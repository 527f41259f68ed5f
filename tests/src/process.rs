//! What `/proc` says of a process: whether it runs, stands still, or is gone. A signal that was sent has
//! not yet been answered: who has sent one waits here for what it is to bring about.
//!
//! Not here: what the daemon thinks of it.

use std::fmt::Display;
use std::time::Duration;

use crate::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// Some fields of `/proc/PID/stat`, see proc(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Of its program, 15 bytes of it; another one until it has exec'ed.
    pub name: String,
    /// R, S, D, T, Z, X …
    pub state: char,
    /// Its parent's pid.
    pub parent: u32,
    /// When it began, in ticks of the boot clock.
    pub start: u64,
}

/// Of who has this pid now; none where nobody has it.
pub fn stat(pid: impl Display) -> Option<Stat> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name may hold anything, parentheses as well.
    let (name, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat {
        name: name.split_once('(')?.1.to_owned(),
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// Whether it runs; one that only waits to be reaped (by a slow pid 1, say) does not.
pub fn runs(pid: impl Display) -> bool {
    stat(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X' | 'x'))
}

/// Waits until a signal has stopped it.
///
/// # Panics
/// It does not stop.
pub fn wait_stopped(pid: impl Display) {
    let stopped = || stat(&pid).is_some_and(|stat| stat.state == 'T').then_some(());
    assert!(until(PATIENCE, stopped).is_some(), "{pid} does not stop: {:?}", stat(&pid));
}

/// Waits until it runs no more, reaped or not.
///
/// # Panics
/// It goes on.
pub fn wait_ended(pid: impl Display) {
    let ended = until(PATIENCE, || (!runs(&pid)).then_some(()));
    assert!(ended.is_some(), "{pid} does not end: {:?}", stat(&pid));
}
