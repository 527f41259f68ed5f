//! Reads the proportional set size of a service's processes (`/proc/<pid>/smaps_rollup`), on threads
//! that may wait for a process's memory lock.
//!
//! On demand only, few at the same time, each bounded in time. Each process is read through its opened
//! folder, which stays that process's, and is compared with the key before. Not here: when it is worth
//! it (`engine::measure`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use procfs::ProcError;
use procfs::process::Process;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::action::Tools;
use crate::clock::{BootTime, boot_now};
use crate::finder::process::facts_of;
use crate::identity::{ProcessKey, ServiceId};
use crate::message::{Input, Measured};

/// Readings at the same time.
const AT_ONCE: usize = 1;
/// So long a reading keeps others waiting; then they go on beside it.
const PLACE: Duration = Duration::from_secs(2);
/// Readings that hang, at most: each holds a thread.
const HANGING: usize = 16;
/// What was not read by then counts as not readable.
const LONGEST: Duration = Duration::from_secs(4);

/// The readings under way.
#[derive(Clone)]
pub(super) struct Measures {
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            threads: Arc::new(Semaphore::new(HANGING)),
        }
    }
}

impl Measures {
    /// Reads these processes and answers. The engine asks once per service at a time.
    pub(super) fn enter(&self, tools: &Arc<Tools>, service: ServiceId, members: Vec<ProcessKey>) {
        let (measures, inbox) = (self.clone(), Arc::clone(&tools.inbox));
        tokio::spawn(async move {
            // Never closed, so the errors cannot happen.
            let _thread = measures.threads.acquire().await;
            let place = measures.places.acquire().await;
            let began = boot_now();
            let unread = members.clone();
            let mut reading = tokio::task::spawn_blocking(move || read(service, &members, began));
            let measured = match timeout(PLACE, &mut reading).await {
                Ok(measured) => measured,
                Err(_) => {
                    drop(place);
                    reading.await
                }
            };
            let none = Measured { service, at: began, members: Vec::new(), unread };
            inbox.answer(Input::Measured(measured.unwrap_or(none)));
        });
    }
}

fn read(service: ServiceId, members: &[ProcessKey], began: BootTime) -> Measured {
    let mut measured = Measured { service, at: began, members: Vec::new(), unread: Vec::new() };
    for key in members {
        if boot_now().since(began) > LONGEST {
            measured.unread.push(*key);
            continue;
        }
        match pss(*key) {
            Ok(Some(bytes)) => measured.members.push((*key, bytes)),
            Ok(None) => {}
            Err(_) => measured.unread.push(*key),
        }
    }
    measured
}

/// The process's PSS in bytes; `None` where it has ended.
pub(crate) fn pss(key: ProcessKey) -> io::Result<Option<u64>> {
    let number = i32::try_from(key.pid).map_err(io::Error::other)?;
    let read = Process::new(number).and_then(|process| {
        let facts = facts_of(&process)?;
        if facts.key != key || facts.dead {
            return Ok(None);
        }
        let rollup = process.smaps_rollup()?;
        let maps = rollup.memory_map_rollup.into_iter();
        Ok(Some(maps.filter_map(|map| map.extension.map.get("Pss").copied()).sum()))
    });
    match read {
        Ok(bytes) => Ok(bytes),
        // It ended between opening its folder and reading the file.
        Err(ProcError::NotFound(_)) if !crate::finder::process::alive(key) => Ok(None),
        Err(ProcError::Io(error, _)) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> ProcessKey {
        crate::finder::process::facts(std::process::id()).unwrap().unwrap().key
    }

    #[test]
    fn our_own_pss_is_above_nothing_and_not_above_rss() {
        let bytes = pss(own()).unwrap().expect("we live");
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let rss: u64 = rss.trim().trim_end_matches(" kB").parse().unwrap();
        // Other tests allocate meanwhile.
        assert!(bytes > 100 << 10 && bytes <= (rss << 10) + (64 << 20), "{bytes} of {rss} kB");
    }

    #[test]
    fn another_process_of_the_same_number_is_not_read() {
        let other = ProcessKey { start: own().start + 1, ..own() };
        assert_eq!(pss(other).unwrap(), None);
        assert_eq!(pss(ProcessKey { pid: 0x7fff_fff0, start: 1 }).unwrap(), None);
        let measured = read(ServiceId(3), &[own(), other], boot_now());
        assert_eq!((measured.members.len(), measured.unread.len()), (1, 0));
    }
}
