//! What the processes of a group have read and written since the pass before.
//!
//! Not here: rates (`levels`).

use std::collections::BTreeMap;

use super::Pass;
use crate::event::Sample;
use crate::identity::ProcessKey;

/// Processes that have gone in a row, before the others are looked up one by one.
const AHEAD: usize = 16;

/// Bytes read and written by the group: what each of its processes added since the former pass. What
/// a process that is gone did after that is not known.
pub(super) fn sum(former: &Pass, samples: &[Sample]) -> [u64; 2] {
    let disk = former.disk;
    let mut former = Former { samples: &former.samples, next: 0, index: None };
    samples.iter().fold(disk, |[read, write], sample| {
        let ([r, w], [was_r, was_w]) = (bytes(sample), former.bytes_of(sample.process));
        [read + r.saturating_sub(was_r), write + w.saturating_sub(was_w)]
    })
}

pub(super) fn bytes(sample: &Sample) -> [u64; 2] {
    [sample.read_bytes, sample.write_bytes]
}

/// What processes had read and written at the former pass. Two passes show them in nearly the same
/// order: only where it differs are they looked up.
struct Former<'a> {
    samples: &'a [Sample],
    next: usize,
    index: Option<BTreeMap<ProcessKey, [u64; 2]>>,
}

impl Former<'_> {
    fn bytes_of(&mut self, process: ProcessKey) -> [u64; 2] {
        if let Some(sample) = self.samples.get(self.next)
            && sample.process == process
        {
            self.next += 1;
            return bytes(sample);
        }
        if let Some(step) = self.near(process) {
            self.next += step + 1;
            return self.samples.get(self.next - 1).map(bytes).unwrap_or_default();
        }
        let index = self.index.get_or_insert_with(|| {
            self.samples.iter().map(|sample| (sample.process, bytes(sample))).collect()
        });
        index.get(&process).copied().unwrap_or_default()
    }

    /// A few have gone since.
    fn near(&self, process: ProcessKey) -> Option<usize> {
        let mut ahead = self.samples.get(self.next..)?.iter().take(AHEAD);
        ahead.position(|sample| sample.process == process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::BootTime;
    use crate::identity::ServiceId;

    fn samples(read: &[(u32, u64)]) -> Vec<Sample> {
        let sample = |(pid, read_bytes): &(u32, u64)| Sample {
            service: ServiceId(0),
            process: ProcessKey { pid: *pid, start: 7 },
            parent: 1,
            main: false,
            cpu_ns: 0,
            rss_bytes: 0,
            swap_bytes: 0,
            read_bytes: *read_bytes,
            write_bytes: 2 * *read_bytes,
            descriptors: None,
            threads: 1,
            zombie: false,
            uid: 0,
            comm: [0; 16],
        };
        read.iter().map(sample).collect()
    }

    #[test]
    fn each_process_is_compared_with_itself_in_whatever_order() {
        let first: Vec<(u32, u64)> = (1..100).map(|pid| (pid, 10)).collect();
        let at = BootTime::default();
        let pass = Pass { at, samples: samples(&first), total_ns: 0, forks: 0, disk: [5, 5] };
        let mut later: Vec<(u32, u64)> = (1..100).map(|pid| (pid, 11)).collect();
        assert_eq!(sum(&pass, &samples(&later)), [5 + 99, 5 + 198], "the same order");
        later.retain(|(pid, _)| pid % 3 != 0);
        assert_eq!(sum(&pass, &samples(&later)), [5 + 66, 5 + 132], "some are gone");
        later.reverse();
        assert_eq!(sum(&pass, &samples(&later)), [5 + 66, 5 + 132], "another order");
        later.insert(0, (1000, 3));
        assert_eq!(sum(&pass, &samples(&later)), [5 + 69, 5 + 138], "and one has come");
    }
}
