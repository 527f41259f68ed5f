//! The core's one door: HTTP over the control socket, answered from snapshots of the engine.
//!
//! It asks the engine's thread through the inbox and waits with a timeout; it never looks at the
//! engine's state itself, and it decides nothing. Not here: TCP, logins and pages (`web`), and the
//! command line's texts (`cli`). `docs/status.md` describes the routes and the document.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::inbox::Inbox;

pub mod ask;
pub mod connection;
pub mod death;
pub mod events;
pub mod metrics;
pub mod page;
pub mod path;
pub mod peer;
pub mod problem;
pub mod routes;
pub mod sensor;
pub mod serve;
pub mod shown;
pub mod top;
pub mod view;
pub mod words;

/// The group whose members may read the control socket, and the web front's user.
pub const ACCOUNT: &str = "ebpf-watchdog";

/// Where the control socket is unless the configuration says otherwise.
pub fn default_socket() -> &'static Path {
    Path::new("/run/ebpf-watchdog/control.sock")
}

/// How long the engine may take for a snapshot before the answer is 503.
pub const SNAPSHOT_WAIT: Duration = Duration::from_secs(5);

/// What delivery of alerts has done so far, for `status`; any JSON object.
pub type NotifyCounters = dyn Fn() -> serde_json::Value + Send + Sync;

/// All that the routes need of the daemon.
pub struct Core {
    /// The way to the engine's thread.
    pub inbox: Arc<Inbox>,
    /// The last events, filled by the engine's thread.
    pub events: Arc<events::EventList>,
    /// Counters of alert delivery; none: `null` in the document.
    pub notify: Option<Box<NotifyCounters>>,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
