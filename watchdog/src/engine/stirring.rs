//! Somebody else starts a service: what the kernel and the folders tell of it, and the looks that
//! follow.
//!
//! A hint is no more than a reason to look. A daemon writes its pidfile, and drops to its user, some
//! moments after its exec, so the look is repeated for a second. However often something stirs,
//! a service is looked for a few times a second, among a few processes. Not here: what the finder
//! found (`presence`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::observed::Why;
use crate::engine::service::{Life, ServiceState};
use crate::identity::{ProcessKey, ServiceId};
use crate::message::Decision;
use crate::sensor::WantBy;
use crate::service::ProcessService;

/// So long after the last hint it is looked for again,
const PATIENCE: Duration = Duration::from_secs(1);
/// first after this, then after twice as long each time.
const SHORTEST: Duration = Duration::from_millis(50);
/// Processes kept in mind for it; more in a second are a storm, and the cycle's look finds it.
const BEGUN: usize = 64;

/// Hints of the last second.
#[derive(Debug, Clone)]
pub(crate) struct Stirring {
    begun: Vec<(ProcessKey, BootTime)>,
    /// When the last hint came.
    last: BootTime,
    pause: Duration,
    pub(crate) next: BootTime,
}

impl Engine {
    /// A process has begun that may be the service's.
    pub(crate) fn begun(&mut self, service: ServiceId, process: ProcessKey, at: BootTime) {
        if let Some(i) = self.index(service) {
            self.stirred(i, Some(process), at);
        }
    }

    /// Something has changed where the service's process would be named.
    pub(crate) fn stirred_by_name(&mut self, name: &str, at: BootTime) {
        if let Some(i) = self.services.iter().position(|state| state.service.name == name) {
            if self.services[i].service.checked().is_some() {
                self.observe(i, Why::Stirred);
            } else {
                self.stirred(i, None, at);
            }
        }
    }

    fn stirred(&mut self, i: usize, process: Option<ProcessKey>, at: BootTime) {
        let state = &mut self.services[i];
        // An action of ours looks for itself.
        let awaited = state.acting.is_none() && state.monitored;
        if !awaited || (state.main().is_some() && !state.has_cgroup()) {
            return;
        }
        let first = state.stirring.is_none();
        let stirring = state.stirring.get_or_insert_with(|| {
            Box::new(Stirring { begun: Vec::new(), last: at, pause: SHORTEST, next: at })
        });
        (stirring.last, stirring.pause) = (at, SHORTEST);
        stirring.next = if first { at } else { stirring.next.min(at + SHORTEST) };
        if let Some(process) = process
            && stirring.begun.len() < BEGUN
        {
            stirring.begun.retain(|(known, _)| *known != process);
            stirring.begun.push((process, at));
        }
        if first {
            self.look_again(i, at);
        }
    }

    /// The looks that are due.
    pub(crate) fn look_again(&mut self, i: usize, at: BootTime) {
        let state = &mut self.services[i];
        let Some(stirring) = state.stirring.as_mut().filter(|stirring| stirring.next <= at) else {
            return;
        };
        let begun: Vec<ProcessKey> = stirring.begun.iter().map(|(process, _)| *process).collect();
        stirring.begun.retain(|(_, since)| at.since(*since) < PATIENCE);
        stirring.next = at + stirring.pause;
        stirring.pause *= 2;
        if at.since(stirring.last) >= PATIENCE {
            state.stirring = None;
        }
        let known = state.last_known();
        self.out.push(Decision::Find { service: state.service.clone(), known, begun });
    }

    /// What the finder has told of how to know the service when it begins.
    pub(crate) fn learn(&mut self, i: usize, mut by: Vec<WantBy>) {
        let state = &mut self.services[i];
        let file = |by: &WantBy| matches!(by, WantBy::File { .. });
        if !by.iter().any(file) {
            // Its main process cannot be asked any more; what it ran is still the best guess.
            by.extend(state.known_by.iter().copied().filter(file));
        }
        state.known_by = by;
    }

    /// Asks the sensor for what would tell that somebody else starts the service: of one that is
    /// there, only processes that come into its cgroup.
    pub(crate) fn ask(&mut self, i: usize) {
        let state = &mut self.services[i];
        let present = state.main().is_some();
        let by: Vec<WantBy> = state
            .known_by
            .iter()
            .filter(|by| state.monitored && (!present || matches!(by, WantBy::Cgroup(_))))
            .copied()
            .collect();
        if by == state.asked {
            return;
        }
        state.asked.clone_from(&by);
        let service = state.service.id;
        self.out.push(Decision::Want { service, by });
    }
}

impl ServiceState {
    fn has_cgroup(&self) -> bool {
        self.service.process().is_some_and(ProcessService::has_cgroup)
    }

    /// When a hint wants the next look.
    pub(crate) fn stirs(&self) -> Option<BootTime> {
        self.stirring.as_ref().map(|stirring| stirring.next)
    }

    /// It is there, or nobody waits for it: hints mean nothing any more.
    pub(crate) fn settle_down(&mut self) {
        if matches!(self.life, Life::Present { .. }) || !self.monitored {
            self.stirring = None;
        }
    }
}
