//! Folders where a service that is down would be named: its pidfile's, its cgroup's.
//!
//! Told by inotify, so that a service that somebody else starts is looked for at once. A hint only:
//! what is lost here is found by the look in each cycle. Not here: looking (`looks`).

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::finder::Place;
use crate::inbox::Inbox;
use crate::message::Input;
use crate::sys::readable::Readable;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// Folders at a time.
const FOLDERS: usize = 1024;
/// The least time between two readings: whoever writes into such a folder all the time costs us no
/// more than this.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes read at once.
const BUFFER: usize = 8192;
/// A daemon may write its pidfile and keep it open.
const MASK: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ONLYDIR);

/// Which names in which folders stand for which services.
#[derive(Clone)]
pub(super) struct Places {
    /// None where the kernel gives none: the cycle's looks are left then.
    watcher: Option<Arc<OwnedFd>>,
    folders: Arc<Mutex<HashMap<i32, Names>>>,
}

/// The services by the name that is awaited in one folder.
type Names = HashMap<OsString, BTreeSet<String>>;

impl Default for Places {
    fn default() -> Self {
        let watcher = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        Self { watcher: watcher.ok().map(Arc::new), folders: Arc::default() }
    }
}

impl Places {
    /// Awaits the service at these places, in place of former ones; without any, no longer. True
    /// where one is new: what came before it was awaited is still to be looked for.
    ///
    /// Resolves paths, which may hang: call it on a thread that may.
    pub(super) fn await_at(&self, service: &str, places: &[Place]) -> bool {
        let Some(watcher) = &self.watcher else { return false };
        let mut kept: BTreeSet<(i32, &OsStr)> = BTreeSet::new();
        let mut fresh = false;
        for place in places {
            // Once more where it was new: another thread may have given the folder up between the
            // two steps, and then it has another number.
            for _ in 0..3 {
                let Ok(folder) = inotify::add_watch(watcher, &place.folder, MASK) else { break };
                let Some(new) = self.put(folder, place, service) else { break };
                kept.insert((folder, &place.name));
                fresh |= new;
                if !new {
                    break;
                }
            }
        }
        self.drop_but(|folder, name, known| known != service || kept.contains(&(folder, name)));
        fresh
    }

    /// Awaits only services that `known` says are there (a new configuration).
    pub(super) fn keep(&self, known: impl Fn(&str) -> bool) {
        self.drop_but(|_, _, service| known(service));
    }

    /// Whether it is new; none where there are too many folders.
    fn put(&self, folder: i32, place: &Place, service: &str) -> Option<bool> {
        let mut folders = self.lock();
        if folders.len() >= FOLDERS && !folders.contains_key(&folder) {
            if let Some(watcher) = &self.watcher {
                let _ = inotify::remove_watch(watcher, folder);
            }
            return None;
        }
        let names = folders.entry(folder).or_default();
        Some(names.entry(place.name.clone()).or_default().insert(service.to_owned()))
    }

    fn drop_but(&self, keep: impl Fn(i32, &OsStr, &str) -> bool) {
        let mut folders = self.lock();
        folders.retain(|folder, names| {
            names.retain(|name, services| {
                services.retain(|service| keep(*folder, name, service));
                !services.is_empty()
            });
            if names.is_empty()
                && let Some(watcher) = &self.watcher
            {
                // It may be gone with its folder.
                let _ = inotify::remove_watch(watcher, *folder);
            }
            !names.is_empty()
        });
    }

    /// Tells what stirs, for ever.
    pub(super) async fn listen(self, inbox: Arc<Inbox>) {
        let Some(watcher) = self.watcher.clone() else { return };
        let Ok(watcher) = Readable::new(watcher) else { return };
        while let Ok(services) = watcher.when(|watcher| self.stirred(watcher)).await {
            for service in services {
                inbox.answer(Input::Stirred(service));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The services for which something has changed since the last reading.
    fn stirred(&self, watcher: &OwnedFd) -> io::Result<BTreeSet<String>> {
        let mut services = BTreeSet::new();
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(watcher, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::AGAIN) if !services.is_empty() => return Ok(services),
                Err(error) => return Err(error.into()),
            };
            let mut folders = self.lock();
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                services.extend(folders.values().flat_map(HashMap::values).flatten().cloned());
            } else if event.events().contains(ReadFlags::IGNORED) {
                // The folder is gone: the next look says where to await the service now.
                let names = folders.remove(&event.wd()).unwrap_or_default();
                services.extend(names.into_values().flatten());
            } else if let (Some(names), Some(name)) = (folders.get(&event.wd()), event.file_name())
            {
                let name = OsStr::from_bytes(name.to_bytes());
                services.extend(names.get(name).into_iter().flatten().cloned());
            }
            drop(folders);
            if reader.is_buffer_empty() {
                return Ok(services);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Names>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
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
        let places = Places::default();
        assert!(places.await_at("a", &[place("a.pid")]), "new: it may have come before");
        assert!(!places.await_at("a", &[place("a.pid")]));
        assert!(places.await_at("b", &[place("a.pid"), place("b")]));
        assert_eq!(stirred(&places), Vec::<String>::new());
        std::fs::write(temp.path().join("other"), "1").unwrap();
        assert_eq!(stirred(&places), Vec::<String>::new());
        std::fs::write(temp.path().join("a.pid"), "1").unwrap();
        assert_eq!(stirred(&places), ["a", "b"]);
        std::fs::create_dir(temp.path().join("b")).unwrap();
        assert_eq!(stirred(&places), ["b"]);
        places.await_at("b", &[]);
        std::fs::rename(temp.path().join("other"), temp.path().join("a.pid")).unwrap();
        assert_eq!(stirred(&places), ["a"]);
        places.keep(|_| false);
        assert!(places.lock().is_empty(), "and the folder is given up");
        assert!(places.await_at("a", &[place("a.pid")]));
        let gone = temp.path().to_path_buf();
        drop(temp);
        assert!(!gone.exists());
        assert_eq!(stirred(&places), ["a"], "a folder that is gone: look where to await it now");
        assert!(places.lock().is_empty());
        assert!(!places.await_at("a", &[Place { folder: gone, name: "a.pid".into() }]));
    }
}
