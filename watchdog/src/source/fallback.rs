//! The sensor where the kernel's programs cannot run: `/proc` once a cycle, a pidfd per service.
//!
//! It sees less, and says so: what lives and dies between two passes is not counted, limits are
//! judged each cycle, and how a process ended is known only where the kernel still tells. The
//! death of a main process wakes us at once. Not here: why it came to this (`refusal`).

mod mains;
mod members;
mod rows;

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mains::Mains;
use members::Members;
use rows::Row;

use super::{Health, Limits, Membership, Missing, Source, WantBy};
use crate::clock::{BootTime, boot_now};
use crate::event::Event;
use crate::identity::{ProcessKey, ServiceId};

/// How often a main process without a pidfd is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The sensor on `/proc`.
pub struct FallbackSource {
    table: Arc<Table>,
    mains: Mains,
    health: Health,
    /// Why the kernel's programs do not run; told once.
    untold: Option<String>,
}

impl FallbackSource {
    /// A sensor for a host where the kernel's programs were refused, for the reasons given.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn open(missing: Vec<Missing>) -> io::Result<Self> {
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let untold = missing.first().map(|first| {
            format!(
                "{} is missing: {}. Watching by /proc instead: short lives and peaks between \
                 cycles are not seen. Cure: {}",
                first.what, first.why, first.cure
            )
        });
        Ok(Self {
            table: Arc::default(),
            mains: Mains::new()?,
            health: Health { mode: "fallback", kernel, missing, ..Health::default() },
            untold,
        })
    }

    /// One look at every process of the host; reports on one service or on all of them.
    fn survey(&mut self, only: Option<ServiceId>, into: &mut Vec<Event>) -> bool {
        let rows = match rows::read() {
            Ok(rows) => rows,
            Err(error) => {
                log::error!("a pass over the processes failed: {error}");
                return false;
            }
        };
        // Who died meanwhile is told before he is missed.
        self.drain(into);
        let mut members = self.table.lock();
        members.refresh(&rows);
        for row in &rows {
            let Some(member) = members.of(row.key) else { continue };
            if only.is_none_or(|only| only == member.service) {
                into.push(Event::Sample(rows::sample(row, member.service, member.main)));
            }
        }
        into.extend(
            members
                .groups()
                .filter(|group| only.is_none_or(|only| only == group.service))
                .map(Event::Group),
        );
        true
    }
}

impl Source for FallbackSource {
    fn fd(&self) -> BorrowedFd<'_> {
        self.mains.fd()
    }

    fn drain(&mut self, into: &mut Vec<Event>) {
        let before = into.len();
        self.mains.ended(into);
        self.health.events += (into.len() - before) as u64;
    }

    fn pass(&mut self, into: &mut Vec<Event>) {
        self.drain(into);
        let at = boot_now();
        let complete = self.survey(None, into);
        into.push(Event::PassEnd { at, complete });
    }

    fn watch(&mut self, service: ServiceId, root: ProcessKey) -> io::Result<()> {
        if self.mains.follows(service, root) {
            return Ok(());
        }
        let rows = rows::read()?;
        if !rows.iter().any(|row| row.key == root && !row.dead) {
            let text = format!("no process {} that started at tick {}", root.pid, root.start);
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        self.mains.follow(service, root)?;
        self.table.lock().enrol(service, root, &rows);
        Ok(())
    }

    fn unwatch(&mut self, service: ServiceId) {
        self.mains.leave(service);
        self.table.lock().dismiss(service);
    }

    fn limits(&mut self, _service: ServiceId, _limits: &Limits) -> io::Result<()> {
        Ok(())
    }

    fn enlist(&mut self, service: ServiceId, others: &[ProcessKey]) -> io::Result<()> {
        let rows = rows::read()?;
        self.table.lock().enlist(service, others, &rows);
        Ok(())
    }

    fn look(&mut self, service: ServiceId, into: &mut Vec<Event>) {
        let at = boot_now();
        let complete = self.survey(Some(service), into);
        into.push(Event::Looked { service, at, complete });
    }

    fn want(&mut self, _service: ServiceId, _by: &[WantBy]) {}

    fn tend(&mut self, now: BootTime, into: &mut Vec<Event>) -> Option<BootTime> {
        if let Some(why) = self.untold.take() {
            into.push(Event::Blind { hook: "sensor".to_owned(), why });
        }
        self.mains.look(into);
        Some(now + LOOK)
    }

    fn health(&self) -> Health {
        self.health.clone()
    }

    fn membership(&self) -> Arc<dyn Membership> {
        Arc::clone(&self.table) as Arc<dyn Membership>
    }
}

/// The groups, shared with the threads that start and stop services.
#[derive(Default)]
struct Table(Mutex<Members>);

impl Table {
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership for Table {
    fn members(&self, service: ServiceId) -> io::Result<Vec<ProcessKey>> {
        let rows = rows::read()?;
        let mut members = self.lock();
        members.refresh(&rows);
        let living = |row: &&Row| {
            !row.dead && members.of(row.key).is_some_and(|member| member.service == service)
        };
        Ok(rows.iter().filter(living).map(|row| row.key).collect())
    }

    fn service_of(&self, process: ProcessKey) -> io::Result<Option<ServiceId>> {
        Ok(self.lock().of(process).map(|member| member.service))
    }

    fn spawning(&self, service: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()> {
        let before = rows::children_of_this_thread();
        spawn();
        for pid in rows::children_of_this_thread() {
            // One that is gone already was reaped, and left nothing that could be told from others.
            if !before.contains(&pid)
                && let Some(row) = rows::one(pid)
            {
                self.lock().born(service, &row);
            }
        }
        Ok(())
    }
}
