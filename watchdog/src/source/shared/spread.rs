//! Tells what is told of a group to all who count it.

use std::collections::BTreeMap;

use super::ties::Ties;
use crate::event::{Event, Group};
use crate::identity::ServiceId;

/// As whom somebody is told of another's group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    /// It has the same main process.
    Twin,
    /// Its own group contains it.
    Upper,
}

impl Ties {
    /// Between passes. What a look saw is told to twins only: to those above it is a part.
    pub(super) fn spread(&self, events: &mut Vec<Event>, into: &mut Vec<Event>) {
        if self.is_plain() {
            into.append(events);
            return;
        }
        for event in events.drain(..) {
            self.tell(event, false, into);
        }
    }

    /// Of a pass. The counters of all that is below a group are in its own.
    pub(super) fn spread_pass(&self, events: &mut Vec<Event>, into: &mut Vec<Event>) {
        if self.is_plain() {
            into.append(events);
            return;
        }
        let mut groups: BTreeMap<ServiceId, Group> = BTreeMap::new();
        for event in events.drain(..) {
            match event {
                Event::Group(group) => {
                    add(&mut groups, group.service, &group);
                    for upper in self.uppers(group.service) {
                        add(&mut groups, upper, &group);
                    }
                }
                Event::PassEnd { .. } => {
                    for group in std::mem::take(&mut groups).into_values() {
                        self.tell(Event::Group(group), true, into);
                    }
                    into.push(event);
                }
                event => self.tell(event, true, into),
            }
        }
    }

    /// What was seen in a look at one group; the rest is told as ever.
    pub(super) fn split_look(
        &self,
        group: ServiceId,
        events: &mut Vec<Event>,
        into: &mut Vec<Event>,
    ) -> Vec<Event> {
        let mut seen = Vec::new();
        for event in events.drain(..) {
            match &event {
                Event::Sample(sample) if sample.service == group => seen.push(event),
                Event::Group(counters) if counters.service == group => seen.push(event),
                Event::Looked { service, .. } if *service == group => seen.push(event),
                _ => self.tell(event, false, into),
            }
        }
        seen
    }

    fn tell(&self, event: Event, pass: bool, into: &mut Vec<Event>) {
        let Some(service) = of(&event) else {
            into.push(event);
            return;
        };
        let mut copies = Vec::new();
        for twin in self.twins_of(service) {
            copies.extend(copy(&event, twin, As::Twin, pass));
        }
        for upper in self.uppers(service) {
            copies.extend(copy(&event, upper, As::Upper, pass));
            for twin in self.twins_of(upper) {
                copies.extend(copy(&event, twin, As::Upper, pass));
            }
        }
        into.push(event);
        into.append(&mut copies);
    }
}

/// One look out of those at a group and at all below it.
pub(super) fn join_look(
    service: ServiceId,
    holder: ServiceId,
    seen: Vec<Event>,
    into: &mut Vec<Event>,
) {
    let mut groups = BTreeMap::new();
    let mut whole = None;
    for event in seen {
        match event {
            Event::Sample(mut sample) => {
                sample.main &= sample.service == holder;
                sample.service = service;
                into.push(Event::Sample(sample));
            }
            Event::Group(group) => add(&mut groups, service, &group),
            Event::Looked { at, complete, .. } => {
                let (first, all) = whole.unwrap_or((at, true));
                whole = Some((first, all && complete));
            }
            other => into.push(other),
        }
    }
    into.extend(groups.into_values().map(Event::Group));
    if let Some((at, complete)) = whole {
        into.push(Event::Looked { service, at, complete });
    }
}

fn add(groups: &mut BTreeMap<ServiceId, Group>, service: ServiceId, more: &Group) {
    let none = Group { service, dead_cpu_ns: 0, forks: 0, exits: 0 };
    let sum = groups.entry(service).or_insert(none);
    sum.dead_cpu_ns = sum.dead_cpu_ns.saturating_add(more.dead_cpu_ns);
    sum.forks = sum.forks.saturating_add(more.forks);
    sum.exits = sum.exits.saturating_add(more.exits);
}

/// Whose group it is about, where it is told to others as well.
fn of(event: &Event) -> Option<ServiceId> {
    match event {
        Event::Sample(sample) => Some(sample.service),
        Event::Group(group) => Some(group.service),
        Event::Exited(exited) => Some(exited.service),
        Event::Signalled(signal) => Some(signal.service),
        Event::Executed { service, .. }
        | Event::OomVictim { service, .. }
        | Event::Looked { service, .. } => Some(*service),
        // Limits and wishes are each service's own; the rest is nobody's.
        Event::Crossed(_)
        | Event::Wanted { .. }
        | Event::Regrouped { .. }
        | Event::PassEnd { .. }
        | Event::Blind { .. }
        | Event::Sighted { .. }
        | Event::Lost { .. } => None,
    }
}

/// The event for another service; none where it is not for it.
fn copy(event: &Event, other: ServiceId, who: As, pass: bool) -> Option<Event> {
    let twin = who == As::Twin;
    let mut copy = event.clone();
    match &mut copy {
        Event::Sample(sample) => {
            sample.service = other;
            sample.main &= twin;
            (twin || pass).then_some(copy)
        }
        Event::Exited(exited) => {
            exited.service = other;
            exited.main &= twin;
            Some(copy)
        }
        Event::OomVictim { service, .. } => {
            *service = other;
            Some(copy)
        }
        Event::Group(Group { service, .. })
        | Event::Executed { service, .. }
        | Event::Looked { service, .. } => {
            *service = other;
            twin.then_some(copy)
        }
        Event::Signalled(signal) => {
            signal.service = other;
            twin.then_some(copy)
        }
        _ => None,
    }
}
