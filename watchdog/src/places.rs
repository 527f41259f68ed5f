//! Folders and files where something is awaited: a pidfile, a cgroup, whatever a service watches.
//!
//! Told by inotify, so that a service that somebody else starts is looked for at once, and a file that
//! changes is observed at once. A hint only: what is lost here is found by the look in each cycle. Not
//! here: looking (`runner::looks`, `observe`).

mod known;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::finder::Place;
use crate::inbox::Inbox;
use crate::message::Input;
use crate::sys::readable::Readable;
use known::Known;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Bytes read at once.
const BUFFER: usize = 8192;
/// Events taken in one reading; more stay in the kernel's queue, which is bounded by
/// `fs.inotify.max_queued_events`.
const EVENTS: usize = 16_384;
/// What stirs a thing itself: its content, its attributes, its end. Once only, until it is awaited
/// again: whoever writes all the time fills no queue. Of a folder also what comes and goes in it.
const ITSELF: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ONESHOT)
    .union(WatchFlags::MASK_ADD);

/// What is awaited, and how much of it.
#[derive(Debug)]
struct Terms {
    /// What is told of names in a folder.
    folder: WatchFlags,
    /// Folders and files at a time.
    most: usize,
    /// The least time between two readings: whoever writes all the time costs us no more than this.
    pause: Duration,
}

/// Of processes. A daemon may write its pidfile and keep it open.
const PROCESSES: Terms = Terms {
    folder: WatchFlags::CREATE
        .union(WatchFlags::MOVED_TO)
        .union(WatchFlags::CLOSE_WRITE)
        .union(WatchFlags::MODIFY)
        .union(WatchFlags::ONLYDIR),
    most: 1024,
    pause: Duration::from_millis(20),
};

/// Of files. What is written to others in the same folder is not told; what is written to them is
/// told of themselves.
const FILES: Terms = Terms {
    folder: WatchFlags::CREATE
        .union(WatchFlags::DELETE)
        .union(WatchFlags::MOVE)
        .union(WatchFlags::ONLYDIR)
        .union(WatchFlags::MASK_ADD),
    most: 8192,
    pause: Duration::from_millis(100),
};

/// Which names in which folders stand for which services. The empty name is the folder or file itself.
#[derive(Clone)]
pub(crate) struct Places {
    terms: &'static Terms,
    /// None where the kernel gives none: the cycle's looks are left then.
    watcher: Option<Arc<OwnedFd>>,
    known: Arc<Mutex<Known>>,
    /// That there are too many was said.
    told: Arc<AtomicBool>,
}

impl Places {
    /// For the places that name processes.
    pub(crate) fn of_processes() -> Self {
        Self::new(&PROCESSES)
    }

    /// For files, directories and named pipes.
    pub(crate) fn of_files() -> Self {
        Self::new(&FILES)
    }

    fn new(terms: &'static Terms) -> Self {
        let watcher = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let watcher = watcher.ok().map(Arc::new);
        Self { terms, watcher, known: Arc::default(), told: Arc::default() }
    }

    /// Awaits the service at these places, in place of former ones; without any, no longer. `itself`:
    /// also what happens to this file or folder, once, until it is awaited again. True where one is
    /// new: what came before it was awaited is still to be looked for.
    ///
    /// Resolves paths, which may hang: call it on a thread that may.
    pub(crate) fn await_at(&self, service: &str, places: &[Place], itself: Option<&Path>) -> bool {
        let mut kept: BTreeSet<(i32, &OsStr)> = BTreeSet::new();
        let mut fresh = false;
        let folders = places
            .iter()
            .map(|place| (place.folder.as_path(), place.name.as_os_str(), self.terms.folder));
        let itself = itself.map(|path| (path, OsStr::new(""), ITSELF));
        for (path, name, mask) in folders.chain(itself) {
            // Once more where it was new: another thread may have given the folder up between the
            // two steps, and then it has another number.
            for _ in 0..3 {
                let Some((number, new)) = self.add(path, name, mask, service) else { break };
                kept.insert((number, name));
                fresh |= new;
                if !new {
                    break;
                }
            }
        }
        let own = self.lock().services.get(service).cloned().unwrap_or_default();
        for (number, name) in own {
            if !kept.contains(&(number, &*name)) {
                self.forget(number, &name, service);
            }
        }
        fresh
    }

    /// Awaits only services that `known` says are there (a new configuration).
    pub(crate) fn keep(&self, known: impl Fn(&str) -> bool) {
        let all: Vec<Arc<str>> = self.lock().services.keys().cloned().collect();
        for service in all.iter().filter(|service| !known(service)) {
            self.await_at(service, &[], None);
        }
    }

