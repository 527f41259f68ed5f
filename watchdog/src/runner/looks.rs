//! Looks for services' main processes, each perhaps a walk over all of `/proc`, perhaps a file on a
//! dead file system.
//!
//! One per service at a time, few at the same time, and none waits for one that hangs. Asked again
//! meanwhile, a service is looked for once more afterwards: an answer may be older than the question.
//! What needs a walk over all processes is collected while the walk before it lasts: one walk looks
//! for them all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::masters::Masters;
use crate::action::Tools;
use crate::clock::{BootTime, boot_now};
use crate::finder::{Sight, find, find_all, is_walk};
use crate::identity::ProcessKey;
use crate::message::{Found, Input, Presence};
use crate::places::Places;
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
    walks: Arc<Mutex<Walks>>,
    masters: Arc<Masters>,
}

/// Looks that the next walk makes.
#[derive(Default)]
struct Walks {
    waiting: Vec<Order>,
    /// Somebody takes them up.
    begun: bool,
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
    /// Nobody is looked for yet. Who is found is told to `masters`.
    pub(super) fn new(masters: Arc<Masters>) -> Self {
        Self {
            services: Arc::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            threads: Arc::new(Semaphore::new(HANGING)),
            awaited: Places::of_processes(),
            walks: Arc::default(),
            masters,
        }
    }

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
        self.lock().insert(name, None);
        self.begin(tools, order);
    }

    fn begin(&self, tools: &Arc<Tools>, order: Order) {
        let (looks, tools) = (self.clone(), Arc::clone(tools));
        if order.begun.is_empty() && is_walk(&order.service) {
            let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
            walks.waiting.push(order);
            if !std::mem::replace(&mut walks.begun, true) {
                tokio::spawn(async move { looks.walk(&tools).await });
            }
            return;
        }
        tokio::spawn(async move {
            let name = order.service.name.clone();
            looks.one(&tools, order).await;
            looks.over(&tools, &name);
        });
    }

    /// Walks until nobody waits for one.
    async fn walk(&self, tools: &Arc<Tools>) {
        loop {
            // As in `one`.
            let thread = Arc::clone(&self.threads).acquire_owned().await;
            let place = Arc::clone(&self.places).acquire_owned().await;
            let orders = {
                let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
                walks.begun = !walks.waiting.is_empty();
                std::mem::take(&mut walks.waiting)
            };
            if orders.is_empty() {
                return;
            }
            let looked = boot_now();
            let services: Vec<Arc<Service>> =
                orders.iter().map(|order| Arc::clone(&order.service)).collect();
            let awaited = self.awaited.clone();
            let mut walk = tokio::task::spawn_blocking(move || {
                let sights = find_all(&services);
                for service in &services {
                    // A former configuration may have had one.
                    awaited.await_at(&service.name, &[], None);
                }
                sights
            });
            if let Ok(found) = timeout(PLACE, &mut walk).await {
                self.answer(tools, looked, orders, found.unwrap_or_default());
                continue;
            }
            let (looks, tools) = (self.clone(), Arc::clone(tools));
            tokio::spawn(looks.wait(tools, looked, orders, walk, thread.ok()));
            drop(place);
        }
    }

    /// Waits for a walk that takes long, while others go on beside it.
    async fn wait(
        self,
        tools: Arc<Tools>,
        looked: BootTime,
        orders: Vec<Order>,
        walk: JoinHandle<Vec<Sight>>,
        _thread: Option<OwnedSemaphorePermit>,
    ) {
        let found = walk.await.unwrap_or_default();
        self.answer(&tools, looked, orders, found);
    }

    /// Tells what a walk has found, and goes on with what was asked for meanwhile.
    fn answer(&self, tools: &Arc<Tools>, looked: BootTime, orders: Vec<Order>, found: Vec<Sight>) {
        let mut found = found.into_iter();
        for order in orders {
            let presence = Presence::Untrusted { why: "the look failed".to_owned() };
            let sight = found.next().unwrap_or_else(|| Sight::bare(presence));
            self.tell(tools, looked, &order.service, sight);
            self.over(tools, &order.service.name);
        }
    }

    async fn one(&self, tools: &Arc<Tools>, Order { service, known, begun }: Order) {
        // Never closed, so the errors cannot happen; without a permit the look is only unbounded.
        let _thread = Arc::clone(&self.threads).acquire_owned().await;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let whose = Arc::clone(&service);
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
        self.tell(tools, looked, &whose, sight);
    }

    /// A look of the service is over: the one that was asked for meanwhile follows.
    fn over(&self, tools: &Arc<Tools>, name: &str) {
        let next = {
            let mut services = self.lock();
            let next = services.get_mut(name).and_then(Option::take);
            if next.is_none() {
                services.remove(name);
            }
            next
        };
        if let Some(order) = next {
            self.begin(tools, order);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<Order>>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, tools: &Tools, looked: BootTime, service: &Service, sight: Sight) {
        let Sight { presence, others, by, .. } = sight;
        if let Presence::Present { main, .. } = presence {
            self.masters.came(service, main);
        }
        let service = service.id;
        tools.inbox.answer(Input::Found(Found { looked, service, presence, others, by }));
    }
}
