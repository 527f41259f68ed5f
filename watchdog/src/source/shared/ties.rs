//! Which service has a group, which others count it, and why.

use std::collections::BTreeMap;

use super::Twins;
use crate::event::{Event, Sample};
use crate::identity::{ProcessKey, ServiceId};

/// Groups above each other at most that are followed upwards.
const DEPTH: usize = 64;

/// The services that are watched.
#[derive(Debug, Default)]
pub(super) struct Ties {
    pub(super) twins: Twins,
    mains: BTreeMap<ServiceId, ProcessKey>,
    /// Who has the group of this main process.
    holders: BTreeMap<ProcessKey, ServiceId>,
    /// In which group another's main process was begun, as of the last pass.
    above: BTreeMap<ServiceId, ServiceId>,
}

impl Ties {
    /// Nobody counts another's group.
    pub(super) fn is_plain(&self) -> bool {
        self.above.is_empty() && self.twins.lock().is_empty()
    }

    pub(super) fn main(&self, service: ServiceId) -> Option<ProcessKey> {
        self.mains.get(&service).copied()
    }

    /// Who else has the group of this main process.
    pub(super) fn holder_with(&self, main: ProcessKey, than: ServiceId) -> Option<ServiceId> {
        self.holders.get(&main).copied().filter(|holder| *holder != than)
    }

    pub(super) fn is_twin(&self, service: ServiceId) -> bool {
        self.twins.lock().contains_key(&service)
    }

    pub(super) fn twins_of(&self, holder: ServiceId) -> Vec<ServiceId> {
        let twins = self.twins.lock();
        twins.iter().filter(|(_, of)| **of == holder).map(|(twin, _)| *twin).collect()
    }

    /// The service has the group of this main process.
    pub(super) fn follow(&mut self, service: ServiceId, main: ProcessKey) {
        self.drop_main(service);
        self.mains.insert(service, main);
        self.holders.insert(main, service);
    }

    /// The service counts by the group of another with the same main process.
    pub(super) fn pair(&mut self, service: ServiceId, holder: ServiceId, main: ProcessKey) {
        self.drop_main(service);
        self.above.remove(&service);
        self.above.retain(|_, upper| *upper != service);
        self.mains.insert(service, main);
        self.twins.lock().insert(service, holder);
    }

    /// The service counts by no other's group any longer.
    pub(super) fn part(&mut self, service: ServiceId) {
        self.twins.lock().remove(&service);
    }

    /// The service is not watched any longer.
    pub(super) fn forget(&mut self, service: ServiceId) {
        self.drop_main(service);
        self.part(service);
        self.above.remove(&service);
        self.above.retain(|_, upper| *upper != service);
    }

    fn drop_main(&mut self, service: ServiceId) {
        if let Some(main) = self.mains.remove(&service)
            && self.holders.get(&main) == Some(&service)
        {
            self.holders.remove(&main);
        }
    }

    /// The nearest group above.
    pub(super) fn upper(&self, service: ServiceId) -> Option<ServiceId> {
        self.above.get(&service).copied()
    }

    /// All groups above, the nearest first.
    pub(super) fn uppers(&self, service: ServiceId) -> impl Iterator<Item = ServiceId> {
        let mut at = service;
        std::iter::from_fn(move || {
            at = self.upper(at).filter(|upper| *upper != service)?;
            Some(at)
        })
        .take(DEPTH)
    }

    /// All groups below.
    pub(super) fn lower(&self, holder: ServiceId) -> Vec<ServiceId> {
        let below = |service: &ServiceId| self.uppers(*service).any(|upper| upper == holder);
        self.above.keys().copied().filter(below).collect()
    }

    /// Who counts this group besides the service that has it.
    pub(super) fn who_count(&self, holder: ServiceId) -> Vec<ServiceId> {
        let mut all = self.twins_of(holder);
        for upper in self.uppers(holder) {
            all.push(upper);
            all.extend(self.twins_of(upper));
        }
        all
    }

    /// Finds out from a pass which main process descends from another service's. Tells those whose
    /// groups have others in them now than before, and gives the groups below them.
    pub(super) fn order(&mut self, events: &[Event], into: &mut Vec<Event>) -> Vec<ServiceId> {
        let whole = |event: &Event| matches!(event, Event::PassEnd { complete: true, .. });
        if self.holders.len() < 2 || !events.iter().any(whole) {
            return Vec::new();
        }
        let samples = || events.iter().filter_map(sample);
        let mut begun: BTreeMap<u32, Vec<ServiceId>> = BTreeMap::new();
        let mut found: BTreeMap<ServiceId, Option<ServiceId>> = BTreeMap::new();
        for main in samples().filter(|sample| sample.main && !sample.zombie) {
            found.insert(main.service, None);
            if main.parent > 1 {
                begun.entry(main.parent).or_default().push(main.service);
            }
        }
        for parent in samples() {
            for service in begun.get(&parent.process.pid).into_iter().flatten() {
                if *service != parent.service {
                    found.insert(*service, Some(parent.service));
                }
            }
        }
        let mut changed = Vec::new();
        let mut regrouped = Vec::new();
        for (service, upper) in found {
            let former = self.upper(service);
            if former == upper {
                continue;
            }
            regrouped.extend(self.who_are_above(service));
            match upper {
                Some(upper) => self.above.insert(service, upper),
                None => self.above.remove(&service),
            };
            regrouped.extend(self.who_are_above(service));
            changed.push(service);
            changed.extend(self.lower(service));
        }
        regrouped.sort_unstable();
        regrouped.dedup();
        into.extend(regrouped.into_iter().map(|service| Event::Regrouped { service }));
        changed
    }

    fn who_are_above(&self, service: ServiceId) -> Vec<ServiceId> {
        let with_twins =
            |upper| std::iter::once(upper).chain(self.twins_of(upper)).collect::<Vec<_>>();
        self.uppers(service).flat_map(with_twins).collect()
    }
}

fn sample(event: &Event) -> Option<&Sample> {
    match event {
        Event::Sample(sample) => Some(sample),
        _ => None,
    }
}
