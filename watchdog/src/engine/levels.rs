//! From samples to the numbers that rules compare: rates over two passes, sums over a group.
//!
//! Facts only. Not here: limits and rules (`judge`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::event::Sample;
use crate::identity::{NANOSECONDS_PER_TICK, ProcessKey};
use crate::message::{CpuTicks, HostSample, Metrics};
use crate::metric::{CpuShare, LoadWindow, Metric};

/// What the passes have told of one process service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels {
    /// Samples of the pass that is under way.
    coming: Vec<Sample>,
    coming_dead_ns: u64,
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
}

#[derive(Debug, Clone)]
struct Pass {
    at: BootTime,
    samples: Vec<Sample>,
    /// Total CPU of the group at this pass, on the scale of `Base::total_ns`.
    total_ns: u64,
}

/// What a rate is counted from.
#[derive(Debug, Clone, Copy)]
struct Base {
    at: BootTime,
    main: Option<(ProcessKey, u64)>,
    total_ns: u64,
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
        self.coming.push(sample);
    }

    pub(crate) fn dead_cpu(&mut self, dead_cpu_ns: u64) {
        self.coming_dead_ns = dead_cpu_ns;
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
        self.pass = Some(Pass { at, samples, total_ns });
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
    }

    /// The group is a new one that already ran before we saw it: its past is not counted.
    pub(crate) fn count_from_next_pass(&mut self) {
        self.counted_ns = None;
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

    /// A process metric's value now, in its own unit; `None` where it is not known.
    pub(crate) fn value(
        &self,
        metric: Metric,
        over: Over,
        cpus: u32,
        now: BootTime,
    ) -> Option<f64> {
        let pass = self.pass.as_ref()?;
        let living = || pass.samples.iter().filter(|sample| !sample.zombie);
        // Without its main process a group is not the service: its sums say nothing.
        let main = self.main()?;
        match metric {
            Metric::Cpu => {
                let (from, to) = self.stretch(over)?;
                let ((key, before), (same, after)) = (from.main?, to.main?);
                if key != same || same != main.process {
                    return None;
                }
                let width = main.threads.clamp(1, cpus.max(1));
                Some(ratio(after.saturating_sub(before), to.at.since(from.at), width))
            }
            Metric::TotalCpu => {
                let (from, to) = self.stretch(over)?;
                let used = to.total_ns.saturating_sub(from.total_ns);
                Some(ratio(used, to.at.since(from.at), cpus.max(1)))
            }
            Metric::Memory => Some(main.rss_bytes as f64),
            Metric::TotalMemory => Some(living().map(|sample| sample.rss_bytes as f64).sum()),
            Metric::Children => Some(living().filter(|sample| !sample.main).count() as f64),
            Metric::Threads => Some(f64::from(main.threads)),
            Metric::Uptime => {
                let started = BootTime(main.process.start * NANOSECONDS_PER_TICK);
                Some(now.since(started).as_secs_f64())
            }
            Metric::LoadAverage { .. }
            | Metric::SystemCpu(_)
            | Metric::SystemMemory
            | Metric::SystemSwap => None,
        }
    }

    /// The numbers for status, as of the last pass.
    pub(crate) fn shown(&self, cpus: u32) -> Metrics {
        let value = |metric| self.value(metric, Over::Sample, cpus, BootTime::default());
        let whole = |metric| value(metric).map(|number| number as u64);
        Metrics {
            cpu: value(Metric::Cpu),
            totalcpu: value(Metric::TotalCpu),
            totalcpu_seconds: self.pass.as_ref().map(|_| self.total_ns as f64 / 1e9),
            memory_bytes: whole(Metric::Memory),
            totalmem_bytes: whole(Metric::TotalMemory),
            children: whole(Metric::Children),
            threads: whole(Metric::Threads),
            ..Metrics::default()
        }
    }

    /// From where to where a rate is counted.
    fn stretch(&self, over: Over) -> Option<(Base, Base)> {
        let now = self.pass.as_ref().map(Pass::base);
        match over {
            Over::Cycle => self.cycle.zip(now),
            Over::Sample => self.former.zip(now),
            Over::Known => self.former_cycle.zip(self.cycle),
        }
    }
}

impl Pass {
    fn base(&self) -> Base {
        let main = self.samples.iter().find(|sample| sample.main);
        Base {
            at: self.at,
            main: main.map(|main| (main.process, main.cpu_ns)),
            total_ns: self.total_ns,
        }
    }
}

