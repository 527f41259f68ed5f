//! What our programs cost: the kernel's own account, taken for one second in each minute.
//!
//! The kernel keeps run times only while somebody asks (BPF_ENABLE_STATS, 5.8), and then for every
//! program of the host, at some 30 ns a run: so not all the time.

use std::os::fd::OwnedFd;
use std::time::Duration;

use aya::Ebpf;
use aya::sys::{Stats, enable_stats};

use super::Cost;
use crate::clock::BootTime;

/// From one account to the next.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long one is.
const LENGTH: Duration = Duration::from_secs(1);

/// The account.
#[derive(Default)]
pub(super) struct Account {
    due: BootTime,
    open: Option<Open>,
    /// The last one, by program.
    last: Vec<(String, Cost)>,
    /// The kernel refuses it.
    refused: bool,
}

struct Open {
    at: BootTime,
    before: Vec<(String, u64, Duration)>,
    /// Kept open: the kernel counts as long as it is.
    _counting: OwnedFd,
}

impl Account {
    /// When it wants to be looked after.
    pub(super) fn next(&self) -> Option<BootTime> {
        (!self.refused).then_some(self.due)
    }

    /// Opens an account or closes it.
    pub(super) fn tend(&mut self, now: BootTime, ebpf: &Ebpf) {
        if self.refused || now < self.due {
            return;
        }
        let Some(open) = self.open.take() else {
            match enable_stats(Stats::RunTime) {
                Ok(counting) => {
                    self.open = Some(Open { at: now, before: runs(ebpf), _counting: counting });
                    self.due = now + LENGTH;
                }
                // CAP_SYS_ADMIN; what is not known is not shown.
                Err(_) => self.refused = true,
            }
            return;
        };
        let over = now.since(open.at);
        self.last = runs(ebpf)
            .into_iter()
            .zip(open.before)
            .map(|((name, runs, time), (_, runs_before, time_before))| {
                let runs = runs.saturating_sub(runs_before);
                (name, Cost { over, runs, time: time.saturating_sub(time_before) })
            })
            .collect();
        self.due = open.at + INTERVAL;
    }

    /// The last account of a program.
    pub(super) fn of(&self, name: &str) -> Option<Cost> {
        self.last.iter().find(|(program, _)| program == name).map(|(_, cost)| *cost)
    }
}

/// Runs and run time of each program so far.
fn runs(ebpf: &Ebpf) -> Vec<(String, u64, Duration)> {
    let of = |program: &aya::programs::Program| {
        program.info().map_or((0, Duration::ZERO), |info| (info.run_count(), info.run_time()))
    };
    ebpf.programs()
        .map(|(name, program)| {
            let (runs, time) = of(program);
            (name.to_owned(), runs, time)
        })
        .collect()
}
