//! When the proportional set size decides: memory is watched by RSS for free, and what several
//! processes share is counted once only where a limit depends on it.
//!
//! PSS is never above RSS, so most tests are decided by RSS. The others wait for a reading, which the
//! runner makes; a judgement that waits is taken up when the answer comes. Not here: reading
//! (`runner::measure`), the comparison (`judge`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::crossing::is_at_once;
use crate::engine::deaths::End;
use crate::engine::judge::Pss;
use crate::engine::judging::{By, Moment, is_for_samples};
use crate::engine::levels::Over;
use crate::engine::service::ServiceState;
use crate::engine::wording;
use crate::event::Crossed;
use crate::identity::ProcessKey;
use crate::message::{Decision, Level, Measured, RuleStatus};
use crate::metric::Metric;
use crate::service::{MemoryBasis, Qualifier};

/// A reading stands until RSS has moved by more than this part of it.
const MOVED: f64 = 0.05;
/// So long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Readings of one service are so far apart at least, whatever memory does, and so many times as
/// long as the last one took: they may cost a twentieth of a core.
const APART: Duration = Duration::from_secs(1);
const SHARE: u32 = 20;

/// What is known of one service's PSS, and what waits to know it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measure {
    taken: Option<Taken>,
    asked: Option<Asked>,
    put_off: Option<PutOff>,
    /// The host does not tell it: RSS is judged.
    refused: bool,
    /// An answer is overdue: RSS is judged until it comes.
    late: bool,
    /// What waited for the last reading is being judged: it counts, whatever RSS did meanwhile.
    fresh: bool,
}

/// Memory of the group and of its main process, in bytes.
#[derive(Debug, Clone, Copy)]
struct Sums {
    total: f64,
    main: f64,
}

/// The last reading.
#[derive(Debug, Clone, Copy)]
struct Taken {
    main: ProcessKey,
    pss: Sums,
    /// What RSS was then.
    rss: Sums,
    /// The next one may not be before.
    next: BootTime,
}

/// A reading under way.
#[derive(Debug, Clone, Copy)]
struct Asked {
    main: ProcessKey,
    rss: Sums,
}

/// Judgements that wait for a reading.
#[derive(Debug, Clone)]
struct PutOff {
    rules: Vec<(usize, Moment, BootTime)>,
    ends: Vec<End>,
    crossed: Option<Crossed>,
    /// The rules' numbers are those of this configuration.
    generation: u64,
    until: BootTime,
}

impl Sums {
    fn of(self, metric: Metric) -> f64 {
        if metric == Metric::Memory { self.main } else { self.total }
    }
}

impl Measure {
    /// What a test compares whose RSS is over its limit.
    fn pss(&self, main: Option<ProcessKey>, metric: Metric, rss: f64) -> Pss {
        if self.refused || self.late {
            return Pss::Rss;
        }
        match self.taken.filter(|taken| Some(taken.main) == main) {
            Some(taken) if self.fresh || !taken.moved(metric, rss) => {
                Pss::Known(taken.pss.of(metric).min(rss))
            }
            _ => Pss::Wanted,
        }
    }

    /// The PSS sum of the last reading.
    pub(crate) fn total(&self, main: Option<ProcessKey>) -> Option<u64> {
        let taken = self.taken.filter(|taken| Some(taken.main) == main)?;
        Some(taken.pss.total as u64)
    }

    /// RSS that makes another reading worth it.
    fn worth(&self, main: Option<ProcessKey>, metric: Metric, rss: f64) -> u64 {
        let taken = self.taken.filter(|taken| Some(taken.main) == main);
        let then = taken.map_or(rss, |taken| taken.rss.of(metric));
        let next = then * (1.0 + MOVED);
        (if next > rss { next } else { rss * (1.0 + MOVED) }) as u64
    }

    /// When the reading may be asked for that judgements wait for; else until when they wait.
    pub(crate) fn due(&self) -> Option<BootTime> {
        let put_off = self.put_off.as_ref()?;
        Some(if self.asked.is_none() { self.next().min(put_off.until) } else { put_off.until })
    }

    /// No reading before this.
    fn next(&self) -> BootTime {
        self.taken.map_or(BootTime::default(), |taken| taken.next)
    }

