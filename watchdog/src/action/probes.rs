//! How many programs are run to be judged, and that they end with the daemon: nobody would hear what
//! they say.
//!
//! Not here: running them (`probe`). What starts a service is left alone; so are programs of rules,
//! which were asked for and end by their timeout only while we live.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Those that run now.
#[derive(Debug)]
pub(crate) struct Probes {
    count: watch::Sender<usize>,
    ending: watch::Sender<bool>,
}

impl Default for Probes {
    fn default() -> Self {
        Self { count: watch::Sender::new(0), ending: watch::Sender::new(false) }
    }
}

/// One of them; counted until it is dropped.
pub(super) struct Counted<'a>(&'a Probes);

impl Probes {
    /// One more, until its last process is ended. None where the daemon is ending.
    pub(super) fn enter(&self) -> Option<Counted<'_>> {
        self.count.send_modify(|count| *count += 1);
        let counted = Counted(self);
        (!*self.ending.borrow()).then_some(counted)
    }

    /// Returns when they are to end.
    pub(super) async fn ending(&self) {
        // The sender is ours: it is not gone.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// Has all of them end, with what they started, and waits for that; at most so long.
    pub(crate) async fn end(&self, within: Duration) {
        self.ending.send_replace(true);
        let mut count = self.count.subscribe();
        let _ = timeout(within, count.wait_for(|count| *count == 0)).await;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.count.send_modify(|count| *count = count.saturating_sub(1));
    }
}
