//! What must survive the daemon: one file in the state directory, and who may use that directory.
//!
//! A note stands before each deed, on the engine's thread, so it is a write and a rename without
//! waiting for the disk. That is enough for a killed daemon: the kernel keeps what was written.
//! After a power failure it may be lost, but then the boot is another and no pid of the file would
//! be believed anyway. A large state is not written whole for each: what has changed is appended to a
//! file beside it. What people set (`monitored`, counts) is made durable in the background.
//! Not here: what the state means (`engine`).

mod changes;
mod folder;
mod lock;
mod record;
mod written;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

pub use folder::Folder;
pub use lock::{HOST_LOCK, Lock, LockError, Squatter};
pub use record::Origin;

use crate::clock::boot_id;
use crate::message::{Changes, SavedState};
use changes::{Appended, BAD_CHANGES, CHANGES};
use record::Decoded;
use written::Written;

/// The file's name in the state directory.
const FILE: &str = "state.json";
/// What is written before it becomes [`FILE`].
const DRAFT: &str = "state.json.new";
/// Where a file that cannot be believed is moved.
const BAD: &str = "state.json.bad";
/// A state file that is shorter is written whole.
const SHORT: usize = 256 * 1024;
/// Bytes of changes at most before the state file is written anew; where nothing waits for it, the
/// second.
const APPENDED: [usize; 2] = [2 * 1024 * 1024, 256 * 1024];
/// Changes within this long share one wait for the disk.
const SETTLE: Duration = Duration::from_millis(500);
/// A failed write is tried again this often.
const RETRY: Duration = Duration::from_secs(5);

