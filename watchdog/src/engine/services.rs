//! The states of all services by their places, and whose may have changed.
//!
//! What is kept about each of ten thousand services besides its state (when it is due, what the kernel
//! watches for it, what is noted of it) is made anew for those that were touched, and not for all at each
//! turn. Whoever gets a state to change it has touched it: nobody can forget to say so. Not here: what is
//! kept (`due`, `crossing`, `note`).

use std::ops::{Deref, Index, IndexMut};

use crate::engine::levels::Levels;
use crate::engine::service::ServiceState;

/// So many are looked at all, to see whether somebody was forgotten, where assertions are on.
pub(crate) const FEW: usize = 64;

/// Who makes something anew for what was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Due = 0,
    Limits = 1,
    Note = 2,
}

impl For {
    const ALL: [Self; 3] = [Self::Due, Self::Limits, Self::Note];

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Every service's state.
#[derive(Debug, Default)]
pub(crate) struct Services {
    states: Vec<ServiceState>,
    /// By place: for whom it is in `touched` already.
    marks: Vec<u8>,
    touched: [Vec<usize>; For::ALL.len()],
}

impl Services {
    /// A place was touched, for all.
    pub(crate) fn touch(&mut self, i: usize) {
        for whom in For::ALL {
            self.touch_for(i, whom);
        }
    }

    /// Something that all depend on has changed.
    pub(crate) fn touch_all(&mut self) {
        (0..self.states.len()).for_each(|i| self.touch(i));
    }

    pub(crate) fn touch_for(&mut self, i: usize, whom: For) {
        if let Some(marks) = self.marks.get_mut(i)
            && *marks & whom.bit() == 0
        {
            *marks |= whom.bit();
            self.touched[whom as usize].push(i);
        }
    }

    /// What was touched since this was asked for the same, in order.
    pub(crate) fn take_touched(&mut self, whom: For) -> Vec<usize> {
        let mut touched = std::mem::take(&mut self.touched[whom as usize]);
        touched.sort_unstable();
        for i in &touched {
            self.marks[*i] &= !whom.bit();
        }
        touched
    }

    /// The numbers of a service: only limits depend on what is in them, and judgements, which come
    /// later.
    pub(crate) fn levels(&mut self, i: usize) -> &mut Levels {
        self.touch_for(i, For::Limits);
        &mut self.states[i].levels
    }

    /// So many are to come, and no more: room for half as many again would be megabytes.
    pub(crate) fn reserve(&mut self, services: usize) {
        self.states.reserve_exact(services);
        self.marks.reserve_exact(services);
    }

    pub(crate) fn push(&mut self, state: ServiceState) {
        self.states.push(state);
        self.marks.push(0);
        self.touch(self.states.len() - 1);
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ServiceState> {
        self.touch_all();
        self.states.iter_mut()
    }

    /// All of them; none is left.
    pub(crate) fn take(&mut self) -> Vec<ServiceState> {
        std::mem::take(self).states
    }
}

impl FromIterator<ServiceState> for Services {
    fn from_iter<T: IntoIterator<Item = ServiceState>>(states: T) -> Self {
        let mut services = Self::default();
        let states = states.into_iter();
        services.reserve(states.size_hint().0);
        states.for_each(|state| services.push(state));
        services
    }
}

impl Deref for Services {
    type Target = [ServiceState];

    fn deref(&self) -> &[ServiceState] {
        &self.states
    }
}

impl Index<usize> for Services {
    type Output = ServiceState;

    fn index(&self, i: usize) -> &ServiceState {
        &self.states[i]
    }
}

impl IndexMut<usize> for Services {
    fn index_mut(&mut self, i: usize) -> &mut ServiceState {
        self.touch(i);
        &mut self.states[i]
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::*;
    use crate::engine::rule::RuleState;
    use crate::message::SavedService;
    use crate::service::{Action, Rule, Service};

    /// What is put into one of these for a few should be in a box.
    #[test]
    fn ten_thousand_services_stay_light() {
        for (what, bytes, most) in [
            ("the state of a service", size_of::<ServiceState>(), 560),
            ("the state of a rule", size_of::<RuleState>(), 160),
            ("a service", size_of::<Service>(), 480),
            ("a rule", size_of::<Rule>(), 272),
            ("an action", size_of::<Action>(), 24),
            ("the note of a service", size_of::<SavedService>(), 272),
        ] {
            assert!(bytes <= most, "{what} has {bytes} bytes");
        }
    }
}
