//! Which request gets which answer. One table: [`answer`].

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::CONTENT_LENGTH;
use hyper::{Method, Request, StatusCode};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::ask::{self, Outcome, Unanswered};
use super::path::{decode, parameter};
use super::peer::Rights;
use super::problem::{Answer, answer as plain, json as give, problem};
use super::top::TopDocument;
use super::view::{Document, Extras, ServiceDocument};
use super::{ACCOUNT, Core};
use crate::inbox::Message;
use crate::message::{CommandVerb, Snapshot};

/// A body may be so big (bytes). No route reads one: this only says no early.
const BODY_BYTES: u64 = 64 * 1024;

/// The longest wait for events.
const LONGEST_WAIT: u64 = 60;

/// Who asks, and whom.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The daemon.
    pub core: Arc<Core>,
    /// What the peer may do.
    pub rights: Rights,
    /// True when the daemon ends: waiting requests are answered then.
    pub stop: watch::Receiver<bool>,
}

/// Answers one request.
pub async fn answer(caller: &Caller, request: Request<()>) -> Answer {
    if let Some(refusal) = refuse(caller, &request) {
        return refusal;
    }
    let uri = request.uri();
    let Some(segments) =
        uri.path().trim_start_matches('/').split('/').map(decode).collect::<Option<Vec<_>>>()
    else {
        return problem(StatusCode::BAD_REQUEST, "the path is not percent-coded UTF-8");
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (get, post) = (request.method() == Method::GET, request.method() == Method::POST);
    match segments.as_slice() {
        ["healthz"] if get => health(caller).await,
        ["api", "v1", "status"] if get => status(caller, uri.query()).await,
        ["api", "v1", "top"] if get => match ask::top(&caller.core.inbox).await {
            Ok(top) => give(StatusCode::OK, &TopDocument::of(&top)),
            Err(why) => unanswered(why),
        },
        ["api", "v1", "services"] if get => services(caller).await,
        ["api", "v1", "services", name] if get => service(caller, name).await,
        ["api", "v1", "events"] if get => events(caller, uri.query()).await,
        ["api", "v1", "services", name, "actions", verb] if post => {
            let wait = parameter(uri.query(), "wait") != Some("0");
            act(caller, name, verb, wait).await
        }
        ["api", "v1", "reload"] if post => {
            order(caller, Message::Reload, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        ["api", "v1", "validate"] if post => {
            order(caller, Message::Validate, StatusCode::CONFLICT).await
        }
        ["api", "v1", "quit"] if post => order(caller, Message::Quit, StatusCode::CONFLICT).await,
        ["healthz"]
        | [
            "api",
            "v1",
            "status" | "top" | "services" | "events" | "reload" | "validate" | "quit",
        ]
        | ["api", "v1", "services", _]
        | ["api", "v1", "services", _, "actions", _] => problem(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{} is not for this path", request.method()),
        ),
        _ => problem(StatusCode::NOT_FOUND, "no such path"),
    }
}

/// Rights and size, before anything is asked of the engine.
fn refuse(caller: &Caller, request: &Request<()>) -> Option<Answer> {
    let needed = if request.method() == Method::GET { Rights::Read } else { Rights::Act };
    if caller.rights < needed {
        let who = if needed == Rights::Read {
            format!("only root and members of the group {ACCOUNT} may read")
        } else {
            "only root may act".to_owned()
        };
        return Some(problem(StatusCode::FORBIDDEN, who));
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|value| u64::from_str(value).ok()).is_some_and(|bytes| bytes > BODY_BYTES) {
        return Some(problem(StatusCode::PAYLOAD_TOO_LARGE, "at most 64 KiB"));
    }
    None
}

fn unanswered(why: Unanswered) -> Answer {
    problem(StatusCode::SERVICE_UNAVAILABLE, why.text())
}

async fn health(caller: &Caller) -> Answer {
    match ask::snapshot(&caller.core.inbox).await {
        Ok(_) => plain(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"),
        Err(why) => unanswered(why),
    }
}

fn extras(caller: &Caller) -> Extras {
    Extras {
        inbox_refused: caller.core.inbox.refused(),
        notify: caller.core.notify.as_ref().map(|counters| counters()),
    }
}

async fn document(caller: &Caller) -> Result<Document, Unanswered> {
    let snapshot = ask::snapshot(&caller.core.inbox).await?;
    Ok(Document::of(&snapshot, extras(caller)))
}

/// `page=N`: that page only.
async fn status(caller: &Caller, query: Option<&str>) -> Answer {
    let page = match parameter(query, "page").map(usize::from_str).transpose() {
        Ok(page) => page,
        Err(_not_a_number) => {
            return problem(StatusCode::BAD_REQUEST, "page must be a whole number");
        }
    };
    match ask::snapshot(&caller.core.inbox).await {
        Ok(snapshot) => {
            let extras = extras(caller);
            let document = match page {
                Some(page) => Document::page(&snapshot, extras, page),
                None => Document::of(&snapshot, extras),
            };
            give(StatusCode::OK, &document)
        }
        Err(why) => unanswered(why),
    }
}

async fn services(caller: &Caller) -> Answer {
    match document(caller).await {
        Ok(document) => give(StatusCode::OK, &document.services),
        Err(why) => unanswered(why),
    }
}

async fn service(caller: &Caller, name: &str) -> Answer {
    match ask::snapshot(&caller.core.inbox).await {
        Err(why) => unanswered(why),
        Ok(snapshot) => match ServiceDocument::named(&snapshot, name) {
            Some(service) => give(StatusCode::OK, &service),
            None => unknown(name),
        },
    }
}

fn unknown(name: &str) -> Answer {
    problem(StatusCode::NOT_FOUND, format!("there is no service '{name}'"))
}

/// `after=SEQ`: only newer ones. `wait=SECONDS`: until there is one, 60 s at most.
async fn events(caller: &Caller, query: Option<&str>) -> Answer {
    let number = |name| match parameter(query, name) {
        None => Ok(0),
        Some(value) => u64::from_str(value).map_err(|_not_a_number| name),
    };
    let (after, wait) = match (number("after"), number("wait")) {
        (Ok(after), Ok(wait)) => (after, wait.min(LONGEST_WAIT)),
        (Err(name), _) | (_, Err(name)) => {
            return problem(StatusCode::BAD_REQUEST, format!("{name} must be a whole number"));
        }
    };
    // Followed before the first look: an event between the two is not missed.
    let mut newest = caller.core.events.follow();
    let mut stop = caller.stop.clone();
    let mut found = caller.core.events.after(after);
    if found.is_empty() && wait > 0 {
        tokio::select! {
            _ = timeout(Duration::from_secs(wait), newest.changed()) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
        found = caller.core.events.after(after);
    }
    give(StatusCode::OK, &found)
}

async fn act(caller: &Caller, name: &str, verb: &str, wait: bool) -> Answer {
    let Some(verb) = CommandVerb::ALL.into_iter().find(|known| known.word() == verb) else {
        return problem(StatusCode::NOT_FOUND, format!("there is no action '{verb}'"));
    };
    match ask::snapshot(&caller.core.inbox).await {
        Err(why) => return unanswered(why),
        Ok(snapshot) if !knows(&snapshot, name) => return unknown(name),
        Ok(_) => {}
    }
    let outcome = match ask::command(&caller.core.inbox, verb, name) {
        Ok(outcome) => outcome,
        Err(why) => return unanswered(why),
    };
    let given = |status, result: Option<String>| {
        give(status, &json!({"service": name, "action": verb.word(), "result": result}))
    };
    if !wait {
        return given(StatusCode::ACCEPTED, None);
    }
    match ask::outcome(outcome).await {
        Ok(Ok(done)) => given(StatusCode::OK, Some(done)),
        Ok(Err(why)) => problem(StatusCode::CONFLICT, why),
        Err(Unanswered::TooLate) => {
            problem(StatusCode::GATEWAY_TIMEOUT, "the action has not ended within an hour")
        }
        Err(why) => unanswered(why),
    }
}

fn knows(snapshot: &Snapshot, name: &str) -> bool {
    snapshot.services.iter().any(|service| service.name == name)
}

async fn order(
    caller: &Caller,
    message: fn(tokio::sync::oneshot::Sender<Outcome>) -> Message,
    refused: StatusCode,
) -> Answer {
    match ask::order(&caller.core.inbox, message).await {
        Ok(Ok(done)) => give(StatusCode::OK, &json!({"result": done})),
        Ok(Err(why)) => problem(refused, why),
        Err(why) => unanswered(why),
    }
}