/// Why the state cannot be used at all.
#[derive(Debug)]
pub enum OpenError {
    /// Another daemon runs: exit code 75.
    Locked(LockError),
    /// The state directory is not fit: what, and the cure.
    Folder(PathBuf, io::Error),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Locked(error) => error.fmt(f),
            Self::Folder(path, error) => {
                write!(f, "state directory {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}

/// What was found when the state was opened.
#[derive(Debug)]
pub struct Opened {
    /// The state, ready to be saved to.
    pub store: Arc<Store>,
    /// What a former run left; empty where it left nothing to believe.
    pub state: SavedState,
    /// Where it comes from.
    pub origin: Origin,
    /// From which line of which file on changes to it cannot be believed, and why: moved aside. What stood
    /// before is in `state`.
    pub refused: Option<String>,
    /// Somebody else than root holds the name of the host's lock: say so, loudly.
    pub squatter: Option<Squatter>,
}

/// A change in whether the state is safe on disk; to be logged once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// `state: not durable`: what the system answered. Tried again until it works.
    NotDurable(String),
    /// It works again.
    Durable,
}

/// The saved state of a running daemon, with the locks that make it the only one.
#[derive(Debug)]
pub struct Store {
    folder: Arc<Folder>,
    boot: String,
    inner: Mutex<Inner>,
    changed: Notify,
    _lock: Lock,
}

#[derive(Debug, Default)]
struct Inner {
    /// What the last `save` and the changes since make, for trying again.
    written: Written,
    /// Changes to what is in the file.
    appended: Option<Appended>,
    /// `written` is not in the file.
    unwritten: bool,
    /// The file is not known to be on the disk.
    unsynced: bool,
    /// What went wrong last, as already reported.
    fault: Option<String>,
}

/// Opens the state directory, takes both locks and reads what a former run left.
///
/// `host_lock` is [`HOST_LOCK`], or another name in tests.
///
/// # Errors
/// [`OpenError::Locked`] where another daemon runs; it was not touched.
pub fn open(directory: &Path, host_lock: &str) -> Result<Opened, OpenError> {
    let unfit = |error| OpenError::Folder(directory.to_owned(), error);
    let folder = Arc::new(Folder::open(directory).map_err(unfit)?);
    let (lock, squatter) = Lock::take(&folder, host_lock).map_err(OpenError::Locked)?;
    let boot = boot_id().map_err(unfit)?;
    // A draft is a save that was cut short: the file itself is the truth.
    let _ = folder.remove(DRAFT);
    let without = |state, origin| Decoded { state, origin, refused: None };
    let Decoded { state, origin, refused } = match folder.read(FILE) {
        Ok(None) => without(SavedState { rebooted: true, ..SavedState::default() }, Origin::Fresh),
        Ok(Some(bytes)) => {
            let changes = folder.read(CHANGES).map(Option::unwrap_or_default);
            let changes = changes.as_deref().map_err(ToString::to_string);
            record::decode(&bytes, changes, &boot)
        }
        Err(error) => without(SavedState::default(), Origin::Damaged(error.to_string())),
    };
    // On failure (a read-only file system) the next save reports it.
    if matches!(origin, Origin::Damaged(_)) {
        let _ = folder.rename(FILE, BAD);
    }
    if refused.is_some() {
        let _ = folder.rename(CHANGES, BAD_CHANGES);
    }
    let refused = refused.map(|why| format!("{}: {why}", directory.join(CHANGES).display()));
    let inner = Mutex::new(Inner::default());
    let store = Store { folder, boot, inner, changed: Notify::new(), _lock: lock };
    Ok(Opened { store: Arc::new(store), state, origin, refused, squatter })
}

impl Store {
    /// The state directory.
    pub fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    /// Writes the state so that it survives the daemon's death. Does not wait for the disk.
    ///
    /// The answer is `Some` where something is to be logged; a failed write is tried again by
    /// [`Store::keep`] and with the next save.
    pub fn save(&self, state: SavedState) -> Option<Durability> {
        let report = {
            let mut inner = self.lock();
            if !inner.written.renew(state, &self.boot) && !inner.unwritten {
                return None;
            }
            self.write(&mut inner)
        };
        self.changed.notify_one();
        report
    }

    /// Notes what has changed so that it survives the daemon's death, as [`Store::save`]; `calm`: nothing
    /// waits for it. None where the whole state is to be saved instead.
    pub fn append(&self, changes: Changes, calm: bool) -> Option<Option<Durability>> {
        let mut inner = self.lock();
        let most = APPENDED[usize::from(calm)];
        let length = inner.appended.as_ref().map_or(0, |appended| appended.length);
        if inner.unwritten || !inner.written.is_longer_than(SHORT) || length > most {
            return None;
        }
        let Some(changes) = inner.written.note(changes)? else { return Some(None) };
        let report = self.add(&mut inner, changes);
        drop(inner);
        self.changed.notify_one();
        Some(report)
    }

    fn add(&self, inner: &mut Inner, changes: Changes) -> Option<Durability> {
        let begun = match inner.appended.take() {
            Some(appended) => Ok(appended),
            None => Appended::begin(&self.folder, inner.written.sum()),
        };
        let added = begun.and_then(|mut appended| {
            appended.add(changes)?;
            inner.appended = Some(appended);
            Ok(())
        });
        inner.unsynced = true;
        added.err().and_then(|error| {
            // Behind half a line nothing is believed: the file is written anew.
            inner.unwritten = true;
            fault(inner, &error)
        })
    }

    /// What is wrong with the disk now, for `status`.
    pub fn fault(&self) -> Option<String> {
        self.lock().fault.clone()
    }

    /// Makes the last save durable, waiting for the disk. Blocks.
    pub fn sync(&self) -> Option<Durability> {
        let appended;
        {
            let mut inner = self.lock();
            if inner.unwritten {
                let report = self.write(&mut inner);
                if inner.unwritten {
                    return report;
                }
            }
            if !inner.unsynced {
                return None;
            }
            inner.unsynced = false;
            appended = inner.appended.is_some();
        }
        // Not under the lock: a save must not wait for the disk.
        let mut synced = self.folder.sync(FILE);
        if appended && synced.is_ok() {
            synced = match self.folder.sync(CHANGES) {
                // The state file was written anew meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                synced => synced,
            };
        }
        let mut inner = self.lock();
        if synced.is_err() {
            // After a failed fsync the kernel may drop the pages and say Ok the next time: the
            // file is written anew, never synced again.
            inner.unwritten = true;
        }
        match synced {
            Err(error) => fault(&mut inner, &error),
            // Only now: a write alone may have gone no further than to the cache.
            Ok(()) => inner.fault.take().map(|_| Durability::Durable),
        }
    }

    /// Keeps the state durable for as long as the daemon runs: collects changes, syncs them on a
    /// blocking thread, and tries again what failed. `report` is called with what is to be logged.
    pub async fn keep(self: Arc<Self>, report: impl Fn(Durability)) {
        loop {
            if self.lock().unwritten {
                tokio::time::sleep(RETRY).await;
            } else {
                self.changed.notified().await;
                tokio::time::sleep(SETTLE).await;
            }
            let store = Arc::clone(&self);
            if let Ok(Some(change)) = tokio::task::spawn_blocking(move || store.sync()).await {
                report(change);
            }
        }
    }

    fn write(&self, inner: &mut Inner) -> Option<Durability> {
        inner.written.make(&self.boot);
        let written = self.folder.replace(FILE, DRAFT, &inner.written.parts());
        if written.is_ok() {
            // They are about the file before. Where they cannot be removed they name it.
            inner.appended = None;
            let _ = self.folder.remove(CHANGES);
            inner.written.let_go(SHORT);
        }
        inner.unwritten = written.is_err();
        inner.unsynced = true;
        written.err().and_then(|error| fault(inner, &error))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers what went wrong; to be reported only where all was well before.
fn fault(inner: &mut Inner, error: &io::Error) -> Option<Durability> {
    let text = error.to_string();
    let first = inner.fault.replace(text.clone()).is_none();
    first.then_some(Durability::NotDurable(text))
}

#[cfg(test)]
mod tests;
