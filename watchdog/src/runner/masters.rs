//! Services that have two masters: systemd starts their unit again, and so do their rules. Each is told
//! once, with the cure.
//!
//! Looked at when a main process has come: its cgroup names the unit, and systemd is asked about all that
//! came within a second at once. A hint only: what fails here is not told. Not here: units that the rule
//! file names, which `config` looks at too.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::finder::unit_of;
use crate::identity::ProcessKey;
use crate::inbox::Inbox;
use crate::message::Input;
use crate::service::Service;
use crate::systemd::{AT_ONCE, one_master, policies, runs, two_masters};

/// Whoever comes within this is asked for together.
const GATHER: Duration = Duration::from_secs(1);

/// Those whose main process has come: by name, so there are never more than services.
#[derive(Debug, Default)]
pub(crate) struct Masters {
    come: Mutex<HashMap<String, ProcessKey>>,
    wake: Notify,
}

impl Masters {
    /// The service has this main process now. Costs nothing where nobody would start it again.
    pub(crate) fn came(&self, service: &Service, main: ProcessKey) {
        if service.is_brought_back() {
            self.lock().insert(service.name.clone(), main);
            self.wake.notify_one();
        }
    }

    /// Only these services are left.
    pub(super) fn keep(&self, names: &HashSet<String>) {
        self.lock().retain(|name, _| names.contains(name));
    }

    /// Tells for ever.
    pub(super) async fn tell(&self, inbox: &Arc<Inbox>) {
        if !runs() {
            return;
        }
        loop {
            self.wake.notified().await;
            sleep(GATHER).await;
            while let Some(some) = self.some() {
                let advice = tokio::task::spawn_blocking(move || advice(some)).await;
                for (service, text) in advice.unwrap_or_default() {
                    inbox.answer(Input::Advised { service, text });
                }
            }
        }
    }

    fn some(&self) -> Option<Vec<(String, ProcessKey)>> {
        let mut come = self.lock();
        let names: Vec<String> = come.keys().take(AT_ONCE).cloned().collect();
        let some = names.into_iter().filter_map(|name| come.remove_entry(&name));
        Some(some.collect::<Vec<_>>()).filter(|some| !some.is_empty())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, ProcessKey>> {
        self.come.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be said of each; nothing where there is one master.
fn advice(services: Vec<(String, ProcessKey)>) -> Vec<(String, Option<String>)> {
    let units: Vec<Option<String>> = services.iter().map(|(_, main)| unit_of(*main)).collect();
    let asked: Vec<String> = units.iter().flatten().cloned().collect();
    let mut policies = policies(&asked).unwrap_or_default().into_iter();
    let mut said = |unit: Option<String>| {
        let unit = unit?;
        let policy = policies.next()??;
        Some(format!("{}; {}", two_masters(&unit, &policy), one_master(&unit)))
    };
    services.into_iter().zip(units).map(|((name, _), unit)| (name, said(unit))).collect()
}