    /// Another process, or another configuration: nothing of it holds.
    pub(crate) fn drop_waiting(&mut self) {
        self.put_off = None;
    }
}

impl Taken {
    fn moved(&self, metric: Metric, rss: f64) -> bool {
        let then = self.rss.of(metric);
        (rss - then).abs() > then * MOVED
    }
}

impl Engine {
    /// What a test compares whose RSS is over its limit. `ask`: a reading can be waited for.
    pub(crate) fn pss(&self, state: &ServiceState, ask: bool, metric: Metric, rss: f64) -> Pss {
        if self.config.memory == MemoryBasis::Rss {
            return Pss::Rss;
        }
        match state.measure.pss(state.main(), metric, rss) {
            // What is dead or gone cannot be read.
            Pss::Wanted if !ask => Pss::Rss,
            pss => pss,
        }
    }

    /// RSS that is over a limit which PSS has not passed: when to look again.
    pub(crate) fn worth(&self, state: &ServiceState, metric: Metric, rss: f64) -> Option<u64> {
        let pss = self.config.memory == MemoryBasis::Pss && !state.measure.refused;
        let memory = matches!(metric, Metric::Memory | Metric::TotalMemory);
        (pss && memory).then(|| state.measure.worth(state.main(), metric, rss))
    }

    /// That PSS was judged, for people who look for the number elsewhere.
    pub(crate) fn proportional(&self, i: usize, metric: Metric) -> Option<String> {
        let state = &self.services[i];
        if !matches!(metric, Metric::Memory | Metric::TotalMemory) {
            return None;
        }
        let rss = state.levels.value(metric, Over::Known, 1, BootTime::default())?;
        match self.pss(state, false, metric, rss) {
            Pss::Known(pss) => Some(format!(
                "what is shared counts in parts (PSS): {}; RSS is {}",
                wording::bytes(pss),
                wording::bytes(rss)
            )),
            Pss::Rss | Pss::Wanted => None,
        }
    }

    /// The judgement of a rule waits for a reading.
    pub(crate) fn put_off(&mut self, i: usize, r: usize, moment: Moment, at: BootTime) {
        let generation = self.generation;
        let state = &mut self.services[i];
        let ends = state.deaths.ends.clone();
        let crossed = state.armed.crossed;
        let until = at.max(state.measure.next()) + PATIENCE;
        let put_off = state.measure.put_off.get_or_insert_with(|| PutOff {
            rules: Vec::new(),
            ends: Vec::new(),
            crossed: None,
            generation,
            until,
        });
        if moment == Moment::Cycle {
            put_off.ends = ends;
        }
        put_off.crossed = crossed.or(put_off.crossed);
        match put_off.rules.iter_mut().find(|(rule, ..)| *rule == r) {
            // A cycle is judged once, as a cycle.
            Some((_, Moment::Cycle, _)) if moment != Moment::Cycle => {}
            Some(waiting) => *waiting = (r, moment, at),
            None => put_off.rules.push((r, moment, at)),
        }
    }

    /// Asks for the reading that put-off judgements wait for, unless one is under way or it is too
    /// early for another: a wake comes then.
    pub(crate) fn ask_pss(&mut self, i: usize, at: BootTime) {
        let state = &self.services[i];
        let measure = &state.measure;
        if measure.put_off.is_none() || measure.asked.is_some() || at < measure.next() {
            return;
        }
        let Some(main) = state.main() else {
            // It has ended, and that is told otherwise.
            self.services[i].measure.drop_waiting();
            return;
        };
        let rss = |metric| state.levels.value(metric, Over::Known, 1, at).unwrap_or(0.0);
        let rss = Sums { total: rss(Metric::TotalMemory), main: rss(Metric::Memory) };
        let living = state.levels.members().iter().filter(|member| !member.zombie);
        let members = living.map(|member| member.process).collect();
        let service = state.service.id;
        self.services[i].measure.asked = Some(Asked { main, rss });
        self.out.push(Decision::Measure { service, members });
    }

