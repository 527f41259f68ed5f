//! The numbers that rules compare and status shows, of what the passes have told.
//!
//! Not here: taking in what they tell (`levels`), limits (`judge`).

use crate::clock::BootTime;
use crate::engine::levels::rates::{added, rate, ratio};
use crate::engine::levels::{Base, Levels, Over, Pass};
use crate::identity::NANOSECONDS_PER_TICK;
use crate::message::Metrics;
use crate::metric::{Direction, Metric};

impl Levels {
    /// What 100 % of a metric of the main process is.
    pub(crate) fn whole(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::FileDescriptors => Some(self.main()?.descriptors?.1 as f64),
            _ => None,
        }
        .filter(|whole| *whole > 0.0)
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
            Metric::FileDescriptors => Some(main.descriptors?.0 as f64),
            Metric::TotalFileDescriptors => {
                // One that has just ended is not counted; one that nobody counted makes it unknown.
                living().map(|sample| Some(sample.descriptors?.0 as f64)).sum()
            }
            Metric::Disk { direction, total } => {
                let (from, to) = self.stretch(over)?;
                if from.main?.0 != to.main?.0 {
                    return None;
                }
                let way = direction as usize;
                let count = |base: &Base| {
                    let counts = if total { base.disk } else { base.main_disk };
                    counts.get(way).copied()
                };
                rate(count(&to)?.saturating_sub(count(&from)?), to.at.since(from.at))
            }
            Metric::Forks { per } => {
                let forks = |base: Base| (base.at, base.forks as f64);
                let stretch = self.stretch(over).map(|(from, to)| (forks(from), forks(to)));
                added(per, stretch, self.trail(metric, per))
            }
            Metric::LoadAverage { .. }
            | Metric::SystemCpu(_)
            | Metric::SystemMemory
            | Metric::SystemSwap
            | Metric::SystemFileDescriptors
            | Metric::SystemDisk { .. }
            | Metric::SystemPaging(_)
            | Metric::Pressure { .. }
            | Metric::SystemForks { .. } => None,
        }
    }

    /// The numbers for status, as of the last pass.
    pub(crate) fn shown(&self, cpus: u32) -> Metrics {
        let value = |metric| self.value(metric, Over::Sample, cpus, BootTime::default());
        let whole = |metric| value(metric).map(|number| number as u64);
        let disk = |direction| value(Metric::Disk { direction, total: true });
        Metrics {
            cpu: value(Metric::Cpu),
            totalcpu: value(Metric::TotalCpu),
            totalcpu_seconds: self.pass.as_ref().map(|_| self.total_ns as f64 / 1e9),
            memory_bytes: whole(Metric::Memory),
            totalmem_bytes: whole(Metric::TotalMemory),
            children: whole(Metric::Children),
            threads: whole(Metric::Threads),
            forks_per_second: self.stretch(Over::Sample).and_then(|(from, to)| {
                rate(to.forks.saturating_sub(from.forks), to.at.since(from.at))
            }),
            filedescriptors: whole(Metric::FileDescriptors),
            disk_read_bytes_per_second: disk(Direction::Read),
            disk_write_bytes_per_second: disk(Direction::Write),
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