    /// Its number, and whether it is new; none where it is not there or there are too many.
    fn add(
        &self,
        path: &Path,
        name: &OsStr,
        mask: WatchFlags,
        service: &str,
    ) -> Option<(i32, bool)> {
        let watcher = self.watcher.as_ref()?;
        let number = match inotify::add_watch(watcher, path, mask) {
            Ok(number) => number,
            Err(error) => {
                if error == Errno::NOSPC || error == Errno::NOMEM {
                    self.refuse("raise fs.inotify.max_user_watches");
                }
                return None;
            }
        };
        let mut known = self.lock();
        if known.folders.len() >= self.terms.most && !known.is_awaited(number) {
            let _ = inotify::remove_watch(watcher, number);
            drop(known);
            self.refuse("watch fewer files");
            return None;
        }
        Some((number, known.put(number, name, service)))
    }

    fn refuse(&self, cure: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let known = self.lock().folders.len();
            log::warn!(
                "the kernel tells changes of {known} files and folders and no more: others are looked at in each cycle only; {cure}"
            );
        }
    }

    fn forget(&self, number: i32, name: &OsStr, service: &str) {
        let mut known = self.lock();
        if known.forget(number, name, service)
            && let Some(watcher) = &self.watcher
        {
            // It may be gone with its folder.
            let _ = inotify::remove_watch(watcher, number);
        }
    }

    /// Tells what stirs, for ever.
    pub(crate) async fn listen(self, inbox: Arc<Inbox>) {
        let Some(watcher) = self.watcher.clone() else { return };
        let Ok(watcher) = Readable::new(watcher) else { return };
        while let Ok(services) = watcher.when(|watcher| self.stirred(watcher)).await {
            for service in services {
                inbox.answer(Input::Stirred(service));
            }
            tokio::time::sleep(self.terms.pause).await;
        }
    }

    /// The services for which something has changed since the last reading.
    fn stirred(&self, watcher: &OwnedFd) -> io::Result<BTreeSet<String>> {
        let mut services = BTreeSet::new();
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(watcher, &mut buffer);
        for _ in 0..EVENTS {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) if !services.is_empty() => return Ok(services),
                Err(error) => return Err(error.into()),
            };
            let mut known = self.lock();
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                services.extend(known.services.keys().map(ToString::to_string));
            } else if event.events().contains(ReadFlags::IGNORED) {
                // It is gone: the next look says where to await the service now.
                services.extend(known.gone(event.wd()));
            } else {
                let itself = known.awaiting(event.wd(), OsStr::new(""));
                services.extend(itself.map(str::to_owned));
                if let Some(name) = event.file_name() {
                    let named = known.awaiting(event.wd(), OsStr::from_bytes(name.to_bytes()));
                    services.extend(named.map(str::to_owned));
                }
            }
        }
        Ok(services)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stirred(places: &Places) -> Vec<String> {
        let watcher = places.watcher.clone().unwrap();
        match places.stirred(&watcher) {
            Ok(services) => services.into_iter().collect(),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                Vec::new()
            }
        }
    }

    #[test]
    fn a_name_that_comes_or_changes_is_told_to_those_who_await_it() {
        let temp = tempfile::tempdir().unwrap();
        let place = |name: &str| Place { folder: temp.path().to_path_buf(), name: name.into() };
        let places = Places::of_processes();
        assert!(places.await_at("a", &[place("a.pid")], None), "new: it may have come before");
        assert!(!places.await_at("a", &[place("a.pid")], None));
        assert!(places.await_at("b", &[place("a.pid"), place("b")], None));
        assert_eq!(stirred(&places), Vec::<String>::new());
        std::fs::write(temp.path().join("other"), "1").unwrap();
        assert_eq!(stirred(&places), Vec::<String>::new());
        std::fs::write(temp.path().join("a.pid"), "1").unwrap();
        assert_eq!(stirred(&places), ["a", "b"]);
        std::fs::create_dir(temp.path().join("b")).unwrap();
        assert_eq!(stirred(&places), ["b"]);
        places.await_at("b", &[], None);
        std::fs::rename(temp.path().join("other"), temp.path().join("a.pid")).unwrap();
        assert_eq!(stirred(&places), ["a"]);
        places.keep(|_| false);
        assert!(places.lock().folders.is_empty(), "and the folder is given up");
        assert!(places.await_at("a", &[place("a.pid")], None));
        let gone = temp.path().to_path_buf();
        drop(temp);
        assert!(!gone.exists());
        assert_eq!(stirred(&places), ["a"], "a folder that is gone: look where to await it now");
        assert!(places.lock().folders.is_empty());
        assert!(!places.await_at("a", &[Place { folder: gone, name: "a.pid".into() }], None));
    }
}
