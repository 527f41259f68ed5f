//! How many descriptors the processes have open whose rules ask for it. Nobody else is asked.
//!
//! The one number that a pass does not bring: the kernel keeps no count of it. From Linux 6.2 on the size of
//! `/proc/<pid>/fd` is the number of its entries (one system call, nothing is opened); before that the
//! folder is read. Only for services with such a rule is anything below `/proc/<pid>` looked at in a pass.

use std::collections::BTreeMap;

use crate::event::Event;
use crate::identity::{ProcessKey, ServiceId};
use crate::metric::Metric;
use crate::process::facts;
use crate::service::{Config, Test};
use crate::sys;

/// Whose descriptors are counted.
#[derive(Debug, Default)]
pub struct Descriptors {
    /// True: of every process of the group.
    asked: BTreeMap<ServiceId, bool>,
}

impl Descriptors {
    /// What the rules ask for.
    pub fn of(config: &Config) -> Self {
        let mut asked = BTreeMap::new();
        for service in &config.services {
            for rule in &service.rules {
                rule.condition.for_each_test(&mut |test| {
                    let metric = match test {
                        Test::Level(level) => level.metric,
                        Test::Trend(trend) => trend.metric,
                        _ => return,
                    };
                    if matches!(metric, Metric::FileDescriptors | Metric::TotalFileDescriptors) {
                        *asked.entry(service.id).or_insert(false) |=
                            metric == Metric::TotalFileDescriptors;
                    }
                });
            }
        }
        Self { asked }
    }

    /// Puts the numbers into the samples of a pass.
    pub fn fill(&self, events: &mut [Event]) {
        if self.asked.is_empty() {
            return;
        }
        for event in events {
            let Event::Sample(sample) = event else { continue };
            match self.asked.get(&sample.service) {
                Some(all) if (*all || sample.main) && !sample.zombie => {
                    sample.descriptors = of(sample.process);
                }
                _ => {}
            }
        }
    }
}

/// Open descriptors of this very process and the limit of their number; 0 where that may not be asked.
fn of(process: ProcessKey) -> Option<(u64, u64)> {
    let open = count(process.pid)?;
    let limit = sys::limits::descriptors(process.pid).unwrap_or(0);
    // Asked last: whoever has the number now and began then had it all the time.
    let same = facts(process.pid).ok()??.key == process;
    same.then_some((open, limit))
}

/// Open descriptors of a process; `None` where it is gone or may not be looked at.
pub(crate) fn count(pid: u32) -> Option<u64> {
    let path = format!("/proc/{pid}/fd");
    match std::fs::metadata(&path).ok()?.len() {
        // A kernel before 6.2, or a process without any.
        0 => u64::try_from(std::fs::read_dir(&path).ok()?.count()).ok(),
        open => Some(open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_are_counted() {
        let pid = std::process::id();
        let before = count(pid).expect("our own");
        let files: Vec<_> =
            (0..100).map(|_| std::fs::File::open("/dev/null").expect("there")).collect();
        let after = count(pid).expect("our own");
        // Other tests open and close files meanwhile.
        assert!(after + 50 > before + 100, "{before} and then {after}");
        drop(files);
        assert!(sys::limits::descriptors(pid).is_some_and(|limit| limit > 0));
        let own = facts(pid).expect("proc").expect("we live").key;
        assert!(of(own).is_some_and(|(open, limit)| open > 0 && limit > 0));
        let former = ProcessKey { start: own.start - 1, ..own };
        assert_eq!(of(former), None, "another process had our number");
        assert_eq!((count(u32::MAX), sys::limits::descriptors(u32::MAX)), (None, None));
    }
}
