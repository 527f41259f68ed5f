//! The processes of all watched services as of the last pass, for `top`.

use std::collections::BTreeSet;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::identity::ProcessKey;
use crate::message::{Running, Top};

/// Processes told at most: those that hold most memory and those that have used most CPU time.
const MOST: usize = 4096;

impl Engine {
    /// Who runs in the services, and what each has used since its start.
    pub fn top(&self, at: BootTime) -> Top {
        let mut processes: Vec<Running> = Vec::new();
        let mut told: BTreeSet<ProcessKey> = BTreeSet::new();
        // What counts in several services is told of the smallest, which it runs for.
        let mut services: Vec<_> = self.services.iter().collect();
        services.sort_by_key(|state| state.levels.members().len());
        for state in services {
            for sample in state.levels.members() {
                if !told.insert(sample.process) {
                    continue;
                }
                let user = self.users.get(&sample.uid).cloned();
                let service = state.service.name.clone();
                processes.push(Running { service, user, sample: sample.clone() });
            }
        }
        let omitted = processes.len().saturating_sub(MOST);
        if omitted > 0 {
            processes.sort_by_key(|running| std::cmp::Reverse(running.sample.cpu_ns));
            processes[MOST / 2..]
                .sort_by_key(|running| std::cmp::Reverse(running.sample.rss_bytes));
            processes.truncate(MOST);
        }
        Top { at, processes, omitted }
    }
}
