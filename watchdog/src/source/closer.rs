//! Limits between passes: what the kernel is told to watch for, and who wants a closer look.
//!
//! The fault sampler sees small pages at once and huge pages late; what is populated, locked or
//! written to a tmpfs it does not see. So a service above three quarters of a memory limit is looked
//! at every 10 ms. Not here: the looks themselves (`kernel`), and what a crossing means (`engine`).

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytemuck::Zeroable;
use watchdog_common::table::{BRAKE_STOP, Limit, MEMBER_DEATHS, NO_LIMIT, slot};

use super::Limits;
use super::pass::Seen;
use super::table::Table;
use crate::clock::BootTime;
use crate::identity::ServiceId;

/// From one closer look to the next.
const INTERVAL: Duration = Duration::from_millis(10);
/// A round of looks that takes long is followed by a pause of so many times its length, so that
/// closer looks never take more than a twentieth of a processor.
const PAUSE: u32 = 19;

/// So many looks that find no growth double the time between two of them,
const QUIET: u32 = 16;
/// so often at most: 160 ms.
const SLOWEST: u32 = 4;

fn flags(limits: &Limits) -> u32 {
    let deaths = if limits.member_deaths { MEMBER_DEATHS } else { 0 };
    let brake = limits.forks.is_some_and(|forks| forks.brake);
    deaths | if brake { BRAKE_STOP } else { 0 }
}

/// What is armed.
#[derive(Default)]
pub(super) struct Closer {
    armed: BTreeMap<ServiceId, Armed>,
    /// The last epoch given out.
    epoch: u64,
    /// When those near a limit are looked at next.
    due: BootTime,
}

struct Armed {
    limits: Limits,
    /// The same in the kernel's form.
    limit: Limit,
    /// Above three quarters of a memory limit.
    near: bool,
    /// The most memory that a look has found, in bytes, and how many looks since have found no more.
    most: u64,
    quiet: u32,
    /// Armed since it was last looked at.
    fresh: bool,
}

