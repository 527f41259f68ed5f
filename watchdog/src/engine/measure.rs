//! When the proportional set size decides: memory is watched by RSS for free, and what several
//! processes share is counted once only where a limit depends on it.
//!
//! PSS is never above RSS, so most tests are decided by RSS. The others wait for a reading, which the
//! runner makes. Not here: what waits (`waiting`), reading (`runner::measure`), the comparison (`judge`).

mod waiting;

use std::time::Duration;

use waiting::PutOff;

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judge::Pss;
use crate::engine::levels::Over;
use crate::engine::service::ServiceState;
use crate::engine::wording;
use crate::identity::ProcessKey;
use crate::message::{Decision, Level, Measured};
use crate::metric::Metric;
use crate::service::MemoryBasis;

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
                "judged by PSS, {}: what processes share counts in parts. RSS, where it counts in \
                 each, is {}",
                wording::bytes(pss),
                wording::bytes(rss)
            )),
            Pss::Rss | Pss::Wanted => None,
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
            self.services[i].measure.if_there(Measure::drop_waiting);
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
            state.measure.if_there(Measure::drop_waiting);
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
}
