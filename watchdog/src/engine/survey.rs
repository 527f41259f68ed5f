//! Which rules want to know who does it: those about the host's own numbers, which name no process.
//!
//! Not here: looking (`crate::survey`).

use crate::message::SurveyBy;
use crate::metric::{CpuShare, Direction, Metric, Resource};
use crate::service::Test;

/// By what the host's processes are ranked when the test's rule fails; `None`: they are not.
pub(crate) fn asked(test: &Test) -> Option<SurveyBy> {
    let metric = match test {
        Test::Level(level) => level.metric,
        Test::Trend(trend) => trend.metric,
        _ => return None,
    };
    Some(match metric {
        Metric::SystemMemory | Metric::Pressure { resource: Resource::Memory, .. } => {
            SurveyBy::Memory
        }
        Metric::SystemSwap | Metric::SystemPaging(_) => SurveyBy::Swap,
        // That time is spent waiting for input and output.
        Metric::SystemCpu(CpuShare::Wait) | Metric::Pressure { resource: Resource::Io, .. } => {
            SurveyBy::ReadOrWritten
        }
        Metric::LoadAverage { .. }
        | Metric::SystemCpu(_)
        | Metric::Pressure { resource: Resource::Cpu, .. } => SurveyBy::Cpu,
        Metric::SystemDisk { direction: Direction::Read, .. } => SurveyBy::Read,
        Metric::SystemDisk { direction: Direction::Write, .. } => SurveyBy::Written,
        Metric::SystemForks { .. } => SurveyBy::Children,
        Metric::SystemFileDescriptors => SurveyBy::Descriptors,
        _ => return None,
    })
}
