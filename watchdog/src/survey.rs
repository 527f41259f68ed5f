//! Who did it: when a rule about the host fails, the processes that are worst in its matter are found,
//! logged, and named in the alert.
//!
//! Beside the engine and off its thread: an alert passes through here, and goes on to the notifier after
//! two seconds at the latest, with an answer or without. Alerts of one service stay in their order. Not
//! here: which rules ask (`engine`), how a process is looked at (`look`), the words (`words`).

mod look;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::clock::{BootTime, boot_now};
use crate::message::{Alert, Level, LogLine, SurveyBy};
use crate::notify::{LogSink, Notifier};
use crate::process::pss;
use crate::sensor::Membership;
use crate::service::Config;
use words::Named;

/// How long an alert waits for its survey.
pub const LONGEST: Duration = Duration::from_secs(2);
/// After so long no further process is looked at; what was seen by then is ranked.
const LOOK: Duration = Duration::from_millis(1500);
/// Surveys at the same time, those included that hang: each holds a thread. The others' alerts go out
/// without.
const AT_ONCE: usize = 4;
/// Alerts that wait here; more go out at once.
const ROOM: usize = 256;
/// PSS is read where the first three hold no more than this: it takes milliseconds per gigabyte.
const CHEAP: u64 = 16 << 30;

/// Names of user ids, made anew for each survey.
type Users = fn() -> Arc<BTreeMap<u32, String>>;

/// What surveys need.
pub struct Parts {
    /// Whose processes are whose.
    pub membership: Arc<dyn Membership>,
    /// Where alerts go.
    pub notifier: Arc<Notifier>,
    /// Where the first of each survey is logged.
    pub log: LogSink,
    /// Names of users; may read a file.
    pub users: Users,
}

/// The way of alerts to the notifier.
pub struct Surveys {
    parts: Arc<Parts>,
    handle: Handle,
    queue: mpsc::UnboundedSender<Waiting>,
    /// How many alerts of each service wait.
    waiting: Arc<Mutex<BTreeMap<String, usize>>>,
    threads: Arc<Semaphore>,
}

struct Waiting {
    alert: Alert,
    look: Option<JoinHandle<Option<Vec<String>>>>,
    until: BootTime,
}

impl Surveys {
    /// Starts the task that hands alerts on; it ends with the last of them when this is dropped.
    pub fn start(parts: Parts, handle: &Handle) -> (Self, JoinHandle<()>) {
        let (queue, mut alerts) = mpsc::unbounded_channel::<Waiting>();
        let parts = Arc::new(parts);
        let waiting: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let task = handle.spawn({
            let (parts, waiting) = (Arc::clone(&parts), Arc::clone(&waiting));
            async move {
                while let Some(next) = alerts.recv().await {
                    let service = next.alert.service.clone();
                    hand_on(&parts, next).await;
                    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    match waiting.get_mut(&service) {
                        Some(count) if *count > 1 => *count -= 1,
                        _ => drop(waiting.remove(&service)),
                    }
                }
            }
        });
        let threads = Arc::new(Semaphore::new(AT_ONCE));
        (Self { parts, handle: handle.clone(), queue, waiting, threads }, task)
    }

    /// Takes an alert in; never blocks. `config` names the services.
    pub fn send(&self, alert: Alert, config: &Arc<Config>) {
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let behind = waiting.contains_key(&alert.service);
            let full = waiting.values().sum::<usize>() >= ROOM;
            if full || alert.survey.is_none() && !behind {
                drop(waiting);
                return self.parts.notifier.send(alert);
            }
            *waiting.entry(alert.service.clone()).or_default() += 1;
        }
        let began = boot_now();
        let look = alert.survey.map(|by| {
            let (parts, config) = (Arc::clone(&self.parts), Arc::clone(config));
            let threads = Arc::clone(&self.threads);
            self.handle.spawn(survey(by, began, parts, config, threads))
        });
        let next = Waiting { alert, look, until: began + LONGEST };
        if let Err(mpsc::error::SendError(next)) = self.queue.send(next) {
            // The daemon is ending.
            self.parts.notifier.send(next.alert);
        }
    }
}

/// Waits for the answer, but not for ever, and sends the alert.
async fn hand_on(parts: &Parts, Waiting { mut alert, look, until }: Waiting) {
    if let Some(look) = look {
        let found = timeout(until.since(boot_now()), look).await;
        let lines = match found {
            Ok(Ok(Some(lines))) => lines,
            _ => vec!["who did it was not found out in time".to_owned()],
        };
        if let Some(first) = lines.first() {
            (parts.log)(LogLine {
                at: boot_now(),
                level: Level::Info,
                service: Some(alert.service.clone()),
                event: None,
                text: first.clone(),
            });
        }
        alert.detail.extend(lines);
    }
    parts.notifier.send(alert);
}

/// The worst processes in words, the first in a sentence; empty where nothing stands out, none where
/// the time did not suffice to say.
async fn survey(
    by: SurveyBy,
    began: BootTime,
    parts: Arc<Parts>,
    config: Arc<Config>,
    threads: Arc<Semaphore>,
) -> Option<Vec<String>> {
    let thread = Arc::clone(&threads).try_acquire_owned().ok()?;
    let look = spawn_blocking(move || {
        let _thread = thread;
        let seen = look::worst(by, began + LOOK)?;
        let users = (parts.users)();
        let named = seen.worst.iter().map(|worst| {
            let service = parts.membership.service_of(worst.key).ok().flatten();
            let service = config.services.iter().find(|known| Some(known.id) == service);
            Named {
                user: worst.uid.map(|uid| match users.get(&uid) {
                    Some(name) => format!("user {name}"),
                    None => format!("uid {uid}"),
                }),
                service: service.map(|service| service.name.clone()),
                pss: None,
                worst: worst.clone(),
            }
        });
        Some((named.collect::<Vec<_>>(), seen.partly, seen.elapsed))
    });
    let (mut named, partly, elapsed) = look.await.ok()??;
    if partly && named.is_empty() {
        // Who did it is among those that were not looked at, or not twice.
        return None;
    }
    let held: u64 = named.iter().map(|named| named.worst.number).sum();
    if by == SurveyBy::Memory
        && held <= CHEAP
        && let Ok(thread) = threads.try_acquire_owned()
    {
        let keys: Vec<_> = named.iter().map(|named| named.worst.key).collect();
        let reading = spawn_blocking(move || {
            let _thread = thread;
            keys.into_iter().map(|key| pss(key).ok().flatten()).collect::<Vec<_>>()
        });
        // A process's memory lock may be held for long: then RSS is all there is to say.
        if let Ok(Ok(read)) = timeout((began + LOOK).since(boot_now()), reading).await {
            for (named, pss) in named.iter_mut().zip(read) {
                named.pss = pss;
            }
        }
    }
    Some(words::lines(by, &named, partly, elapsed))
}

#[cfg(test)]
mod tests;
