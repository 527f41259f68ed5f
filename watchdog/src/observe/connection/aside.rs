//! Calls that nobody can end (a name that no server resolves, a path on a dead file system), on
//! threads of their own, in bounded number.
//!
//! Who finds no thread has learned nothing of the server, and says so (see [`Stage::Place`]).

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::{Progress, Stage, Trouble};

/// Names being looked up.
pub(super) static NAMES: LazyLock<Pool> = LazyLock::new(|| Pool::new(NAMES_AT_ONCE, 16));
/// Files being opened. Few of the same one: each cycle of one that hangs would take another place.
pub(super) static FILES: LazyLock<Pool> = LazyLock::new(|| Pool::new(FILES_AT_ONCE, 2));
/// Calls about names at a time.
pub(super) const NAMES_AT_ONCE: usize = 64;
/// Calls about files at a time.
pub(super) const FILES_AT_ONCE: usize = 32;

/// Threads for calls of one sort.
pub(super) struct Pool {
    all: Semaphore,
    each: usize,
    /// Those about the same thing, by its name.
    own: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Pool {
    fn new(all: usize, each: usize) -> Self {
        Self { all: Semaphore::new(all), each, own: Mutex::default() }
    }

    fn own(&self, what: &str) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.retain(|_, places| Arc::strong_count(places) > 1);
        let new = || Arc::new(Semaphore::new(self.each));
        Arc::clone(own.entry(what.to_owned()).or_insert_with(new))
    }
}

/// Makes the call, which is about `what`, on another thread. The place is taken until it comes back,
/// whoever waits for it, so that calls that hang do not use up the threads of others.
pub(super) async fn aside<T: Send + 'static>(
    pool: &'static Pool,
    what: &str,
    progress: &Progress,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Trouble> {
    let failed = || Trouble::Ours("no thread".to_owned());
    // One that waits for earlier calls about the same thing waits for that thing.
    let own = pool.own(what).acquire_owned().await.map_err(|_| failed())?;
    let stage = progress.reached(Stage::Place);
    let place = pool.all.acquire().await.map_err(|_| failed())?;
    progress.reached(stage);
    let called = spawn_blocking(move || {
        let _held = (own, place);
        call()
    });
    called.await.map_err(|_| failed())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new(3, 2));
    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn what_hangs_leaves_places_to_others_and_is_told_from_want_of_them() {
        let mut ends = Vec::new();
        let mut hang = async |what: &str, progress: &Progress| {
            let (end, hanging) = channel::<()>();
            ends.push(end);
            let call = aside(&POOL, what, progress, move || hanging.recv().is_err());
            timeout(SHORT, call).await.is_ok()
        };
        let progress = Progress::default();
        progress.reached(Stage::Connection);
        for _ in 0..4 {
            assert!(!hang("/dead", &progress).await);
            // It is the path that is waited for, not a thread.
            assert!(matches!(progress.stage(), Stage::Connection));
        }
        assert!(matches!(aside(&POOL, "/good", &progress, || 7).await, Ok(7)));
        assert!(!hang("/dead/too", &progress).await);
        let other = Progress::default();
        assert!(timeout(SHORT, aside(&POOL, "/good", &other, || 7)).await.is_err());
        assert!(matches!(other.stage(), Stage::Place));
        drop(ends);
        // As soon as one comes back.
        assert!(matches!(aside(&POOL, "/good", &other, || 7).await, Ok(7)));
    }
}
