//! Who depends on whom, by place in the list of services.
//!
//! Not here: what follows from it (`order`).

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::service::Service;

/// The dependencies of a configuration, which has no loops.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// What each depends on itself.
    below: Vec<Vec<usize>>,
    /// What depends on each itself.
    above: Vec<Vec<usize>>,
    /// Those that have a turn.
    pub turns: BTreeSet<usize>,
    /// How many cascades there were.
    pub cascades: u64,
}

impl Graph {
    pub(super) fn of(services: &[&Service], turns: BTreeSet<usize>, cascades: u64) -> Self {
        if services.iter().all(|service| service.control.depends_on.is_empty()) {
            return Self { turns, cascades, ..Self::default() };
        }
        let places: HashMap<&str, usize> =
            services.iter().enumerate().map(|(i, one)| (one.name.as_str(), i)).collect();
        let mut below = vec![Vec::new(); services.len()];
        let mut above = vec![Vec::new(); services.len()];
        for (i, service) in services.iter().enumerate() {
            let named = &service.control.depends_on;
            for p in named.iter().filter_map(|name| places.get(name.as_str()).copied()) {
                below[i].push(p);
                above[p].push(i);
            }
        }
        Self { below, above, turns, cascades }
    }

    /// All that a service depends on, the nearest first; each once.
    pub(crate) fn all_below(&self, i: usize) -> Walk<'_> {
        Walk::new(&self.below, i)
    }

    /// All that depends on a service, the nearest first; each once.
    pub(crate) fn all_above(&self, i: usize) -> Walk<'_> {
        Walk::new(&self.above, i)
    }

    pub(crate) fn has_above(&self, i: usize) -> bool {
        self.above.get(i).is_some_and(|above| !above.is_empty())
    }

    /// Whether it depends on anything.
    pub(crate) fn holds(&self, i: usize) -> bool {
        self.below.get(i).is_some_and(|below| !below.is_empty())
    }

    pub(super) fn next_cascade(&mut self) -> u64 {
        self.cascades += 1;
        self.cascades
    }
}

/// Everything that can be reached from one service.
pub(crate) struct Walk<'a> {
    lists: &'a [Vec<usize>],
    seen: BTreeSet<usize>,
    next: VecDeque<usize>,
}

impl<'a> Walk<'a> {
    fn new(lists: &'a [Vec<usize>], from: usize) -> Self {
        let mut walk = Self { lists, seen: BTreeSet::new(), next: VecDeque::new() };
        walk.enter(from);
        walk
    }

    fn enter(&mut self, i: usize) {
        for &to in self.lists.get(i).into_iter().flatten() {
            if self.seen.insert(to) {
                self.next.push_back(to);
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let i = self.next.pop_front()?;
        self.enter(i);
        Some(i)
    }
}
