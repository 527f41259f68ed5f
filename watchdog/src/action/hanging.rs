//! Calls that may hang (a file on a dead server, a user database that does not answer), each on a
//! thread that may.
//!
//! Nobody can end such a call. So each service has a bounded number of them: its attempts, repeated
//! for as long as it is down, must not use up the threads that others need to start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{JoinHandle, spawn_blocking};

/// Calls of one service at the same time; more than its lane and its rules' programs ever need.
const PER_SERVICE: usize = 8;

/// How many calls of each service have not come back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<HashMap<String, usize>>>);

/// One call, counted until it comes back, whoever waits for it.
struct Counted(Calls, String);

impl Calls {
    /// Makes the call on another thread.
    ///
    /// # Errors
    /// One line, where too many earlier calls still hang.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        service: &str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>, String> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(service.to_owned()).or_default();
        if *count >= PER_SERVICE {
            return Err(format!("{PER_SERVICE} earlier tries still hang on a file"));
        }
        *count += 1;
        let counted = Counted(self.clone(), service.to_owned());
        Ok(spawn_blocking(move || {
            let _counted = counted;
            call()
        }))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
    }
}
