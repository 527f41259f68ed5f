//! What the kernel sensor does for itself: canaries fly, lost hooks are attached anew, processors
//! are followed, and its cost is counted.
//!
//! Not here: what a silent hook means (`canary`), or how a program is attached (`hooks`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aya::Ebpf;

use super::canary::{Canary, Verdict};
use super::cost::Account;
use super::hooks::Hooks;
use super::load::HOOKS;
use super::table::Table;
use super::{Health, Missing, ProgramHealth, faults};
use crate::clock::BootTime;
use crate::event::Event;

/// How often passes stand in for a hook that does not tell.
const STAND_IN: Duration = Duration::from_secs(1);
/// From one look at the processors and the fault sampler to the next.
const INTERVAL: Duration = Duration::from_secs(10);

/// Whether all hooks tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// They do, as far as is known.
    Clear,
    /// One does not: a pass is due.
    Blind,
}

/// The state of it.
pub(super) struct Upkeep {
    canary: Canary,
    account: Account,
    /// When processors and faults are looked at.
    due: BootTime,
    /// When the next pass stands in for a blind hook.
    stand_in: BootTime,
    reattached: u64,
    /// Hooks that did not tell of the last canary.
    suspects: BTreeSet<&'static str>,
    /// Records received at the last count, and when; the rate then.
    counted: (u64, BootTime),
    lately: Option<(u64, Duration)>,
    /// Why the processors cannot be followed; told once.
    unfollowed: Option<String>,
}

impl Upkeep {
    pub(super) fn new(now: BootTime) -> Self {
        Self {
            canary: Canary::new(now),
            account: Account::default(),
            due: now + INTERVAL,
            stand_in: now,
            reattached: 0,
            suspects: BTreeSet::new(),
            counted: (0, now),
            lately: None,
            unfollowed: None,
        }
    }

    /// When it is wanted next.
    pub(super) fn next(&self) -> BootTime {
        let mut next = self.canary.next().min(self.due);
        if let Some(account) = self.account.next() {
            next = next.min(account);
        }
        if self.is_blind() { next.min(self.stand_in) } else { next }
    }

    /// Does what is due.
    pub(super) fn tend(
        &mut self,
        now: BootTime,
        table: &Arc<Table>,
        hooks: &mut Hooks,
        ebpf: &mut Ebpf,
        into: &mut Vec<Event>,
    ) -> Sight {
        self.account.tend(now, ebpf);
        let was = self.canary.blind.len();
        match self.canary.tend(now, table, |name| hooks.has(name)) {
            Verdict::Told { by, silent } => {
                let mut suspects = BTreeSet::new();
                for name in by {
                    self.sighted(name, into);
                }
                if silent.is_empty() {
                    self.canary.proved = Some(now);
                } else if let Err(error) = table.sweep() {
                    log::error!("canaries cannot be taken out of the table: {error}");
                }
                for name in silent {
                    // A full host may keep one canary from being told: the next, at once, decides.
                    if self.canary.blind.contains_key(name) || self.suspects.contains(name) {
                        self.blind(name, hooks, ebpf, into);
                    }
                    suspects.insert(name);
                    self.canary.soon(now);
                }
                self.suspects = suspects;
            }
            Verdict::Open | Verdict::Unproved => {}
        }
        if now >= self.due {
            self.due = now + INTERVAL;
            self.follow(table, hooks, ebpf, into);
        }
        let newly = self.canary.blind.len() > was;
        if newly || self.is_blind() && now >= self.stand_in {
            self.stand_in = now + STAND_IN;
            return Sight::Blind;
        }
        Sight::Clear
    }

    /// Processors that came or went, and whether their faults are sampled.
    fn follow(&mut self, table: &Table, hooks: &mut Hooks, ebpf: &mut Ebpf, into: &mut Vec<Event>) {
        if !hooks.has(faults::PROGRAM) && !self.canary.blind.contains_key(faults::PROGRAM) {
            return;
        }
        if let Err(Some(why)) = hooks.follow(ebpf)
            && self.unfollowed.replace(why.clone()).as_ref() != Some(&why)
        {
            log::error!("page faults are not sampled on every processor: {why}");
        }
        match self.canary.faults_silent(table) {
            Some(true) => self.blind(faults::PROGRAM, hooks, ebpf, into),
            Some(false) => self.sighted(faults::PROGRAM, into),
            None => {}
        }
    }

    /// A hook is silent: it is attached anew, and told once.
    fn blind(
        &mut self,
        name: &'static str,
        hooks: &mut Hooks,
        ebpf: &mut Ebpf,
        into: &mut Vec<Event>,
    ) {
        let attached = hooks.attach(ebpf, name);
        self.reattached += u64::from(attached.is_ok());
        let first = !self.canary.blind.contains_key(name);
        *self.canary.blind.entry(name).or_default() += 1;
        if !first {
            return;
        }
        let done = match attached {
            Ok(()) => "it was attached anew".to_owned(),
            Err(why) => format!("it cannot be attached anew: {why}"),
        };
        into.push(Event::Blind {
            hook: point(name).to_owned(),
            why: format!(
                "it did not tell what happened; {done}. Until it tells again each second's pass \
                 stands in for it"
            ),
        });
    }

    fn sighted(&mut self, name: &'static str, into: &mut Vec<Event>) {
        if self.canary.blind.remove(name).is_some() {
            into.push(Event::Sighted { hook: point(name).to_owned() });
        }
    }

    fn is_blind(&self) -> bool {
        !self.canary.blind.is_empty()
    }

    /// Counts the records received until now.
    pub(super) fn lately(&mut self, now: BootTime, events: u64) {
        let (before, at) = self.counted;
        if now.since(at) >= INTERVAL {
            self.lately = Some((events.saturating_sub(before), now.since(at)));
            self.counted = (events, now);
        }
    }

    /// Adds what is known here.
    pub(super) fn show(&self, health: Health, hooks: &Hooks) -> Health {
        let names = HOOKS.iter().map(|(name, _, _)| *name).chain([faults::PROGRAM]);
        let mut programs: Vec<ProgramHealth> = names
            .map(|name| {
                let cost = self.account.of(name);
                ProgramHealth { name, attached: hooks.is_attached(name), cost }
            })
            .collect();
        let cost = self.account.of("sample");
        // The iterator hangs nowhere; it runs when it is asked.
        programs.push(ProgramHealth { name: "sample", attached: true, cost });
        let mut missing = health.missing;
        missing.extend(self.canary.blind.iter().map(|(name, times)| {
            Missing {
                what: format!("what {} tells", point(name)),
                why: format!("it is silent; attached anew {times} times"),
                cure: "a pass each second stands in for it; a restart of the daemon loads the \
                   programs anew"
                    .to_owned(),
            }
        }));
        Health {
            missing,
            programs,
            reattached: self.reattached,
            proved: self.canary.proved,
            lately: self.lately,
            ..health
        }
    }
}

/// The hook's name in the kernel.
fn point(name: &str) -> &str {
    let hook = HOOKS.iter().find(|(program, _, _)| *program == name);
    hook.map_or("the fault sampler", |(_, point, _)| point)
}
