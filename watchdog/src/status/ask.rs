//! Questions to the engine's thread: each has a bound in time, and "no answer" is an answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::SNAPSHOT_WAIT;
use crate::inbox::{Inbox, Message};
use crate::message::{CommandVerb, Snapshot, Top};

/// How long an operator's action may take: above every sensible program timeout in a rule file.
const ACTION_WAIT: Duration = Duration::from_secs(3600);

/// How long a reload, a validation or a farewell may take.
const ORDER_WAIT: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// The inbox is full.
    Full,
    /// The engine did not answer in time.
    TooLate,
    /// The engine threw the question away: it is ending.
    Ending,
}

impl Unanswered {
    /// In one line.
    pub fn text(self) -> &'static str {
        match self {
            Self::Full => "core stalled: too many requests are waiting",
            Self::TooLate => "core stalled: no answer in time",
            Self::Ending => "the daemon is ending",
        }
    }
}

/// The outcome of an order: one line of what was done or of why not.
pub type Outcome = Result<String, String>;

/// The state at this moment.
pub async fn snapshot(inbox: &Inbox) -> Result<Arc<Snapshot>, Unanswered> {
    let (reply, answer) = oneshot::channel();
    put(inbox, Message::Snapshot(reply))?;
    wait(answer, SNAPSHOT_WAIT).await
}

/// The processes of all services.
pub async fn top(inbox: &Inbox) -> Result<Top, Unanswered> {
    let (reply, answer) = oneshot::channel();
    put(inbox, Message::Top(reply))?;
    wait(answer, SNAPSHOT_WAIT).await
}

/// Orders an action; the receiver gets its outcome.
pub fn command(
    inbox: &Inbox,
    verb: CommandVerb,
    service: &str,
) -> Result<oneshot::Receiver<Outcome>, Unanswered> {
    let (reply, answer) = oneshot::channel();
    put(inbox, Message::Command { verb, service: service.to_owned(), reply })?;
    Ok(answer)
}

/// The outcome of an action.
pub async fn outcome(answer: oneshot::Receiver<Outcome>) -> Result<Outcome, Unanswered> {
    wait(answer, ACTION_WAIT).await
}

/// An order to the daemon as a whole: `Message::Reload`, `Validate` or `Quit`.
pub async fn order(
    inbox: &Inbox,
    message: fn(oneshot::Sender<Outcome>) -> Message,
) -> Result<Outcome, Unanswered> {
    let (reply, answer) = oneshot::channel();
    put(inbox, message(reply))?;
    wait(answer, ORDER_WAIT).await
}

fn put(inbox: &Inbox, message: Message) -> Result<(), Unanswered> {
    inbox.request(message).map_err(|_full| Unanswered::Full)
}

async fn wait<T>(answer: oneshot::Receiver<T>, limit: Duration) -> Result<T, Unanswered> {
    match timeout(limit, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_dropped)) => Err(Unanswered::Ending),
        Err(_elapsed) => Err(Unanswered::TooLate),
    }
}
