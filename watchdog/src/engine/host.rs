//! The host's numbers that rules compare, from the samples of its own files.
//!
//! Not here: reading them (`crate::host`), a process's numbers (`levels`).

use std::time::Duration;

use crate::clock::BootTime;
use crate::engine::levels::{Over, added, rate};
use crate::engine::trail::Trail;
use crate::engine::trails::Trails;
use crate::message::{CpuTicks, HostSample, Metrics};
use crate::metric::{CpuShare, Direction, LoadWindow, Metric, PRESSURE};
use crate::service::Rule;

/// What the passes have told of the host.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostLevels {
    last: Option<HostSample>,
    former: Option<HostSample>,
    cycle: Option<HostSample>,
    /// When the last sample was taken, and the one that the last cycle was judged by.
    at: BootTime,
    cycle_at: BootTime,
    former_at: BootTime,
    trails: Trails,
}

impl HostLevels {
    /// Takes a sample. True where the host is another than before: of what a limit may be a share.
    pub(crate) fn sample(&mut self, sample: HostSample, at: BootTime) -> bool {
        let sizes = |sample: &HostSample| {
            (sample.memory_total, sample.swap_total, sample.files.map(|files| files.1))
        };
        let changed = self.last.as_ref().map(sizes) != Some(sizes(&sample));
        self.former = self.last.replace(sample);
        self.former_at = std::mem::replace(&mut self.at, at);
        let mut trails = std::mem::take(&mut self.trails);
        trails.push(at, |metric| match metric {
            Metric::SystemForks { .. } => sample.forks.map(|forks| forks as f64),
            Metric::Pressure { resource, full } => {
                let stalls = (*sample.pressure.get(resource as usize)?)?;
                Some((if full { stalls.full_us } else { stalls.some_us }) as f64 / 1e6)
            }
            _ => self.value(metric, Over::Sample),
        });
        self.trails = trails;
        changed
    }

    pub(crate) fn cycle_end(&mut self) {
        (self.cycle, self.cycle_at) = (self.last, self.at);
    }

    /// Remembers the past of what these rules look back on, and of nothing else.
    pub(crate) fn follow<'a>(&mut self, rules: impl IntoIterator<Item = &'a Rule>) {
        self.trails.follow(rules, Metric::is_of_host);
    }

    /// Nobody knows what was in between: the past begins afresh.
    pub(crate) fn forget_past(&mut self) {
        self.trails.clear();
    }

    pub(crate) fn trail(&self, metric: Metric, window: Duration) -> Option<&Trail> {
        self.trails.get(metric, window)
    }

    /// Online CPUs, 1 before the first sample.
    pub(crate) fn cpus(&self) -> u32 {
        self.last.map_or(1, |sample| sample.cpus.max(1))
    }

    /// What 100 % of a metric is, in its own unit; `None` also for swap where there is none.
    pub(crate) fn whole(&self, metric: Metric) -> Option<f64> {
        let last = self.last.as_ref()?;
        let whole = match metric {
            Metric::SystemSwap => last.swap_total,
            Metric::SystemFileDescriptors => last.files?.1,
            _ => last.memory_total,
        };
        Some(whole as f64).filter(|whole| *whole > 0.0)
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
            Metric::SystemFileDescriptors => last.files.map(|(open, _)| open as f64),
            Metric::SystemDisk { direction, operations } => {
                let (from, at) = match over {
                    Over::Cycle => (self.cycle?, self.cycle_at),
                    Over::Sample | Over::Known => (self.former?, self.former_at),
                };
                let count = |sample: &HostSample| {
                    let disks = sample.disks?;
                    Some(match (direction, operations) {
                        (Direction::Read, false) => disks.read_bytes,
                        (Direction::Read, true) => disks.reads,
                        (Direction::Write, false) => disks.write_bytes,
                        (Direction::Write, true) => disks.writes,
                    })
                };
                rate(count(last)?.saturating_sub(count(&from)?), self.at.since(at))
            }
            Metric::SystemPaging(direction) => {
                let (from, at) = match over {
                    Over::Cycle => (self.cycle?, self.cycle_at),
                    Over::Sample | Over::Known => (self.former?, self.former_at),
                };
                let count = |sample: &HostSample| {
                    let (pages_in, pages_out) = sample.paged?;
                    Some(if direction == Direction::Read { pages_in } else { pages_out })
                };
                rate(count(last)?.saturating_sub(count(&from)?), self.at.since(at))
            }
            Metric::Pressure { .. } => {
                // Shorter than its time it would be no share of it.
                let (elapsed, stalled) = self.trail(metric, PRESSURE)?.added(PRESSURE)?;
                (elapsed >= PRESSURE.as_secs_f64()).then(|| (stalled / elapsed).min(1.0))
            }
            Metric::SystemForks { per } => {
                let forks = last.forks? as f64;
                let from = self.cycle.filter(|_| over == Over::Cycle).and_then(|base| base.forks);
                let stretch = from.map(|from| ((self.cycle_at, from as f64), (self.at, forks)));
                added(per, stretch, self.trail(metric, per))
            }
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
        let disk = |direction| {
            self.value(Metric::SystemDisk { direction, operations: false }, Over::Sample)
        };
        let paging = |direction| self.value(Metric::SystemPaging(direction), Over::Sample);
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
            forks_per_second: self.former.zip(self.last).and_then(|(from, to)| {
                rate(to.forks?.saturating_sub(from.forks?), self.at.since(self.former_at))
            }),
            filedescriptors: last.files.map(|(open, _)| open),
            disk_read_bytes_per_second: disk(Direction::Read),
            disk_write_bytes_per_second: disk(Direction::Write),
            pagein_per_second: paging(Direction::Read),
            pageout_per_second: paging(Direction::Write),
            pressure: match last.pressure {
                [Some(memory), Some(cpu), Some(io)] => {
                    Some([memory.average, cpu.average, io.average])
                }
                _ => None,
            },
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
