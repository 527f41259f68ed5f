//! What the samples of one service tell, pass by pass, and from where its rates are counted.
//!
//! Facts only. Not here: the numbers made of it (`numbers`), the host's numbers (`host`), limits and
//! rules (`judge`).

mod disk;
mod numbers;
mod rates;

pub(crate) use rates::{added, rate};

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::trail::Trail;
use crate::engine::trails::Trails;
use crate::event::{Group, Sample};
use crate::identity::ProcessKey;
use crate::metric::Metric;
use crate::service::Rule;

/// Samples of more are put where those of the last pass but one were: megabytes are not asked of the host anew
/// in each cycle.
const MANY: usize = 1024;

/// What the passes have told of one process service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels {
    /// Samples of the pass that is under way.
    coming: Vec<Sample>,
    coming_dead_ns: u64,
    coming_forks: u64,
    /// The last complete pass; none before the first, or after an incomplete one.
    pass: Option<Pass>,
    /// The pass that the last cycle was judged by.
    cycle: Option<Base>,
    /// The pass that the cycle before it was judged by.
    former_cycle: Option<Base>,
    /// The last whole pass; `pass` may be a look of this service alone since then.
    last: Option<Base>,
    /// The whole pass before the last one.
    former: Option<Base>,
    /// CPU time of the group since it was first seen.
    total_ns: u64,
    /// The kernel's sum that `total_ns` was last brought up to; none: count from the next pass on.
    counted_ns: Option<u64>,
    /// The past of the numbers that rules look back on.
    trails: Trails,
}

#[derive(Debug, Clone)]
struct Pass {
    at: BootTime,
    samples: Vec<Sample>,
    /// Total CPU of the group at this pass, on the scale of `Base::total_ns`.
    total_ns: u64,
    /// Forks since enrolment.
    forks: u64,
    /// Bytes read and written by the group since it was first seen.
    disk: [u64; 2],
}

/// What a rate is counted from.
#[derive(Debug, Clone, Copy)]
struct Base {
    at: BootTime,
    main: Option<(ProcessKey, u64)>,
    main_disk: [u64; 2],
    total_ns: u64,
    forks: u64,
    disk: [u64; 2],
}

/// Which stretch of time a rate is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Since the last cycle.
    Cycle,
    /// Since the last pass.
    Sample,
    /// As last known: rates are those that the last cycle was judged by. For what happens between
    /// cycles, where the stretch since the last one may be a moment.
    Known,
}

impl Levels {
    pub(crate) fn sample(&mut self, sample: Sample) {
        if self.coming.capacity() == 0 {
            // As many as before: most services have one process, and there may be thousands of them.
            let before = self.pass.as_ref().map_or(1, |pass| pass.samples.len());
            self.coming.reserve_exact(before.max(1));
        }
        self.coming.push(sample);
    }

    pub(crate) fn group(&mut self, group: &Group) {
        self.coming_dead_ns = group.dead_cpu_ns;
        self.coming_forks = group.forks;
    }

    /// Remembers the past of what these rules look back on, and of nothing else.
    pub(crate) fn follow(&mut self, rules: &[Rule]) {
        self.trails.follow(rules, |metric| !metric.is_of_host());
    }

    /// Nobody knows what was in between: the past begins afresh.
    pub(crate) fn forget_past(&mut self) {
        self.trails.clear();
    }

    pub(crate) fn trail(&self, metric: Metric, window: Duration) -> Option<&Trail> {
        self.trails.get(metric, window)
    }

    /// The pass is over. Returns whether the main process was in it.
    pub(crate) fn pass_end(&mut self, at: BootTime, complete: bool) -> bool {
        let samples = std::mem::take(&mut self.coming);
        if !complete {
            // Half a pass would look like half a service.
            self.pass = None;
            self.former = self.last.take();
            return true;
        }
        self.former = self.last.take();
        let seen = self.take_in(at, samples);
        self.last = self.pass.as_ref().map(Pass::base);
        seen
    }

    /// A look between passes is over. Stretches of time between passes stay as they are.
    pub(crate) fn looked(&mut self, at: BootTime, complete: bool) {
        let samples = std::mem::take(&mut self.coming);
        if complete {
            self.take_in(at, samples);
        }
    }

    /// Takes what a pass or a look saw. Returns whether the main process was in it.
    fn take_in(&mut self, at: BootTime, samples: Vec<Sample>) -> bool {
        let living: u64 = samples.iter().map(|sample| sample.cpu_ns).sum();
        // A zombie between reaping and its last accounting is in neither sum for a moment:
        // the total never falls.
        let sum = self.coming_dead_ns.saturating_add(living);
        let sum = sum.max(self.counted_ns.unwrap_or(0));
        self.total_ns += sum - self.counted_ns.unwrap_or(sum);
        self.counted_ns = Some(sum);
        let total_ns = self.total_ns;
        let seen = samples.iter().any(|sample| sample.main && !sample.zombie);
        let forks = self.coming_forks;
        if self.former.is_some_and(|former| forks < former.forks) {
            // The kernel counts a new group.
            self.trails.clear();
        }
        let disk = self.pass.as_ref().map_or([0; 2], |pass| disk::sum(pass, &samples));
        let former = self.pass.replace(Pass { at, samples, total_ns, forks, disk });
        if let Some(Pass { samples: mut room, .. }) =
            former.filter(|pass| pass.samples.len() > MANY)
        {
            room.clear();
            self.coming = room;
        }
        let mut trails = std::mem::take(&mut self.trails);
        trails.push(at, |metric| match metric {
            Metric::Forks { .. } => Some(forks as f64),
            _ => self.value(metric, Over::Sample, 1, at),
        });
        self.trails = trails;
        seen
    }

    /// The cycle has been judged: its rates count from here.
    pub(crate) fn cycle_end(&mut self) {
        self.former_cycle = self.cycle.take();
        self.cycle = self.pass.as_ref().map(Pass::base);
    }

    /// Another main process, or none: rates of the old one mean nothing for the new. The group's
    /// CPU time goes on.
    pub(crate) fn forget_main(&mut self) {
        (self.pass, self.last, self.former) = (None, None, None);
        (self.cycle, self.former_cycle) = (None, None);
        self.trails.clear();
    }

    /// The group is a new one that already ran before we saw it: its past is not counted.
    pub(crate) fn count_from_next_pass(&mut self) {
        self.counted_ns = None;
    }

    /// The group is of other processes now: no rate goes over that, and what they used before is not
    /// counted.
    pub(crate) fn regrouped(&mut self) {
        self.forget_main();
        self.count_from_next_pass();
    }

    /// The group is a new one, born by our own start: every nanosecond counts.
    pub(crate) fn count_from_birth(&mut self) {
        self.counted_ns.get_or_insert(0);
    }

    pub(crate) fn main(&self) -> Option<&Sample> {
        self.pass.as_ref()?.samples.iter().find(|sample| sample.main && !sample.zombie)
    }

    /// The group's processes at the last pass.
    pub(crate) fn members(&self) -> &[Sample] {
        self.pass.as_ref().map_or(&[], |pass| &pass.samples)
    }
}

impl Pass {
    fn base(&self) -> Base {
        let main = self.samples.iter().find(|sample| sample.main);
        Base {
            at: self.at,
            main: main.map(|main| (main.process, main.cpu_ns)),
            total_ns: self.total_ns,
            forks: self.forks,
            main_disk: main.map(disk::bytes).unwrap_or_default(),
            disk: self.disk,
        }
    }
}
