//! Lanes: the deeds of one service, one after another.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::action::{Deed, Tools, restart, start, stop};
use crate::message::{Act, Acted, Input, Outcome, Part, Verb};

use super::{broken, failed};

/// By the service's name: a reload may give its number to another. A lane is there while one of its
/// deeds is under way; the queue holds those that wait.
#[derive(Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<HashMap<String, VecDeque<Act>>>>);

impl Lanes {
    /// Puts a deed into its service's lane.
    pub(super) fn enter(&self, tools: &Arc<Tools>, act: Act) {
        let name = act.service.name.clone();
        {
            let mut lanes = self.lock();
            if let Some(waiting) = lanes.get_mut(&name) {
                waiting.push_back(act);
                return;
            }
            lanes.insert(name.clone(), VecDeque::new());
        }
        let (lanes, tools) = (self.clone(), Arc::clone(tools));
        tokio::spawn(async move {
            let mut next = Some(act);
            while let Some(act) = next {
                one(&tools, act).await;
                next = lanes.next(&name);
            }
        });
    }

    /// The next that waits; none: the lane is given up.
    fn next(&self, name: &str) -> Option<Act> {
        let mut lanes = self.lock();
        let next = lanes.get_mut(name).and_then(VecDeque::pop_front);
        if next.is_none() {
            lanes.remove(name);
        }
        next
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, VecDeque<Act>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn one(tools: &Arc<Tools>, act: Act) {
    let (id, service, verb) = (act.id, act.service.id, act.verb);
    let (main, leftover) = (act.main, act.leftover);
    let deed = Deed {
        id,
        tools: Arc::clone(tools),
        service: act.service,
        context: act.context,
        dead: act.dead,
    };
    // A task of its own: a panic in it is an answer here.
    let done = tokio::spawn(async move {
        if let Some(leftover) = leftover {
            start::end_leftover(&deed, leftover).await;
        }
        match verb {
            Verb::Start => start::start(&deed, main).await.map(Some),
            Verb::Restart => restart::restart(&deed, main).await.map(Some),
            Verb::Stop => stop::stop(&deed, main).await.map(|()| None),
        }
    });
    let outcome = match done.await {
        Ok(Ok(Some((main, candidates)))) => Outcome::Started { main, candidates },
        Ok(Ok(None)) => Outcome::Stopped,
        Ok(Err(failure)) => failed(failure),
        Err(_) => broken(part_of(verb)),
    };
    tools.inbox.answer(Input::Acted(Acted { id, service, outcome }));
}

/// The part to blame where a deed did not even begin.
pub(super) fn part_of(verb: Verb) -> Part {
    match verb {
        Verb::Stop => Part::Stop,
        Verb::Start | Verb::Restart => Part::Start,
    }
}