/// CPU time over elapsed time times width, at most 1: a tick of error must not read as 100.4 %.
fn ratio(used_ns: u64, elapsed: Duration, width: u32) -> f64 {
    let elapsed_ns = elapsed.as_nanos();
    if elapsed_ns == 0 {
        return 0.0;
    }
    (used_ns as f64 / (elapsed_ns as f64 * f64::from(width))).min(1.0)
}

/// What the passes have told of the host.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostLevels {
    last: Option<HostSample>,
    former: Option<HostSample>,
    cycle: Option<HostSample>,
}

impl HostLevels {
    pub(crate) fn sample(&mut self, sample: HostSample) {
        self.former = self.last.replace(sample);
    }

    pub(crate) fn cycle_end(&mut self) {
        self.cycle = self.last;
    }

    /// Online CPUs, 1 before the first sample.
    pub(crate) fn cpus(&self) -> u32 {
        self.last.map_or(1, |sample| sample.cpus.max(1))
    }

    /// MemTotal in bytes, where known.
    pub(crate) fn memory_total(&self) -> Option<f64> {
        self.last.map(|sample| sample.memory_total as f64).filter(|total| *total > 0.0)
    }

    /// SwapTotal in bytes; `None` also where there is no swap.
    pub(crate) fn swap_total(&self) -> Option<f64> {
        self.last.map(|sample| sample.swap_total as f64).filter(|total| *total > 0.0)
    }

    /// A host metric's value now, in its own unit.
    pub(crate) fn value(&self, metric: Metric, over: Over) -> Option<f64> {
        let last = self.last.as_ref()?;
        match metric {
            Metric::LoadAverage { over, per_core } => {
                let load = last.load[match over {
                    LoadWindow::One => 0,
                    LoadWindow::Five => 1,
                    LoadWindow::Fifteen => 2,
                }];
                Some(if per_core { load / f64::from(last.cpus.max(1)) } else { load })
            }
            Metric::SystemCpu(share) => {
                let base = match over {
                    Over::Cycle => self.cycle,
                    Over::Sample | Over::Known => self.former,
                }?;
                cpu_share(&base.ticks, &last.ticks, share)
            }
            Metric::SystemMemory => {
                Some(last.memory_total.saturating_sub(last.memory_available) as f64)
            }
            Metric::SystemSwap => Some(last.swap_total.saturating_sub(last.swap_free) as f64),
            _ => None,
        }
    }

    /// The numbers for status.
    pub(crate) fn shown(&self) -> Metrics {
        let Some(last) = &self.last else { return Metrics::default() };
        let share = |share| {
            self.value(Metric::SystemCpu(share), Over::Sample)
                .or_else(|| self.value(Metric::SystemCpu(share), Over::Cycle))
        };
        Metrics {
            cpu: share(CpuShare::Busy),
            cpu_shares: share(CpuShare::User)
                .zip(share(CpuShare::System))
                .zip(share(CpuShare::Wait))
                .map(|((user, system), wait)| [user, system, wait]),
            memory_bytes: Some(last.memory_total.saturating_sub(last.memory_available)),
            memory_total_bytes: Some(last.memory_total),
            swap_bytes: Some(last.swap_total.saturating_sub(last.swap_free)),
            swap_total_bytes: Some(last.swap_total),
            load: Some(last.load),
            ..Metrics::default()
        }
    }
}

/// The share of one kind of CPU time between two readings. In `/proc/stat` user contains guest and
/// nice contains guest_nice; Monit's user has neither guest nor nice.
fn cpu_share(before: &CpuTicks, after: &CpuTicks, share: CpuShare) -> Option<f64> {
    let d = |field: fn(&CpuTicks) -> u64| field(after).saturating_sub(field(before));
    let (guest, guest_nice) = (d(|t| t.guest), d(|t| t.guest_nice));
    let user = d(|t| t.user).saturating_sub(guest);
    let nice = d(|t| t.nice).saturating_sub(guest_nice);
    let (system, idle, wait) = (d(|t| t.system), d(|t| t.idle), d(|t| t.iowait));
    let (irq, softirq, steal) = (d(|t| t.irq), d(|t| t.softirq), d(|t| t.steal));
    let all = user + guest + nice + guest_nice + system + idle + wait + irq + softirq + steal;
    let part = match share {
        CpuShare::Busy => user + system,
        CpuShare::User => user,
        CpuShare::System => system,
        CpuShare::Wait => wait,
        CpuShare::Nice => nice,
        CpuShare::HardIrq => irq,
        CpuShare::SoftIrq => softirq,
        CpuShare::Steal => steal,
        CpuShare::Guest => guest,
        CpuShare::GuestNice => guest_nice,
    };
    (all > 0).then(|| part as f64 / all as f64)
}
