//! Which services wait for which processes, and what of it the kernel was told.
//!
//! Several services may wait for one program; the kernel knows it once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use watchdog_common::table::Wanted;

use super::WantBy;
use super::table::Table;
use crate::identity::ServiceId;

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct Wants {
    by_service: BTreeMap<ServiceId, Vec<WantBy>>,
    waiting: BTreeMap<WantBy, BTreeSet<ServiceId>>,
}

impl Wants {
    /// Sets what one service waits for, and tells the kernel what differs.
    pub(super) fn set(
        &mut self,
        table: &Table,
        service: ServiceId,
        by: &[WantBy],
    ) -> io::Result<()> {
        let (gone, come) = self.change(service, by);
        let count = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let key = |by: &WantBy| match *by {
            WantBy::File { device, inode } => Wanted { space: device.into(), number: inode },
            WantBy::Cgroup(number) => Wanted { space: Wanted::CGROUP, number },
        };
        let [gone, come] = [gone, come].map(|list| list.iter().map(key).collect::<Vec<_>>());
        table.want(&gone, &come, count)
    }

    /// Who waits for a process that is known by this.
    pub(super) fn of(&self, by: WantBy) -> impl Iterator<Item = ServiceId> {
        self.waiting.get(&by).into_iter().flatten().copied()
    }

    /// What nobody waits for any longer, and what somebody waits for now.
    fn change(&mut self, service: ServiceId, by: &[WantBy]) -> (Vec<WantBy>, Vec<WantBy>) {
        let former = self.by_service.remove(&service).unwrap_or_default();
        let mut come = Vec::new();
        for by in by {
            let services = self.waiting.entry(*by).or_default();
            if services.is_empty() {
                come.push(*by);
            }
            services.insert(service);
        }
        let mut gone = Vec::new();
        for former in former.into_iter().filter(|former| !by.contains(former)) {
            let Some(services) = self.waiting.get_mut(&former) else { continue };
            services.remove(&service);
            if services.is_empty() {
                self.waiting.remove(&former);
                gone.push(former);
            }
        }
        if !by.is_empty() {
            self.by_service.insert(service, by.to_vec());
        }
        (gone, come)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_wait_for_is_told_once_and_taken_back_last() {
        let mut wants = Wants::default();
        let (a, b) = (ServiceId(0), ServiceId(1));
        let (x, y) = (WantBy::Cgroup(1), WantBy::File { device: 8, inode: 1 });
        assert_eq!(wants.change(a, &[x, y]), (vec![], vec![x, y]));
        assert_eq!(wants.change(b, &[x]), (vec![], vec![]));
        assert_eq!(wants.of(x).collect::<Vec<_>>(), [a, b]);
        assert_eq!(wants.change(a, &[y]), (vec![], vec![]));
        assert_eq!(wants.of(x).collect::<Vec<_>>(), [b]);
        assert_eq!(wants.change(b, &[]), (vec![x], vec![]));
        assert_eq!(wants.change(a, &[]), (vec![y], vec![]));
        assert!(wants.waiting.is_empty() && wants.by_service.is_empty());
    }
}