    pub(crate) fn measured(&mut self, answer: &Measured, at: BootTime) {
        let Some(i) = self.index(answer.service) else { return };
        let state = &mut self.services[i];
        let Some(asked) = state.measure.asked.take() else { return };
        state.measure.late = false;
        let read = |key: ProcessKey| {
            answer.members.iter().find(|(known, _)| *known == key).map(|(_, bytes)| *bytes as f64)
        };
        let unread = |key: ProcessKey| {
            let members = state.levels.members().iter();
            let rss = members.filter(|member| member.process == key).map(|m| m.rss_bytes as f64);
            answer.unread.contains(&key).then(|| rss.sum::<f64>())
        };
        let main = read(asked.main).or_else(|| unread(asked.main));
        let (Some(main), true) = (main, state.main() == Some(asked.main)) else {
            // It has ended meanwhile, and that is told otherwise.
            state.measure.drop_waiting();
            return;
        };
        if answer.members.is_empty() {
            state.measure.refused = true;
            if !std::mem::replace(&mut self.refusal_told, true) {
                let text = "the kernel does not tell proportional memory (smaps_rollup): \
                            rules on memory judge RSS";
                self.log_daemon(Level::Warning, None, text.to_owned(), at);
            }
        } else {
            let read: f64 = answer.members.iter().map(|(_, bytes)| *bytes as f64).sum();
            let total = read + answer.unread.iter().filter_map(|key| unread(*key)).sum::<f64>();
            let next = at + APART.max(at.since(answer.at) * SHARE);
            let pss = Sums { total, main };
            state.measure.taken = Some(Taken { main: asked.main, pss, rss: asked.rss, next });
        }
        self.services[i].measure.fresh = true;
        let judged = self.take_up(i);
        self.services[i].measure.fresh = false;
        self.outgrown(i, &judged, at);
    }

    /// Memory that moved while it was read: rules that are judged at once wait for the next reading,
    /// for no crossing may come any more.
    fn outgrown(&mut self, i: usize, judged: &[usize], at: BootTime) {
        let service = self.services[i].service.clone();
        for r in judged {
            if !self.is_judged(i) {
                return;
            }
            if !service.rules.get(*r).is_some_and(is_at_once) {
                continue;
            }
            if self.services[i].rules[*r].status() == RuleStatus::Failing {
                continue;
            }
            let by = By { over: Over::Known, deaths: &[], ask: true };
            if let (None, true) = self.judge_rule(i, *r, &by, at, &mut Vec::new()) {
                self.put_off(i, *r, Moment::Crossing, at);
            }
        }
        self.ask_pss(i, at);
    }

    /// Judges what was put off. Returns the numbers of the rules.
    fn take_up(&mut self, i: usize) -> Vec<usize> {
        let mut judged = Vec::new();
        let Some(put_off) = self.services[i].measure.put_off.take() else { return judged };
        if put_off.generation != self.generation {
            return judged;
        }
        self.services[i].armed.crossed = put_off.crossed;
        for (r, moment, at) in put_off.rules {
            if !self.is_judged(i) {
                break;
            }
            let service = self.services[i].service.clone();
            let rule = &service.rules[r];
            let cycles = matches!(rule.qualifier, Qualifier::Cycles { .. });
            let over = if is_for_samples(rule) { Over::Sample } else { Over::Known };
            let deaths: &[End] = if cycles { &put_off.ends } else { &[] };
            let mut findings = Vec::new();
            let by = By { over, deaths, ask: true };
            let (truth, _) = self.judge_rule(i, r, &by, at, &mut findings);
            self.conclude(i, r, moment, truth, &findings, at);
            judged.push(r);
        }
        self.services[i].armed.crossed = None;
        judged
    }

    /// Readings that may be asked for now, and those that do not come.
    pub(crate) fn give_up_waiting(&mut self, at: BootTime) {
        for i in 0..self.services.len() {
            self.ask_pss(i, at);
            if self.services[i].measure.due().is_none_or(|due| at < due) {
                continue;
            }
            let measure = &mut self.services[i].measure;
            measure.late = measure.asked.is_some();
            let Some(put_off) = measure.put_off.take() else { continue };
            if put_off.generation != self.generation || self.services[i].main().is_none() {
                continue;
            }
            let text = format!(
                "proportional memory was not read within {} s: RSS is judged until it is",
                PATIENCE.as_secs()
            );
            self.log(i, Level::Info, None, text, at);
            for (r, moment, began) in put_off.rules {
                self.conclude(i, r, moment, None, &[], began);
            }
        }
    }
}
