//! Calls that nobody can end (a name that no server resolves, a path on a dead file system), on
//! threads of their own, in bounded number.

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::Trouble;

/// Names being looked up.
pub(super) static NAMES: Semaphore = Semaphore::const_new(32);
/// Files being opened.
pub(super) static FILES: Semaphore = Semaphore::const_new(16);

/// Makes the call on another thread. The place is taken until it comes back, whoever waits for it, so
/// that calls that hang do not use up the threads of others.
pub(super) async fn aside<T: Send + 'static>(
    places: &'static Semaphore,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Trouble> {
    let failed = || Trouble::Ours("no thread".to_owned());
    let place = places.acquire().await.map_err(|_| failed())?;
    let called = spawn_blocking(move || {
        let _place = place;
        call()
    });
    called.await.map_err(|_| failed())
}
