//! Looks for services' main processes, each perhaps a walk over all of `/proc`, perhaps a file on a
//! dead file system.
//!
//! One per service at a time, few at the same time, and none waits for one that hangs. Asked again
//! meanwhile, a service is looked for once more afterwards: an answer may be older than the question.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::places::Places;
use crate::action::Tools;
use crate::clock::boot_now;
use crate::finder::{Sight, find};
use crate::identity::ProcessKey;
use crate::message::{Found, Input, Presence};
use crate::service::Service;

/// Looks at the same time.
const AT_ONCE: usize = 2;
/// So long a look keeps others waiting; then they go on beside it.
const PLACE: Duration = Duration::from_secs(1);
/// Looks that hang, at most: each holds a thread.
const HANGING: usize = 64;

/// See [`Decision::Find`](crate::message::Decision::Find).
pub(super) struct Order {
    pub(super) service: Arc<Service>,
    pub(super) known: Option<ProcessKey>,
    pub(super) begun: Vec<ProcessKey>,
}

/// By the service's name: the look that follows the one under way, if it was asked for.
#[derive(Clone)]
pub(super) struct Looks {
    services: Arc<Mutex<HashMap<String, Option<Order>>>>,
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    awaited: Places,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            services: Arc::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            threads: Arc::new(Semaphore::new(HANGING)),
            awaited: Places::of_processes(),
        }
    }
}

impl Order {
    /// One look for both: among all where either was.
    fn joined(self, later: Self) -> Self {
        let mut begun = self.begun;
        if begun.is_empty() || later.begun.is_empty() {
            begun.clear();
        } else {
            begun.extend(later.begun);
        }
        Self { begun, ..later }
    }
}

impl Looks {
    /// Tells from now on what stirs where a service that is down is awaited.
    pub(super) fn listen(&self, tools: &Arc<Tools>) {
        tokio::spawn(self.awaited.clone().listen(Arc::clone(&tools.inbox)));
    }

    /// There are these services now.
    pub(super) fn keep(&self, names: &HashSet<String>) {
        self.awaited.keep(|service| names.contains(service));
    }

    /// Looks for the service's process now, or again when the look under way is over.
    pub(super) fn enter(&self, tools: &Arc<Tools>, order: Order) {
        let name = order.service.name.clone();
        if let Some(next) = self.lock().get_mut(&name) {
            *next = Some(match next.take() {
                Some(waiting) => waiting.joined(order),
                None => order,
            });
            return;
        }
        self.lock().insert(name.clone(), None);
        let (looks, tools) = (self.clone(), Arc::clone(tools));
        tokio::spawn(async move {
            let mut next = Some(order);
            while let Some(order) = next {
                looks.one(&tools, order).await;
                next = looks.next(&name);
            }
        });
    }

    async fn one(&self, tools: &Arc<Tools>, Order { service, known, begun }: Order) {
        // Never closed, so the errors cannot happen; without a permit the look is only unbounded.
        let _thread = Arc::clone(&self.threads).acquire_owned().await;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let (id, whose) = (service.id, Arc::clone(&service));
        let membership = Arc::clone(&tools.membership);
        let looked = boot_now();
        let among = !begun.is_empty();
        let awaited = self.awaited.clone();
        let mut look = tokio::task::spawn_blocking(move || {
            let sight = find(&service, known, &begun, &*membership);
            let down = !matches!(sight.presence, Presence::Present { .. });
            let places = if down { sight.places.as_slice() } else { &[] };
            if awaited.await_at(&service.name, places, None) {
                // It may have come between the look and now.
                return find(&service, known, &begun, &*membership);
            }
            sight
        });
        let found = match timeout(PLACE, &mut look).await {
            Ok(found) => found,
            Err(_) => {
                drop(place);
                look.await
            }
        };
        let presence = Presence::Untrusted { why: "the look failed".to_owned() };
        let sight = found.unwrap_or_else(|_| Sight::bare(presence));
        if among && !matches!(sight.presence, Presence::Present { .. }) {
            // That it is not among a few processes says nothing.
            return;
        }
        let Sight { presence, others, by, .. } = sight;
        if let Presence::Present { main, .. } = presence {
            tools.masters.came(&whose, main);
        }
        tools.inbox.answer(Input::Found(Found { looked, service: id, presence, others, by }));
    }

    fn next(&self, name: &str) -> Option<Order> {
        let mut services = self.lock();
        let next = services.get_mut(name).and_then(Option::take);
        if next.is_none() {
            services.remove(name);
        }
        next
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<Order>>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
