//! Reads the proportional set size of a service's processes, on threads that may wait for a process's
//! memory lock.
//!
//! On demand only, few at the same time, each bounded in time. Not here: one process's (`process`), and
//! when it is worth it (`engine::measure`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::action::Tools;
use crate::clock::{BootTime, boot_now};
use crate::identity::{ProcessKey, ServiceId};
use crate::message::{Input, Measured};
use crate::process::pss;

/// Readings at the same time.
const AT_ONCE: usize = 1;
/// So long a reading keeps others waiting; then they go on beside it.
const PLACE: Duration = Duration::from_secs(2);
/// Readings that hang, at most: each holds a thread.
const HANGING: usize = 16;
/// What was not read by then counts as not readable.
const LONGEST: Duration = Duration::from_secs(4);

/// The readings under way.
#[derive(Clone)]
pub(super) struct Measures {
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            threads: Arc::new(Semaphore::new(HANGING)),
        }
    }
}

impl Measures {
    /// Reads these processes and answers. The engine asks once per service at a time.
    pub(super) fn enter(&self, tools: &Arc<Tools>, service: ServiceId, members: Vec<ProcessKey>) {
        let (measures, inbox) = (self.clone(), Arc::clone(&tools.inbox));
        tokio::spawn(async move {
            // Never closed, so the errors cannot happen.
            let _thread = measures.threads.acquire().await;
            let place = measures.places.acquire().await;
            let began = boot_now();
            let unread = members.clone();
            let mut reading = tokio::task::spawn_blocking(move || read(service, &members, began));
            let measured = match timeout(PLACE, &mut reading).await {
                Ok(measured) => measured,
                Err(_) => {
                    drop(place);
                    reading.await
                }
            };
            let none = Measured { service, at: began, members: Vec::new(), unread };
            inbox.answer(Input::Measured(measured.unwrap_or(none)));
        });
    }
}

fn read(service: ServiceId, members: &[ProcessKey], began: BootTime) -> Measured {
    let mut measured = Measured { service, at: began, members: Vec::new(), unread: Vec::new() };
    for key in members {
        if boot_now().since(began) > LONGEST {
            measured.unread.push(*key);
            continue;
        }
        match pss(*key) {
            Ok(Some(bytes)) => measured.members.push((*key, bytes)),
            Ok(None) => {}
            Err(_) => measured.unread.push(*key),
        }
    }
    measured
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> ProcessKey {
        crate::process::facts(std::process::id()).unwrap().unwrap().key
    }

    #[test]
    fn another_process_of_the_same_number_is_not_read() {
        let other = ProcessKey { start: own().start + 1, ..own() };
        let measured = read(ServiceId(3), &[own(), other], boot_now());
        assert_eq!((measured.members.len(), measured.unread.len()), (1, 0));
    }
}
