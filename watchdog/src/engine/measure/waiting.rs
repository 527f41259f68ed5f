//! Judgements that wait for a reading of PSS: put off, taken up when it has come, given up where it
//! does not come. Not here: what is known of PSS and when it is read (`measure`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::crossing::is_at_once;
use crate::engine::deaths::End;
use crate::engine::judging::{By, Moment, is_for_samples};
use crate::engine::levels::Over;
use crate::engine::measure::PATIENCE;
use crate::event::Crossed;
use crate::message::{Level, RuleStatus};
use crate::service::Qualifier;

/// Judgements that wait for a reading.
#[derive(Debug, Clone)]
pub(super) struct PutOff {
    rules: Vec<(usize, Moment, BootTime)>,
    ends: Vec<End>,
    crossed: Option<Crossed>,
    /// The rules' numbers are those of this configuration.
    generation: u64,
    pub(super) until: BootTime,
}

impl Engine {
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

    /// Memory that moved while it was read: rules that are judged at once wait for the next reading,
    /// for no crossing may come any more.
    pub(super) fn outgrown(&mut self, i: usize, judged: &[usize], at: BootTime) {
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
    pub(super) fn take_up(&mut self, i: usize) -> Vec<usize> {
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
        self.services[i].armed.if_there(|armed| armed.crossed = None);
        judged
    }

    /// Readings that may be asked for now, and those that do not come.
    pub(crate) fn give_up_waiting(&mut self, due: &[usize], at: BootTime) {
        for &i in due {
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
