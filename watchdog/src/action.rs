//! What is done to services: start, stop, restart, and programs of rules. One file per deed.
//!
//! Each deed is a future that ends within its timeouts, whatever the service's programs do, and
//! leaves neither a process of a failed start nor a zombie behind. Nothing is signalled but through
//! a pidfd whose process was looked at after opening it. Not here: whether to do it (`engine`), and
//! the order of deeds (`runner`).

mod appearance;
pub(crate) mod brake;
mod brake_cgroup;
mod ending;
mod environment;
pub(crate) mod exec;
mod family;
pub(crate) mod hanging;
pub(crate) mod method;
pub(crate) mod output;
pub(crate) mod probe;
pub(crate) mod probes;
mod program;
pub(crate) mod restart;
mod signal;
pub(crate) mod start;
pub(crate) mod stop;
mod text;

use std::sync::{Arc, PoisonError, RwLock};

use crate::finder::members_by_cgroup;
use crate::identity::ProcessKey;
use crate::inbox::Inbox;
use crate::message::{ActionId, Context, Input, Part, Progress, Step};
use crate::process::alive;
use crate::sensor::Membership;
use crate::service::Service;
use crate::state::Folder;
use crate::sys::spawn::Baseline;

pub use signal::Protect;

/// What every deed uses.
pub(crate) struct Tools {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) membership: Arc<dyn Membership>,
    /// `state_dir/output`; none where it could not be made: output is thrown away then, but
    /// services are started all the same.
    pub(crate) outputs: Option<Arc<Folder>>,
    pub(crate) protect: RwLock<Arc<Protect>>,
    pub(crate) host: String,
    pub(crate) baseline: Baseline,
    pub(crate) calls: hanging::Calls,
    pub(crate) brakes: brake::Brakes,
    pub(crate) probes: probes::Probes,
}

impl Tools {
    fn protect(&self) -> Arc<Protect> {
        Arc::clone(&self.protect.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One deed on one service.
pub(crate) struct Deed {
    pub(crate) id: ActionId,
    pub(crate) tools: Arc<Tools>,
    pub(crate) service: Arc<Service>,
    pub(crate) context: Context,
    /// See [`crate::message::Act::dead`].
    pub(crate) dead: Option<ProcessKey>,
}

/// Which part failed, and one line in Monit's words.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) part: Part,
    pub(crate) message: String,
}

impl Deed {
    fn report(&self, step: Step) {
        let progress = Progress { id: self.id, service: self.service.id, step };
        self.tools.inbox.answer(Input::Progress(progress));
    }

    fn doing(&self, text: String) {
        self.report(Step::Doing(text));
    }

    /// The group as it is to be stopped: with all that is in the service's own cgroup.
    fn company(&self, main: Option<ProcessKey>) -> Vec<ProcessKey> {
        let mut keys = self.group(main);
        let inside = members_by_cgroup(&self.service);
        keys.extend(inside.into_iter().filter(|key| !keys.contains(key)).collect::<Vec<_>>());
        keys
    }

    /// The group's living processes, the main process first. Where the sensor cannot say, the main
    /// process and what descends from it.
    fn group(&self, main: Option<ProcessKey>) -> Vec<ProcessKey> {
        let mut keys: Vec<ProcessKey> = main.into_iter().collect();
        match self.tools.membership.members(self.service.id) {
            // A service that was not monitored until now has a main process that nobody followed.
            Ok(members) if main.is_none_or(|main| members.contains(&main) || !alive(main)) => {
                keys.extend(members.into_iter().filter(|key| Some(*key) != main));
            }
            members => {
                keys.extend(main.iter().flat_map(|main| family::Family::of(*main).descendants()));
                let others = members.unwrap_or_default().into_iter();
                keys.extend(others.filter(|key| !keys.contains(key)).collect::<Vec<_>>());
            }
        }
        keys.retain(|key| alive(*key));
        keys
    }
}
