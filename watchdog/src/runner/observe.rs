//! Observations under way: many side by side, each bounded in time, each answered exactly once.
//!
//! Not here: how something is observed (`observe`).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::links::Links;
use crate::action::Tools;
use crate::check::{Check, Observation};
use crate::clock::boot_now;
use crate::inbox::Inbox;
use crate::message::{Input, Observe, Observed};
use crate::observe::file::Reach;
use crate::observe::{Scene, observe};
use crate::places::Places;

/// Observations at the same time. Most wait for a network; those that hang on files are bounded by
/// the blocking threads.
const AT_ONCE: usize = 128;
/// Programs at the same time: each may take minutes, and nobody else shall wait for them.
const PROGRAMS: usize = 64;

/// The observations under way.
#[derive(Clone)]
pub(super) struct Observations {
    places: Arc<Semaphore>,
    programs: Arc<Semaphore>,
    /// By the service's name: one that a reload took away and another brought back is not observed
    /// twice at a time.
    turns: Arc<Mutex<HashMap<String, Turn>>>,
    files: Arc<Reach>,
    links: Links,
    /// Answers that are told in a moment.
    answers: Arc<Mutex<Vec<Input>>>,
}

/// Answers of so long are told together: a cycle of thousands does not wake the engine for each.
const TOGETHER: Duration = Duration::from_millis(2);

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Observations {
    pub(super) fn new(inbox: &Arc<Inbox>) -> Self {
        let files = Reach::new(Places::of_files(), Arc::clone(inbox));
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            programs: Arc::new(Semaphore::new(PROGRAMS)),
            turns: Arc::default(),
            files: Arc::new(files),
            links: Links::default(),
            answers: Arc::default(),
        }
    }

    /// Tells from now on what stirs.
    pub(super) fn listen(&self, inbox: &Arc<Inbox>) {
        tokio::spawn(self.files.awaited.clone().listen(Arc::clone(inbox)));
        tokio::spawn(self.links.clone().listen(Arc::clone(inbox)));
    }

    /// There are these services now.
    pub(super) fn keep(&self, names: &HashSet<String>) {
        self.files.awaited.keep(|service| names.contains(service));
        self.links.keep(|service| names.contains(service));
    }

    /// Observes and answers. The engine asks once per service at a time.
    pub(super) fn enter(&self, tools: &Arc<Tools>, order: Observe) {
        let Observe { service, before, main } = order;
        if let Some(Check::Network(network)) = service.checked().map(|checked| &checked.check) {
            // Before the look: what changes from here on is told.
            self.links.await_at(&service.name, &network.interface);
        }
        let places = match service.checked().map(|checked| &checked.check) {
            Some(Check::Program(_)) => Arc::clone(&self.programs),
            _ => Arc::clone(&self.places),
        };
        let name = service.name.clone();
        let (turn, inbox) = (self.turn(&name), Arc::clone(&tools.inbox));
        let (turns, answers) = (Arc::clone(&self.turns), Arc::clone(&self.answers));
        let (tools, files) = (Arc::clone(tools), Arc::clone(&self.files));
        let scene = Arc::new(Scene { service, before, main, tools, files });
        tokio::spawn(async move {
            let held = turn.lock().await;
            // Never closed, so the error cannot happen.
            let _place = places.acquire_owned().await;
            let (began, service) = (boot_now(), scene.service.id);
            // A panic in it is a bug of ours; the engine must not wait for ever.
            let task = tokio::spawn(async move { observe(&scene).await });
            let observation = task.await.unwrap_or_else(|_| Observation::default());
            let observation = Arc::new(observation);
            drop(held);
            {
                let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
                // The map's and ours: nobody waits for it.
                if Arc::strong_count(&turn) == 2 {
                    turns.remove(&name);
                }
            }
            let answer = Input::Observed(Observed { service, began, observation });
            let first = {
                let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                answers.push(answer);
                answers.len() == 1
            };
            if first {
                tokio::time::sleep(TOGETHER).await;
                let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                inbox.answer_all(std::mem::take(&mut *answers));
            }
        });
    }

    fn turn(&self, service: &str) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(service.to_owned()).or_default())
    }
}
