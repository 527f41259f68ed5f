//! An action that cannot begin at once, and what of it must survive the daemon.
//!
//! Not here: when it may begin (`order`).

use crate::clock::BootTime;
use crate::engine::service::ServiceState;
use crate::message::{Context, RequestId, SavedTurn, Verb};

/// An action, for as long as it waits for others, and what is to be known when it begins.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub verb: Verb,
    pub role: Role,
    pub context: Context,
    pub request: Option<RequestId>,
    /// Which of them belong together.
    pub cascade: u64,
}

/// For whose sake a service is stopped or started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Its own.
    Own,
    /// Its own; that it is tried is in the log already.
    Told,
    /// Another's that depends on it and is wanted up: started where it is not there.
    Below,
    /// It stands above another that is restarted: stopped, and started again after that.
    Above,
    /// It may stand above another that is restarted: whether it lives was not known. Stopped; its
    /// rules say what follows.
    Unsure,
}

impl Turn {
    /// An action of its own.
    pub(crate) fn own(verb: Verb, context: Context, request: Option<RequestId>) -> Self {
        Self { verb, role: Role::Own, context, request, cascade: 0 }
    }

    /// What a former run of the daemon left to be done.
    fn restored(saved: &SavedTurn, now: BootTime) -> Option<Self> {
        let verb = [Verb::Start, Verb::Stop, Verb::Restart]
            .into_iter()
            .find(|v| v.word() == saved.verb)?;
        let role = match verb {
            _ if saved.above => Role::Above,
            Verb::Start => Role::Below,
            Verb::Stop | Verb::Restart => Role::Own,
        };
        let text = format!("{} left over from a former run of the daemon", verb.word());
        let context = Context::plain("Action done", text, now);
        Some(Self { verb, role, context, request: None, cascade: u64::MAX })
    }

    /// Nobody watches the service after it.
    pub(crate) fn unmonitors(&self) -> bool {
        self.verb == Verb::Stop && matches!(self.role, Role::Own | Role::Told)
    }
}

impl ServiceState {
    /// What is to be done as soon as others allow it, for the saved state.
    pub(crate) fn saved_turn(&self) -> Option<SavedTurn> {
        let saved = |verb: Verb, role| {
            Some(SavedTurn { verb: verb.word().to_owned(), above: role == Role::Above })
        };
        if let Some(turn) = &self.turn {
            return saved(turn.verb, turn.role);
        }
        match &self.acting {
            Some(acting) if acting.role == Role::Above => saved(Verb::Start, Role::Above),
            Some(_) => None,
            None if self.monitored && self.wanted.is_some() => saved(Verb::Start, Role::Own),
            None => None,
        }
    }

    /// Takes over what a former run left to be done. What it had given up on waits as before.
    pub(crate) fn restore_turn(&mut self, saved: Option<&SavedTurn>, now: BootTime) {
        let turn = saved.and_then(|saved| Turn::restored(saved, now));
        let wanted = |turn: &Turn| {
            turn.verb == Verb::Stop || self.monitored && self.is_startable() && !self.retry.given_up
        };
        self.turn = turn.filter(|turn| self.is_stoppable() && wanted(turn)).map(Box::new);
    }

    /// It waits to be stopped, or to be restarted.
    pub(crate) fn stops(&self) -> Option<Verb> {
        let turn = self.turn.as_ref()?;
        (turn.verb != Verb::Start).then_some(turn.verb)
    }
}
