//! Who belongs to which service, told by parents and sessions from one pass to the next.
//!
//! A child of a member is one, also when its parent is gone at the next pass. A session is closed:
//! all in it came from its leader; so where the leader is a member, all are. Less sure than the
//! kernel's lineage: who leaves the session and loses its parent between two passes is missed.

use std::collections::BTreeMap;

use super::rows::Row;
use crate::event::Group;
use crate::identity::{ProcessKey, ServiceId};

/// A member.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) service: ServiceId,
    /// The enrolled root.
    pub(super) main: bool,
    start: u64,
    /// Came from a start program of ours.
    born: bool,
    /// Run time at the last pass, in nanoseconds.
    cpu_ns: u64,
    /// Counted among the exits already.
    exited: bool,
}

/// Every group.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// By pid.
    all: BTreeMap<u32, Member>,
    /// Sessions whose leader was a member: of which service, and whether by a start of ours.
    sessions: BTreeMap<u32, (ServiceId, bool)>,
    groups: BTreeMap<ServiceId, Group>,
}

impl Members {
    /// The member that this process is.
    pub(super) fn of(&self, key: ProcessKey) -> Option<&Member> {
        self.all.get(&key.pid).filter(|member| member.start == key.start)
    }

    /// The counters of every group.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group> + '_ {
        self.groups.values().copied()
    }

    /// A child that one of our threads has just forked for the service.
    pub(super) fn born(&mut self, service: ServiceId, row: &Row) {
        self.group(service).forks += 1;
        self.insert(row, service, true);
    }

    /// The service's group is `root`, what came from it, and what came from our own start.
    pub(super) fn enrol(&mut self, service: ServiceId, root: ProcessKey, rows: &[Row]) {
        self.group(service);
        self.refresh(rows);
        let born = self.of(root).is_some_and(|member| member.service == service && member.born);
        self.all.retain(|_, member| member.service != service || member.born);
        for member in self.all.values_mut().filter(|member| member.service == service) {
            member.main = false;
        }
        if let Some(row) = rows.iter().find(|row| row.key == root) {
            self.insert(row, service, born);
            if let Some(member) = self.all.get_mut(&root.pid) {
                member.main = true;
            }
        }
        self.spread(rows, false);
    }

    /// These belong to the service too, and what came from them; not who is another service's.
    pub(super) fn enlist(&mut self, service: ServiceId, others: &[ProcessKey], rows: &[Row]) {
        for row in rows.iter().filter(|row| others.contains(&row.key) && !row.dead) {
            if self.of(row.key).is_none() {
                self.insert(row, service, false);
            }
        }
        self.spread(rows, false);
    }

    /// Nobody is a member of the service any more.
    pub(super) fn dismiss(&mut self, service: ServiceId) {
        self.all.retain(|_, member| member.service != service);
        self.sessions.retain(|_, (of, _)| *of != service);
        self.groups.remove(&service);
    }

    /// Brings everything up to what `rows` show.
    pub(super) fn refresh(&mut self, rows: &[Row]) {
        let living: BTreeMap<u32, &Row> = rows.iter().map(|row| (row.key.pid, row)).collect();
        let groups = &mut self.groups;
        self.all.retain(|pid, member| {
            let row = living.get(pid).filter(|row| row.key.start == member.start);
            let group = groups.get_mut(&member.service);
            if let Some(row) = row {
                member.cpu_ns = row.cpu_ns;
            }
            if let Some(group) = group {
                if row.is_none() {
                    group.dead_cpu_ns = group.dead_cpu_ns.saturating_add(member.cpu_ns);
                }
                if row.is_none_or(|row| row.dead) && !member.exited {
                    member.exited = true;
                    group.exits += 1;
                }
            }
            row.is_some()
        });
        self.spread(rows, true);
    }

    /// Takes in who came from members, until a round finds nobody new.
    fn spread(&mut self, rows: &[Row], count: bool) {
        // The kernel gives a session's number to nobody as long as one of the session is left: one
        // that we know vouches for the others.
        let mut vouched = self.sessions.clone();
        vouched.retain(|session, (service, _)| {
            rows.iter().any(|row| {
                row.session == *session
                    && self.of(row.key).is_some_and(|member| member.service == *service)
            })
        });
        self.sessions = vouched;
        loop {
            let before = self.all.len();
            for row in rows {
                if self.of(row.key).is_some() {
                    continue;
                }
                let parent = self.all.get(&row.parent).filter(|up| up.start <= row.key.start);
                let (service, born) = match (parent, self.sessions.get(&row.session)) {
                    (Some(parent), _) => (parent.service, parent.born),
                    (None, Some(session)) => *session,
                    (None, None) => continue,
                };
                if count {
                    self.group(service).forks += 1;
                }
                self.insert(row, service, born);
            }
            if self.all.len() == before {
                return;
            }
        }
    }

    fn insert(&mut self, row: &Row, service: ServiceId, born: bool) {
        if row.session == row.key.pid {
            self.sessions.insert(row.session, (service, born));
        }
        let member = Member {
            service,
            main: false,
            start: row.key.start,
            born,
            cpu_ns: row.cpu_ns,
            exited: row.dead,
        };
        self.all.insert(row.key.pid, member);
    }

    fn group(&mut self, service: ServiceId) -> &mut Group {
        self.groups.entry(service).or_insert(Group { service, dead_cpu_ns: 0, forks: 0, exits: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ServiceId = ServiceId(0);
    const TWO: ServiceId = ServiceId(1);

    fn row(pid: u32, parent: u32, session: u32) -> Row {
        Row {
            key: ProcessKey { pid, start: u64::from(pid) },
            parent,
            session,
            dead: false,
            cpu_ns: 10,
            rss_bytes: 0,
            threads: 1,
            comm: [0; 16],
        }
    }

    fn of(members: &Members, service: ServiceId) -> Vec<u32> {
        let mine = members.all.iter().filter(|(_, member)| member.service == service);
        mine.map(|(pid, _)| *pid).collect()
    }

    #[test]
    fn lineage_outlives_the_parent() {
        let mut members = Members::default();
        members.enrol(ONE, row(10, 1, 5).key, &[row(12, 11, 12), row(10, 1, 5), row(11, 10, 5)]);
        assert_eq!(of(&members, ONE), [10, 11, 12], "in any order");
        // 11 is gone, 12 has another parent and its session another member.
        members.refresh(&[row(10, 1, 5), row(12, 1, 12), row(13, 1, 12), row(14, 1, 5)]);
        assert_eq!(of(&members, ONE), [10, 12, 13], "14 is in a session that is not the service's");
        let group = members.groups().next().unwrap();
        assert_eq!((group.forks, group.exits, group.dead_cpu_ns), (1, 1, 10));
    }

    #[test]
    fn a_number_used_again_is_somebody_else() {
        let mut members = Members::default();
        members.enrol(ONE, row(10, 1, 10).key, &[row(10, 1, 10)]);
        let mut stranger = row(10, 1, 10);
        stranger.key.start = 99;
        let mut child = row(11, 10, 10);
        child.key.start = 100;
        members.refresh(&[stranger, child]);
        assert!(of(&members, ONE).is_empty());
    }

    #[test]
    fn what_came_from_our_start_stays_when_the_root_is_found() {
        let mut members = Members::default();
        members.born(ONE, &row(20, 2, 20));
        // The start program has ended; its daemon is in a session of its own.
        members.refresh(&[row(20, 2, 20), row(21, 20, 21), row(22, 20, 20)]);
        members.enrol(ONE, row(21, 1, 21).key, &[row(21, 1, 21), row(22, 1, 20), row(23, 21, 21)]);
        assert_eq!(of(&members, ONE), [21, 22, 23]);
        assert!(members.of(row(21, 1, 21).key).unwrap().main);
        // Another root: only what was born stays.
        members.enrol(ONE, row(30, 1, 30).key, &[row(30, 1, 30), row(22, 1, 20), row(40, 1, 40)]);
        assert_eq!(of(&members, ONE), [22, 30]);
    }

    #[test]
    fn a_service_within_another_is_its_own() {
        let rows = [row(10, 1, 10), row(11, 10, 11), row(12, 11, 11)];
        let mut members = Members::default();
        members.enrol(TWO, rows[1].key, &rows);
        members.enrol(ONE, rows[0].key, &rows);
        assert_eq!((of(&members, ONE), of(&members, TWO)), (vec![10], vec![11, 12]));
        members.dismiss(TWO);
        assert_eq!((of(&members, ONE), members.groups().count()), (vec![10], 1));
    }
}
