//! Observes what no kernel event tells: files, file systems, connections, interfaces, programs.
//!
//! One kind, one file. An observation cannot fail: trouble is a fact or a missing one. Each is bounded
//! in time by itself; what may hang on a dead file system goes to a blocking thread. Not here: whether
//! a test holds (`check`), when to observe (`engine`), and how many at a time (`runner::observe`).

mod attribute;
mod connection;
pub(crate) mod file;
mod filesystem;
mod network;
mod program;

use std::sync::Arc;

use crate::action::Tools;
use crate::check::{Check, Facts, Observation};
use crate::identity::ProcessKey;
use crate::service::Service;

/// What an observation may use.
pub(crate) struct Scene {
    /// What is observed, with the rules that say what is worth looking at.
    pub(crate) service: Arc<Service>,
    /// The observation before this one: where reading goes on.
    pub(crate) before: Option<Arc<Observation>>,
    /// The main process, where it is a process.
    pub(crate) main: Option<ProcessKey>,
    /// What deeds use: programs are run in the same way, whatever for.
    pub(crate) tools: Arc<Tools>,
    /// What observations of files share.
    pub(crate) files: Arc<file::Reach>,
}

/// Observes everything that the service's kind and rules ask for, side by side.
pub(crate) async fn observe(scene: &Arc<Scene>) -> Observation {
    let (facts, conversations) =
        tokio::join!(facts(scene), connection::observe(&scene.service, scene.main));
    Observation { facts, conversations }
}

/// What the service itself is.
async fn facts(scene: &Arc<Scene>) -> Facts {
    match scene.service.checked().map(|checked| &checked.check) {
        Some(Check::File(file)) => Facts::File(Box::new(file::observe(scene, file).await)),
        Some(Check::Program(probe)) => Facts::Program(program::observe(scene, probe).await),
        Some(Check::Filesystem(what)) => {
            Facts::Filesystem(Box::new(filesystem::observe(scene, what).await))
        }
        Some(Check::Network(what)) => Facts::Network(Box::new(network::observe(scene, what).await)),
        Some(Check::Host(_)) => Facts::None,
        None => attribute::observe(scene).await.map_or(Facts::None, Facts::Attribute),
    }
}
