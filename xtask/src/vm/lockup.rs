//! Guests that stand still: what an emulated kernel says of itself then, and the end of its console.
//!
//! Without KVM the host's scheduler can take a guest's CPU away in the middle of anything, for longer
//! than the guest's kernel thinks possible. Such a guest says nothing of what we test.

use std::fs;
use std::path::Path;

/// The kernel's words for a CPU that does not get on (`kernel/rcu/tree_stall.h`,
/// `kernel/watchdog.c`, `kernel/workqueue.c`, `kernel/hung_task.c`).
const WORDS: [&str; 6] = [
    "detected stalls on CPUs/tasks",
    "self-detected stall on CPU",
    "detected expedited stalls",
    "soft lockup",
    "workqueue lockup",
    "blocked for more than",
];
/// Lines of the console to show.
const SHOWN: usize = 40;

/// The console's first line that tells of a lockup.
pub(crate) fn told(console: &Path) -> Option<String> {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().find(|line| WORDS.iter().any(|word| line.contains(word))).map(str::to_owned)
}

/// The console's last lines.
pub(crate) fn end(console: &Path) -> String {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_matches('.').is_empty()).collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lockup_is_known_by_the_kernels_words() {
        let console = tempfile::NamedTempFile::new().expect("a file");
        fs::write(console.path(), "boot\r\n...\nguest login: ....\n").expect("text");
        assert_eq!(told(console.path()), None);
        assert_eq!(end(console.path()), "boot\nguest login: ....");
        let stall = "[  321.4] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:";
        fs::write(console.path(), format!("boot\n..{stall}\nmore\n")).expect("text");
        assert_eq!(told(console.path()), Some(format!("..{stall}")));
    }
}
