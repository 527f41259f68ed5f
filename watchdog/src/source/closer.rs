//! Limits between passes: what the kernel is told to watch for, and who wants a closer look.
//!
//! The fault sampler sees small pages at once and huge pages late; what is populated, locked or
//! written to a tmpfs it does not see. So a service above three quarters of a memory limit is looked
//! at every 10 ms. Not here: the looks themselves (`kernel`), and what a crossing means (`engine`).

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytemuck::Zeroable;
use watchdog_common::table::{Limit, MEMBER_DEATHS, NO_LIMIT, slot};

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
            flags: if limits.member_deaths { MEMBER_DEATHS } else { 0 },
        };
        table.limit(service, &limit)?;
        let near = former.is_some_and(|former| former.near);
        self.armed.insert(service, Armed { limits: *limits, limit, near, fresh: true });
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
        let limits = armed.limits;
        let above = |share: u64| {
            limits.total_memory.is_some_and(|limit| seen.rss_bytes > limit / 20 * share)
                || limits.memory.is_some_and(|limit| seen.main_bytes > limit / 20 * share)
        };
        let was = armed.near;
        // Between 70 and 75 % it stays what it was.
        armed.near = if was { above(14) } else { above(15) };
        if was && !armed.near {
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
        self.due = now + INTERVAL.max(took * PAUSE);
    }

    /// When the next closer look is due.
    pub(super) fn next(&self) -> Option<BootTime> {
        self.armed.values().any(|armed| armed.near || armed.fresh).then_some(self.due)
    }
}
