//! Ending processes for sure: TERM, a time of grace, KILL, and a look whether they are gone.
//!
//! Who is to end is asked again and again, so what forks meanwhile is ended too. A zombie counts as
//! gone. Everything is bounded: a process that even KILL does not end (it waits for a dead disk) is
//! reported as left.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::signal::{Protect, Sent, send};
use crate::identity::ProcessKey;
use crate::process::facts;
use crate::sys::pidfd::Pidfd;

/// How long KILL may take: the kernel frees the memory of a big process first.
const AFTER_KILL: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(50);
/// Asking who is left may take at most this part of the time (one tenth): it may be a walk over
/// all of `/proc`, on the thread that also carries mail and status.
const ASKING_SHARE: u32 = 10;

/// Those that are still there.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Spared on purpose, each as half a sentence.
    pub(super) spared: Vec<String>,
    /// Not to be ended, each as half a sentence.
    pub(super) stuck: Vec<String>,
}

/// Ends everyone that `who` names, until it names nobody that may be ended.
///
/// `grace` is the time between TERM and KILL. A program protected by name keeps what descends from
/// it as well: a login shell under a protected `sshd` lives on.
pub(super) async fn end(
    who: &mut (dyn FnMut() -> Vec<ProcessKey> + Send),
    grace: Duration,
    protect: &Protect,
) -> Left {
    let begin = Instant::now();
    let mut told: HashSet<ProcessKey> = HashSet::new();
    let mut pause = SHORTEST;
    loop {
        let asked = Instant::now();
        let (victims, spared) = sort(who(), protect);
        let cost = asked.elapsed() * ASKING_SHARE;
        if victims.is_empty() {
            return Left { spared, stuck: Vec::new() };
        }
        let past = begin.elapsed();
        let kill = past >= grace;
        let mut stuck = Vec::new();
        for key in &victims {
            if !kill && !told.insert(*key) {
                continue;
            }
            let signal = if kill { Signal::KILL } else { Signal::TERM };
            match send(*key, signal, protect) {
                Sent::Refused(why) => stuck.push(why),
                // A stopped process gets TERM only when it runs again.
                Sent::Delivered if !kill => drop(send(*key, Signal::CONT, protect)),
                Sent::Delivered | Sent::Gone => {}
            }
        }
        if past >= grace + AFTER_KILL {
            stuck.extend(victims.iter().map(|key| format!("process {} is left", key.pid)));
            return Left { spared, stuck };
        }
        let rest = if kill { AFTER_KILL } else { grace - past };
        gone_or_after(victims.first().copied(), pause.min(rest)).await;
        spare_the_thread(cost, rest).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Where asking is dear, the next time is put off, though the one that was waited for is gone.
async fn spare_the_thread(cost: Duration, rest: Duration) {
    if cost > LONGEST {
        tokio::time::sleep(cost.min(rest)).await;
    }
}

/// Waits until everyone that `who` names is gone by himself. False after `limit`.
pub(super) async fn gone(
    who: &mut (dyn FnMut() -> Vec<ProcessKey> + Send),
    limit: Duration,
) -> bool {
    let begin = Instant::now();
    let mut pause = SHORTEST;
    loop {
        let asked = Instant::now();
        let Some(first) = who().first().copied() else { return true };
        let cost = asked.elapsed() * ASKING_SHARE;
        let Some(rest) = limit.checked_sub(begin.elapsed()) else { return false };
        gone_or_after(Some(first), pause.min(rest)).await;
        spare_the_thread(cost, rest).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// The living that may be ended, in the order given, and the spared as texts.
fn sort(keys: Vec<ProcessKey>, protect: &Protect) -> (Vec<ProcessKey>, Vec<String>) {
    let living: Vec<_> = keys
        .into_iter()
        .filter_map(|key| facts(key.pid).ok().flatten().filter(|f| f.key == key && !f.dead))
        .collect();
    let mut spared: BTreeMap<u32, String> =
        living.iter().filter_map(|facts| Some((facts.key.pid, protect.spares(facts)?))).collect();
    loop {
        let before = spared.len();
        for facts in &living {
            let pid = facts.key.pid;
            // Our own children and init's are not spared for their parent's sake.
            let shelter = facts.parent > 1 && facts.parent != std::process::id();
            if shelter && spared.contains_key(&facts.parent) && !spared.contains_key(&pid) {
                let why = format!("{} ({pid}) belongs to a protected program", facts.comm);
                spared.insert(pid, why);
            }
        }
        if spared.len() == before {
            break;
        }
    }
    let victims =
        living.iter().map(|f| f.key).filter(|key| !spared.contains_key(&key.pid)).collect();
    (victims, spared.into_values().collect())
}

/// Returns when the process is gone, or after `longest`.
async fn gone_or_after(key: Option<ProcessKey>, longest: Duration) {
    let pidfd = key.and_then(|key| Pidfd::open(key.pid).ok());
    match pidfd {
        // Whoever has the pid by now: too early a return is harmless.
        Some(pidfd) => drop(tokio::time::timeout(longest, pidfd.stirred()).await),
        None => tokio::time::sleep(longest).await,
    }
}
