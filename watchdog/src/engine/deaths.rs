//! How a process of a service ended: put together from what the kernel told, told to people, and
//! given to the rules that ask for it.
//!
//! Not here: what follows from the main process being gone (`presence`), the words (`wording`).

use std::collections::VecDeque;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judging::{By, Moment, has};
use crate::engine::levels::Over;
use crate::engine::rule::Change;
use crate::engine::service::Life;
use crate::engine::wording;
use crate::event::{ExitStatus, Exited, Signalled};
use crate::identity::{NANOSECONDS_PER_TICK, ProcessKey, ServiceId};
use crate::message::{DeathView, Decision, Level, SenderView, Verb};
use crate::service::{EventWord, Qualifier, Test, Way};

/// Signals whose default is to dump core (signal(7)): QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU,
/// XFSZ, SYS.
const CORE_DUMPING: [u8; 10] = [3, 4, 5, 6, 7, 8, 11, 24, 25, 31];
/// Lines about the deaths of members, for one service in one cycle; the rest is counted.
const MEMBER_LINES: u32 = 10;
/// Signals on their way and victims of the OOM killer that are remembered for one service: more
/// than die between two records.
const REMEMBERED: usize = 64;
/// Different ends kept until the cycle is judged.
const ENDS: usize = 256;

/// The end of a process, as far as rules compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub main: bool,
    pub status: ExitStatus,
    pub oom: bool,
}

/// What is remembered about the deaths of one service's processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deaths {
    /// Ends since the last cycle, each kind once.
    pub ends: Vec<End>,
    /// The main process's last death.
    pub last: Option<DeathView>,
    /// The last death that a rule was judged by, in words.
    pub matter: Option<String>,
    signals: VecDeque<Signalled>,
    victims: VecDeque<ProcessKey>,
    /// Lines written in this cycle about members, and such that were not.
    told: u32,
    untold: u32,
}

impl Deaths {
    fn signalled(&mut self, signal: Signalled) {
        self.signals.retain(|known| known.process != signal.process);
        if self.signals.len() == REMEMBERED {
            self.signals.pop_front();
        }
        self.signals.push_back(signal);
    }

    fn victim(&mut self, process: ProcessKey) {
        if self.victims.len() == REMEMBERED {
            self.victims.pop_front();
        }
        self.victims.push_back(process);
    }

    /// The signal that ended it, if it is the last one that was seen on its way.
    fn take_signal(&mut self, exited: &Exited) -> Option<Signalled> {
        let place = self.signals.iter().position(|signal| signal.process == exited.process)?;
        self.signals.remove(place).filter(|signal| {
            matches!(exited.status, ExitStatus::Signal { number, .. } if number == signal.signal)
        })
    }

    fn take_victim(&mut self, process: ProcessKey) -> bool {
        let place = self.victims.iter().position(|victim| *victim == process);
        place.and_then(|place| self.victims.remove(place)).is_some()
    }

    fn note(&mut self, end: End) {
        if self.ends.len() < ENDS && !self.ends.contains(&end) {
            self.ends.push(end);
        }
    }

    /// Whether a further line about a member may be written.
    fn may_tell(&mut self) -> bool {
        let may = self.told < MEMBER_LINES;
        if may {
            self.told += 1;
        } else {
            self.untold = self.untold.saturating_add(1);
        }
        may
    }
}

impl Engine {
    pub(crate) fn signalled(&mut self, signal: Signalled) {
        if let Some(i) = self.index(signal.service) {
            self.services[i].deaths.signalled(signal);
        }
    }

    pub(crate) fn oom(&mut self, service: ServiceId, process: ProcessKey, at: BootTime) {
        let Some(i) = self.index(service) else { return };
        let state = &mut self.services[i];
        state.deaths.victim(process);
        if state.main() == Some(process) || state.deaths.may_tell() {
            let text = format!("the kernel is out of memory and ends pid {}", process.pid);
            self.log(i, Level::Error, Some(EventWord::Exit), text, at);
        }
    }

    pub(crate) fn exited(&mut self, exited: &Exited) {
        let Some(i) = self.index(exited.service) else { return };
        let main = exited.main && self.services[i].main() == Some(exited.process);
        let death = self.explained(i, exited, main);
        if main {
            self.main_died(i, death);
        } else if !exited.main {
            self.member_died(i, &death);
        }
    }

    fn explained(&mut self, i: usize, exited: &Exited, main: bool) -> DeathView {
        let users = self.users.clone();
        let state = &mut self.services[i];
        // A victim may have ended by itself a moment before.
        let oom = state.deaths.take_victim(exited.process)
            && matches!(exited.status, ExitStatus::Signal { number: 9, .. });
        let signal = state.deaths.take_signal(exited);
        let seen = state.levels.members().iter().find(|seen| seen.process == exited.process);
        let seen_bytes = seen.map(|seen| seen.rss_bytes);
        let held_bytes = match exited.held_bytes {
            // The OOM killer frees memory while its victim still dies.
            Some(held) if oom => Some(held.max(seen_bytes.unwrap_or(0))),
            Some(held) => Some(held),
            None => seen_bytes,
        };
        let comm =
            if exited.comm[0] == 0 { seen.map_or([0; 16], |seen| seen.comm) } else { exited.comm };
        let told = state.acting.as_ref().is_some_and(|acting| acting.verb != Verb::Start);
        DeathView {
            process: exited.process,
            program: wording::comm(&comm),
            main,
            status: exited.status,
            oom,
            told,
            sender: signal.map(|signal| SenderView {
                pid: signal.sender,
                program: wording::comm(&signal.sender_comm),
                uid: signal.sender_uid,
                user: users.get(&signal.sender_uid).cloned(),
            }),
            lived: exited.at.since(BootTime(exited.process.start * NANOSECONDS_PER_TICK)),
            held_bytes,
            at: exited.at,
        }
    }

