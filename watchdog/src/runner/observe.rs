//! Observations under way: many side by side, each bounded in time, each answered exactly once.
//!
//! Not here: how something is observed (`observe`).

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::action::Tools;
use crate::check::Observation;
use crate::clock::boot_now;
use crate::message::{Input, Observe, Observed};
use crate::observe::{Scene, observe};

/// Observations at the same time. Most wait for a network; those that hang on files are bounded by
/// the blocking threads.
const AT_ONCE: usize = 128;

/// The observations under way.
#[derive(Clone)]
pub(super) struct Observations {
    places: Arc<Semaphore>,
}

impl Default for Observations {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Observations {
    /// Observes and answers. The engine asks once per service at a time.
    pub(super) fn enter(&self, tools: &Arc<Tools>, order: Observe) {
        let (places, inbox) = (Arc::clone(&self.places), Arc::clone(&tools.inbox));
        let Observe { service, before, main } = order;
        let scene = Arc::new(Scene { service, before, main, baseline: tools.baseline.clone() });
        tokio::spawn(async move {
            // Never closed, so the error cannot happen.
            let _place = places.acquire_owned().await;
            let (began, service) = (boot_now(), scene.service.id);
            // A panic in it is a bug of ours; the engine must not wait for ever.
            let task = tokio::spawn(async move { observe(&scene).await });
            let observation = task.await.unwrap_or_else(|_| Observation::default());
            let observation = Arc::new(observation);
            inbox.answer(Input::Observed(Observed { service, began, observation }));
        });
    }
}
