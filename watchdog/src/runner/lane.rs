//! Lanes: the deeds of one service, one after another.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::action::{Deed, Tools, brake, method, restart, start, stop};
use crate::identity::ProcessKey;
use crate::message::{
    Act, Acted, BrakeOrder, Braked, Input, Outcome, Part, ReleaseOrder, Released, Verb,
};
use crate::service::Service;

use super::masters::Masters;
use super::{broken, failed};

/// One deed.
pub(super) enum Item {
    Act(Act),
    Brake(BrakeOrder),
    /// With those that may have been stopped besides what is noted.
    Release(ReleaseOrder, Vec<ProcessKey>),
}

impl Item {
    fn service(&self) -> &Service {
        match self {
            Self::Act(act) => &act.service,
            Self::Brake(order) => &order.service,
            Self::Release(order, _) => &order.service,
        }
    }
}

/// By the service's name: a reload may give its number to another. A lane is there while one of its
/// deeds is under way; the queue holds those that wait.
#[derive(Clone)]
pub(super) struct Lanes {
    waiting: Arc<Mutex<HashMap<String, VecDeque<Item>>>>,
    masters: Arc<Masters>,
}

impl Lanes {
    /// Without a lane. What starts is told to `masters`.
    pub(super) fn new(masters: Arc<Masters>) -> Self {
        Self { waiting: Arc::default(), masters }
    }

    /// Puts a deed into its service's lane.
    pub(super) fn enter(&self, tools: &Arc<Tools>, item: Item) {
        let name = item.service().name.clone();
        {
            let mut lanes = self.lock();
            if let Some(waiting) = lanes.get_mut(&name) {
                waiting.push_back(item);
                return;
            }
            lanes.insert(name.clone(), VecDeque::new());
        }
        let (lanes, tools) = (self.clone(), Arc::clone(tools));
        tokio::spawn(async move {
            let mut next = Some(item);
            while let Some(item) = next {
                match item {
                    Item::Act(act) => one(&tools, &lanes.masters, act).await,
                    Item::Brake(order) => hold(&tools, order).await,
                    Item::Release(order, others) => release(&tools, order, others).await,
                }
                next = lanes.next(&name);
            }
        });
    }

    /// The next that waits; none: the lane is given up.
    fn next(&self, name: &str) -> Option<Item> {
        let mut lanes = self.lock();
        let next = lanes.get_mut(name).and_then(VecDeque::pop_front);
        if next.is_none() {
            lanes.remove(name);
        }
        next
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, VecDeque<Item>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn one(tools: &Arc<Tools>, masters: &Masters, act: Act) {
    let (id, service, verb) = (act.id, act.service.id, act.verb);
    let (main, leftover, braked) = (act.main, act.leftover, act.braked);
    let whose = Arc::clone(&act.service);
    let deed = Deed {
        id,
        tools: Arc::clone(tools),
        service: act.service,
        context: act.context,
        dead: act.dead,
    };
    // A task of its own: a panic in it is an answer here.
    let done = tokio::spawn(async move {
        if braked {
            brake::end_held(&deed, main).await;
        }
        if let Some(leftover) = leftover {
            start::end_leftover(&deed, leftover).await;
        }
        if deed.service.process().is_none() {
            return method::method(&deed, verb).await.map(|()| None);
        }
        match verb {
            Verb::Start => start::start(&deed, main).await.map(Some),
            Verb::Restart => restart::restart(&deed, main).await.map(Some),
            Verb::Stop => stop::stop(&deed, main).await.map(|()| None),
        }
    });
    let outcome = match done.await {
        Ok(Ok(Some((main, candidates)))) => {
            masters.came(&whose, main);
            Outcome::Started { main, candidates }
        }
        Ok(Ok(None)) if verb == Verb::Stop => Outcome::Stopped,
        Ok(Ok(None)) => Outcome::Ran,
        Ok(Err(failure)) => failed(failure),
        Err(_) => broken(part_of(verb)),
    };
    tools.inbox.answer(Input::Acted(Acted { id, service, outcome }));
}

/// On a thread that may block: a storm has many processes to look at.
async fn hold(tools: &Arc<Tools>, order: BrakeOrder) {
    let (id, service) = (order.id, Arc::clone(&order.service));
    let own = Arc::clone(tools);
    let done = tokio::task::spawn_blocking(move || brake::hold(&own, &order)).await;
    let result = done.unwrap_or_else(|_| Err("the brake failed inside the daemon".to_owned()));
    let held = tools.brakes.held(&service);
    tools.inbox.answer(Input::Braked(Braked { id, service: service.id, held, result }));
}

async fn release(tools: &Arc<Tools>, order: ReleaseOrder, others: Vec<ProcessKey>) {
    let (id, service, own) = (order.id, order.service.id, Arc::clone(tools));
    let done = tokio::task::spawn_blocking(move || brake::release(&own, &order, &others)).await;
    let result = done.unwrap_or_else(|_| Err("the release failed inside the daemon".to_owned()));
    tools.inbox.answer(Input::Released(Released { id, service, result }));
}

/// The part to blame where a deed did not even begin.
pub(super) fn part_of(verb: Verb) -> Part {
    match verb {
        Verb::Stop => Part::Stop,
        Verb::Start | Verb::Restart => Part::Start,
    }
}