    fn main_died(&mut self, i: usize, death: DeathView) {
        let (at, process, status) = (death.at, death.process, death.status);
        let end = End { main: true, status, oom: death.oom };
        let text = wording::death(&death);
        let state = &mut self.services[i];
        state.last_death = Some(text.clone());
        state.deaths.last = Some(death);
        state.deaths.matter = Some(text.clone());
        state.deaths.note(end);
        // A long life ended is not a failed start.
        state.retry.lives(at);
        self.out.push(Decision::Save);
        self.log(i, Level::Info, Some(EventWord::Exit), text, at);
        if self.services[i].acting.is_some() {
            let why = format!("process {} has ended", process.pid);
            self.services[i].life = Life::Absent { why };
            return;
        }
        self.gone(i, process, at, Some(end));
    }

    /// A member has ended. It is nobody's business unless a rule asks for it, or a busy forking
    /// server would fill the log.
    fn member_died(&mut self, i: usize, death: &DeathView) {
        let state = &self.services[i];
        if !state.monitored || state.acting.is_some() {
            return;
        }
        let end = End { main: false, status: death.status, oom: death.oom };
        let asked = state.service.rules.iter().any(|rule| has(rule, |test| end.matches(test)));
        if !asked {
            return;
        }
        let at = death.at;
        let text = wording::death(death);
        let state = &mut self.services[i];
        state.deaths.note(end);
        state.deaths.matter = Some(text.clone());
        let tell = state.deaths.may_tell();
        if tell {
            self.log(i, Level::Info, Some(EventWord::Exit), text, at);
        }
        self.judge_death(i, end, tell, at);
    }

    /// A process has ended: rules about such events, at once.
    pub(crate) fn judge_death(&mut self, i: usize, end: End, tell: bool, at: BootTime) {
        for r in 0..self.services[i].service.rules.len() {
            if !self.is_judged(i) || self.is_asleep(i) {
                return;
            }
            let service = self.services[i].service.clone();
            let rule = &service.rules[r];
            if !has(rule, |test| end.matches(test))
                || matches!(rule.qualifier, Qualifier::Cycles { .. })
                || !self.is_its_time(i, r, Moment::Presence)
            {
                continue;
            }
            let mut findings = Vec::new();
            let by = By { over: Over::Known, deaths: &[end], ask: false };
            let (truth, _) = self.judge_rule(i, r, &by, at, &mut findings);
            if truth == Some(true) {
                let change = self.services[i].rules[r].judge_event(at);
                // What fails is always told, once; what only counts is a line among others.
                if tell || change == Change::Failed {
                    self.changed(i, r, change, &findings, true, at);
                }
            }
        }
    }

    /// The cycle was judged: its deaths are past.
    pub(crate) fn deaths_judged(&mut self, i: usize, at: BootTime) {
        let mut untold = 0;
        self.services[i].deaths.if_there(|deaths| {
            deaths.ends.clear();
            untold = std::mem::take(&mut deaths.untold);
            deaths.told = 0;
        });
        if untold > 0 {
            let text =
                format!("{untold} more deaths of members in this cycle, not told one by one");
            self.log(i, Level::Info, Some(EventWord::Exit), text, at);
        }
    }
}

impl End {
    /// Whether it is what the test asks for.
    pub(crate) fn matches(&self, test: &Test) -> bool {
        match test {
            Test::Death(asked) => (self.main || asked.member) && self.is(asked.way),
            _ => false,
        }
    }

    fn is(&self, way: Way) -> bool {
        match (way, self.status) {
            (Way::Exits { code: None }, ExitStatus::Code(_)) => true,
            (Way::Exits { code: Some((operator, wanted)) }, ExitStatus::Code(code)) => {
                operator.holds(f64::from(code), f64::from(wanted))
            }
            (Way::Killed { signal }, ExitStatus::Signal { number, .. }) => {
                signal.is_none_or(|wanted| wanted == number)
            }
            (Way::Crashed, ExitStatus::Signal { number, .. }) => CORE_DUMPING.contains(&number),
            (Way::OomKilled, _) => self.oom,
            (Way::Exits { .. }, ExitStatus::Signal { .. })
            | (Way::Killed { .. } | Way::Crashed, ExitStatus::Code(_))
            | (_, ExitStatus::Unknown) => false,
        }
    }
}

#[cfg(test)]
mod tests;
