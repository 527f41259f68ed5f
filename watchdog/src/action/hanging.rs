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

/// How many calls of each service, or of each kind of one, have not come back.
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
        let why = format!("{PER_SERVICE} earlier tries still hang on a file");
        self.begin_within(service.to_owned(), PER_SERVICE, call).ok_or(why)
    }

    /// Makes a call of which the service has only one at a time; none where the last one still
    /// hangs. Counted apart from the others.
    pub(crate) fn begin_one<T: Send + 'static>(
        &self,
        service: &str,
        what: &str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        // No service's name holds a control character.
        self.begin_within(format!("{service}\0{what}"), 1, call)
    }

    fn begin_within<T: Send + 'static>(
        &self,
        whose: String,
        most: usize,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(whose.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        let counted = Counted(self.clone(), whose);
        Some(spawn_blocking(move || {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_second_call_while_the_first_hangs() {
        let calls = Calls::default();
        let (end, hanging) = std::sync::mpsc::channel::<()>();
        let first = calls.begin_one("a", "x", move || hanging.recv().is_err()).expect("begun");
        assert!(calls.begin_one("a", "x", || ()).is_none());
        assert!(calls.begin_one("b", "x", || ()).is_some());
        assert!(calls.begin("a", || ()).is_ok(), "others are counted apart");
        drop(end);
        assert!(first.await.expect("it ends"));
        // It is given back on its own thread, a moment before or after the answer.
        while calls.begin_one("a", "x", || ()).is_none() {
            tokio::task::yield_now().await;
        }
    }
}
