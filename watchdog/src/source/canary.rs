//! The canary: a child of our own that lives for a moment, to prove that each hook still tells.
//!
//! It is forked, execs our own binary and is killed before that does anything: birth, exec, signal,
//! exit and free, each counted by its program. It is born into a group of its own, so nobody else's
//! event can stand in for it and no program does more for anybody else. The fault sampler is proved
//! by the host's own faults. Flown from a thread of its own: an exec may wait for a disk.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use watchdog_common::table::canary::{EXEC, EXIT, FAULTS, FORK, FREE, NO_ROOM, SIGNAL, WORDS};

use super::table::Table;
use crate::clock::BootTime;

/// From one canary to the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// How often it is looked whether all have told of it.
const LOOK: Duration = Duration::from_millis(250);
/// The free comes last, after RCU has waited: milliseconds, on a busy host tenths of a second.
const PATIENCE: Duration = Duration::from_secs(2);
/// With so many faults of the host, and at a sample for each 64, silence is no chance.
const FAULTS_ENOUGH: u64 = 64 * 64;

/// Words and programs that the canary proves; the first is what the others hang on.
pub(super) const PROVED: [(usize, &str); 5] =
    [(FORK, "fork"), (EXEC, "exec"), (SIGNAL, "signal"), (EXIT, "exit"), (FREE, "free")];

/// How a flight has ended.
const FLYING: u8 = 0;
const LANDED: u8 = 1;
const FAILED: u8 = 2;

/// What the programs have counted.
pub(super) type Counts = [u64; WORDS];

/// The canary's state.
pub(super) struct Canary {
    due: BootTime,
    flight: Option<Flight>,
    /// The host's faults and our samples when they were last compared.
    faults: Option<(u64, u64)>,
    /// Hooks that do not tell, and how often they were attached anew since.
    pub(super) blind: BTreeMap<&'static str, u32>,
    /// When all hooks were last proved.
    pub(super) proved: Option<BootTime>,
}

struct Flight {
    at: BootTime,
    before: Counts,
    end: Arc<AtomicU8>,
}

/// What a look at the canary says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Open,
    /// It could not fly, or there was no room for it: nothing is proved.
    Unproved,
    /// These hooks told of it, these did not. Both empty never.
    Told {
        /// Told.
        by: Vec<&'static str>,
        /// Silent.
        silent: Vec<&'static str>,
    },
}

impl Canary {
    /// The first one flies soon after `now`.
    pub(super) fn new(now: BootTime) -> Self {
        let due = now + Duration::from_secs(1);
        Self { due, flight: None, faults: None, blind: BTreeMap::new(), proved: None }
    }

    /// When it wants to be looked after.
    pub(super) fn next(&self) -> BootTime {
        self.due
    }

    /// The next one flies at once.
    pub(super) fn soon(&mut self, now: BootTime) {
        if self.flight.is_none() {
            self.due = now;
        }
    }

    /// Lets one fly, or looks what became of it. `known`: whether this kernel took the program.
    pub(super) fn tend(
        &mut self,
        now: BootTime,
        table: &Arc<Table>,
        known: impl Fn(&str) -> bool,
    ) -> Verdict {
        if now < self.due {
            return Verdict::Open;
        }
        let Some(flight) = &self.flight else {
            self.flight = fly(now, table);
            self.due = now + if self.flight.is_some() { LOOK } else { INTERVAL };
            return Verdict::Open;
        };
        self.due = now + LOOK;
        let waited = now.since(flight.at);
        let verdict = match flight.end.load(Ordering::Acquire) {
            // It hangs: nobody else flies before it is over.
            FLYING => return Verdict::Open,
            LANDED => judge(&flight.before, &table.canary(), waited >= PATIENCE, known),
            _ => Verdict::Unproved,
        };
        if verdict != Verdict::Open {
            // By the start of this flight: what follows it keeps to the interval.
            self.due = (flight.at + INTERVAL).max(now + LOOK);
            self.flight = None;
        }
        verdict
    }

    /// Whether the fault sampler is silent while the host has faults enough.
    pub(super) fn faults_silent(&mut self, table: &Table) -> Option<bool> {
        let samples = table.canary().get(FAULTS).copied()?;
        let host = host_faults()?;
        let (host_before, samples_before) = *self.faults.get_or_insert((host, samples));
        let processors = table.processors();
        if samples > samples_before {
            self.faults = Some((host, samples));
            return Some(false);
        }
        let enough = host.saturating_sub(host_before) > FAULTS_ENOUGH * processors;
        if enough {
            self.faults = Some((host, samples));
        }
        enough.then_some(true)
    }
}

/// Every page fault of the host since boot.
fn host_faults() -> Option<u64> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("pgfault ")?.parse().ok())
}

/// What the counts say.
fn judge(before: &Counts, after: &Counts, late: bool, known: impl Fn(&str) -> bool) -> Verdict {
    let moved = |word: usize| after.get(word) != before.get(word);
    if moved(NO_ROOM) {
        return Verdict::Unproved;
    }
    let proved = PROVED.into_iter().filter(|(_, name)| known(name));
    let (by, mut silent): (Vec<_>, Vec<_>) = proved.partition(|(word, _)| moved(*word));
    if silent.is_empty() {
        return Verdict::Told { by: names(&by), silent: Vec::new() };
    }
    if !late {
        return Verdict::Open;
    }
    if !moved(FORK) {
        // The others know it by its birth only: nothing is said about them.
        silent.retain(|(word, _)| *word == FORK);
    }
    Verdict::Told { by: names(&by), silent: names(&silent) }
}

fn names(of: &[(usize, &'static str)]) -> Vec<&'static str> {
    of.iter().map(|(_, name)| *name).collect()
}

/// Off it goes. `None` where no thread can be had.
fn fly(now: BootTime, table: &Arc<Table>) -> Option<Flight> {
    let end = Arc::new(AtomicU8::new(FLYING));
    let before = table.canary();
    let (tell, table) = (Arc::clone(&end), Arc::clone(table));
    let flight = move || {
        let landed = table.fly().is_ok();
        tell.store(if landed { LANDED } else { FAILED }, Ordering::Release);
    };
    let thread = std::thread::Builder::new().name("watchdog-canary".to_owned());
    thread.stack_size(64 * 1024).spawn(flight).ok()?;
    Some(Flight { at: now, before, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(words: &[usize]) -> Counts {
        let mut counts = [7; WORDS];
        for word in words {
            counts[*word] += 1;
        }
        counts
    }

    #[test]
    fn who_is_silent_is_named_when_it_is_late() {
        let before = after(&[]);
        let all = |_: &str| true;
        let most = after(&[FORK, EXEC, SIGNAL, EXIT]);
        assert_eq!(judge(&before, &most, false, all), Verdict::Open);
        let by = vec!["fork", "exec", "signal", "exit"];
        let told = Verdict::Told { by: by.clone(), silent: vec!["free"] };
        assert_eq!(judge(&before, &most, true, all), told);
        let told = Verdict::Told { by, silent: vec![] };
        assert_eq!(judge(&before, &most, false, |name| name != "free"), told, "not on this kernel");
    }

    #[test]
    fn without_a_birth_nothing_is_said_of_the_others() {
        let before = after(&[]);
        let told = Verdict::Told { by: vec![], silent: vec!["fork"] };
        assert_eq!(judge(&before, &before, true, |_| true), told);
        assert_eq!(judge(&before, &after(&[FORK, NO_ROOM]), true, |_| true), Verdict::Unproved);
    }
}
