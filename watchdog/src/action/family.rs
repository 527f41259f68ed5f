//! A program and all that came from it, told by session and parents: for programs that are run
//! outside the service's group, and where the sensor cannot say.
//!
//! Less sure than the group: a process that left the session and lost its parent between two looks
//! is missed.

use std::collections::{HashMap, HashSet};

use crate::identity::ProcessKey;
use crate::process::{Facts, snapshot};

/// A program's process and what was seen to come from it.
#[derive(Debug)]
pub(super) struct Family {
    root: ProcessKey,
    seen: HashSet<ProcessKey>,
}

impl Family {
    /// Of the leader of a session of its own.
    pub(super) fn of(root: ProcessKey) -> Self {
        Self { root, seen: HashSet::from([root]) }
    }

    /// Those that live now; remembers all for the next look.
    pub(super) fn living(&mut self) -> Vec<ProcessKey> {
        let Ok(rows) = snapshot() else { return Vec::new() };
        self.learn(&rows);
        rows.iter().filter(|row| !row.dead && self.seen.contains(&row.key)).map(|r| r.key).collect()
    }

    /// Those that live now without the root.
    pub(super) fn descendants(mut self) -> Vec<ProcessKey> {
        let root = self.root;
        self.living().into_iter().filter(|key| *key != root).collect()
    }

    fn learn(&mut self, rows: &[Facts]) {
        let by_pid: HashMap<u32, ProcessKey> = rows.iter().map(|r| (r.key.pid, r.key)).collect();
        // The kernel does not give the session's number away while one of the session is left; so
        // one that we know vouches for the others. Without it the number may be a stranger's.
        let session = self.root.pid;
        let vouched = rows.iter().any(|row| row.session == session && self.seen.contains(&row.key));
        loop {
            let before = self.seen.len();
            for row in rows {
                let child = by_pid.get(&row.parent).is_some_and(|up| self.seen.contains(up));
                if child || (vouched && row.session == session) {
                    self.seen.insert(row.key);
                }
            }
            if self.seen.len() == before {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: u32, parent: u32, session: u32) -> Facts {
        let key = ProcessKey { pid, start: u64::from(pid) };
        Facts {
            key,
            parent,
            session,
            comm: String::new(),
            dead: false,
            ending: false,
            kernel: false,
        }
    }

    #[test]
    fn session_and_parents_make_the_family() {
        let mut family = Family::of(row(10, 5, 10).key);
        // 12 left the session but not its parent; 13 lost its parent but not the session.
        let rows = [row(5, 1, 5), row(12, 11, 12), row(11, 10, 10), row(10, 5, 10), row(13, 1, 10)];
        family.learn(&rows);
        let pids: HashSet<u32> = family.seen.iter().map(|key| key.pid).collect();
        assert_eq!(pids, HashSet::from([10, 11, 12, 13]));
    }

    #[test]
    fn the_number_of_a_session_that_is_gone_vouches_for_nobody() {
        let mut family = Family::of(row(10, 5, 10).key);
        let stranger = Facts { key: ProcessKey { pid: 10, start: 999 }, ..row(10, 1, 10) };
        family.learn(&[stranger, row(14, 10, 10)]);
        assert_eq!(family.seen.len(), 1);
    }
}