impl Closer {
    /// Arms a service's limits anew; `page` is the page size in bytes.
    pub(super) fn arm(
        &mut self,
        table: &Table,
        service: ServiceId,
        limits: &Limits,
        page: u64,
    ) -> io::Result<()> {
        if *limits == Limits::default() {
            self.disarm(table, service);
            return Ok(());
        }
        self.epoch += 1;
        let former = self.armed.get(&service);
        let pages = |bytes: Option<u64>| bytes.map_or(NO_LIMIT, |bytes| bytes / page);
        let window = limits.forks.map_or(Duration::from_secs(1), |forks| forks.window);
        let slot_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX).div_ceil(slot::COUNT);
        let slot_ns = slot_ns.max(1);
        let scale = former
            .map_or(0, |former| former.limit.scale + u32::from(former.limit.slot_ns != slot_ns));
        let limit = Limit {
            epoch: self.epoch,
            near_epoch: self.epoch,
            total_pages: pages(limits.total_memory),
            main_pages: pages(limits.memory),
            children: limits.children.unwrap_or(NO_LIMIT),
            forks: limits.forks.map_or(NO_LIMIT, |forks| forks.count),
            slot_ns,
            scale: scale & 0xff,
            flags: flags(limits),
        };
        table.limit(service, &limit)?;
        let near = former.is_some_and(|former| former.near);
        let (most, quiet) = former.map_or((0, 0), |former| (former.most, former.quiet));
        let armed = Armed { limits: *limits, limit, near, most, quiet, fresh: true };
        self.armed.insert(service, armed);
        Ok(())
    }

    /// Arms nothing for the service any more.
    pub(super) fn disarm(&mut self, table: &Table, service: ServiceId) {
        if self.armed.remove(&service).is_some()
            && let Err(error) = table.limit(service, &Limit::zeroed())
        {
            log::error!("cannot take back a service's limits: {error}");
        }
    }

    /// The kernel has seen the service come near a limit.
    pub(super) fn near(&mut self, service: ServiceId) {
        if let Some(armed) = self.armed.get_mut(&service) {
            armed.near = true;
        }
    }

    /// Takes what a complete look has found. True where the kernel is to compare with the limits.
    pub(super) fn found(&mut self, table: &Table, service: ServiceId, seen: &Seen) -> bool {
        let Some(armed) = self.armed.get_mut(&service) else {
            return false;
        };
        armed.fresh = false;
        if seen.rss_bytes > armed.most.saturating_add(armed.most / 1000) {
            (armed.most, armed.quiet) = (seen.rss_bytes, 0);
        } else if seen.rss_bytes < armed.most / 8 * 7 {
            // It fell: what grows from here on is growth again.
            armed.most = seen.rss_bytes;
        } else {
            armed.quiet = armed.quiet.saturating_add(1);
        }
        let limits = armed.limits;
        let above = |share: u64| {
            limits.total_memory.is_some_and(|limit| seen.rss_bytes > limit / 20 * share)
                || limits.memory.is_some_and(|limit| seen.main_bytes > limit / 20 * share)
        };
        let was = armed.near;
        // Between 70 and 75 % it stays what it was.
        armed.near = if was { above(14) } else { above(15) };
        if was && !armed.near {
            (armed.most, armed.quiet) = (0, 0);
            // The kernel is to tell the next approach again.
            self.epoch += 1;
            armed.limit.near_epoch = self.epoch;
            if let Err(error) = table.limit(service, &armed.limit) {
                log::error!("cannot arm a service's limits: {error}");
            }
        }
        limits.total_memory.is_some_and(|limit| seen.rss_bytes > limit)
            || limits.children.is_some_and(|limit| seen.children > limit)
    }

    /// Who is to be looked at now.
    pub(super) fn due(&self, now: BootTime) -> Vec<ServiceId> {
        let due = now >= self.due;
        let wanted = |(service, armed): (&ServiceId, &Armed)| {
            (armed.fresh || armed.near && due).then_some(*service)
        };
        self.armed.iter().filter_map(wanted).collect()
    }

    /// Looks were made until `now` and took so long.
    pub(super) fn looked(&mut self, now: BootTime, took: Duration) {
        // A service that stays near a limit and does not grow (one whose RSS is over what its PSS is
        // not, say) is no reason to look a hundred times a second for months.
        let quiet = self.armed.values().filter(|armed| armed.near).map(|armed| armed.quiet).min();
        let slower = (quiet.unwrap_or(0) / QUIET).min(SLOWEST);
        self.due = now + (INTERVAL * (1 << slower)).max(took * PAUSE);
    }

    /// When the next closer look is due.
    pub(super) fn next(&self) -> Option<BootTime> {
        self.armed.values().any(|armed| armed.near || armed.fresh).then_some(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Counts as the fork program does, on one processor.
    fn forked(slots: &mut [u64; slot::COUNT as usize], scale: u32, slot_ns: u64, now: u64) -> u64 {
        let number = now / slot_ns;
        let empty = slot::empty(scale, number);
        let word = &mut slots[(number % slot::COUNT) as usize];
        *word = empty + slot::same(*word, empty).unwrap_or(0) + 1;
        slots.iter().map(|word| slot::within(*word, empty)).sum()
    }

    proptest! {
        /// Never more than there were in the window, never less than in fifteen sixteenths of it,
        /// also where the window has changed on the way.
        #[test]
        fn forks_within_a_window(
            steps in prop::collection::vec((0_u64..400_000_000, 0_usize..30), 1..200),
            began in 0_u64..10_000_000_000_000,
            change in 0_usize..200,
        ) {
            let mut slots = [0; slot::COUNT as usize];
            let (mut now, mut times) = (began, Vec::new());
            for (step, (wait, burst)) in steps.into_iter().enumerate() {
                now += wait;
                if step == change {
                    times.clear();
                }
                let (scale, window) = if step < change { (255, 1 << 30) } else { (0, 4 << 30) };
                for _ in 0..=burst {
                    times.push(now);
                    let told = forked(&mut slots, scale, window / slot::COUNT, now);
                    let since = |age: u64| times.iter().filter(|at| now - **at < age).count();
                    prop_assert!(told <= since(window) as u64);
                    prop_assert!(told >= since(window / 16 * 15) as u64);
                }
            }
        }
    }

    #[test]
    fn near_a_limit_and_away_from_it() {
        let limits = Limits { total_memory: Some(1000), ..Limits::default() };
        let mut closer = Closer::default();
        let service = ServiceId(3);
        let limit = Limit::zeroed();
        let armed = Armed { limits, limit, near: false, most: 0, quiet: 0, fresh: true };
        closer.armed.insert(service, armed);
        let now = BootTime::from_secs(9);
        assert_eq!(closer.due(now), [service], "just armed");
        closer.armed.get_mut(&service).unwrap().fresh = false;
        assert_eq!((closer.due(now), closer.next()), (Vec::new(), None));
        closer.near(service);
        closer.looked(now, Duration::from_micros(50));
        assert_eq!(closer.next(), Some(now + INTERVAL));
        assert_eq!(closer.due(now), Vec::new(), "not yet");
        assert_eq!(closer.due(now + INTERVAL), [service]);
        closer.looked(now, Duration::from_millis(5));
        assert_eq!(closer.next(), Some(now + Duration::from_millis(95)), "a twentieth at most");
        closer.armed.get_mut(&service).unwrap().quiet = 3 * QUIET;
        closer.looked(now, Duration::from_micros(50));
        assert_eq!(closer.next(), Some(now + INTERVAL * 8), "it does not grow");
    }
}
