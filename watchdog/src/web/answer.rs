//! What a request over TCP gets: the gate, the login, then one of four pages.
//!
//! Only `/healthz` is before the login, and it says nothing but yes or no. Not here: what the gate
//! lets through (`gate`), and whose password is right (`auth`).

use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, StatusCode};
use tokio::time::Instant;

use super::auth::{Auth, Credentials};
use super::gate::{Gate, closing};
use super::link::{Link, Stalled};
use super::throttle::Throttle;
use super::{Settings, page};
use crate::escape::one_line;
use crate::status::path::parameter;
use crate::status::problem::{Answer, answer as plain, problem};

/// How long a health is believed: `/healthz` needs no login, so it must cost the core nothing.
const HEALTH_AGE: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain; charset=utf-8";

/// What the front knows.
pub struct Front {
    link: Option<Link>,
    gate: Gate,
    auth: Auth,
    // Std mutexes: held for a look-up, never over an await.
    throttle: Mutex<Throttle>,
    health: Mutex<Option<(Instant, bool)>>,
}

impl Front {
    /// Without its connection to the core.
    ///
    /// # Errors
    /// Settings that must not be, or no random numbers.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        Ok(Self {
            link: None,
            gate: Gate::new(settings)?,
            auth: Auth::new(settings.users.clone())?,
            throttle: Mutex::new(Throttle::new(Instant::now())),
            health: Mutex::new(None),
        })
    }

    /// With its connection to the core.
    #[must_use]
    pub fn with(self, link: Link) -> Self {
        Self { link: Some(link), ..self }
    }

    async fn status(&self, page: Option<usize>) -> Result<hyper::body::Bytes, Stalled> {
        match &self.link {
            Some(link) => link.status(page).await,
            None => Err(Stalled),
        }
    }

    async fn is_healthy(&self) -> bool {
        let known = *self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, healthy)) = known
            && at.elapsed() < HEALTH_AGE
        {
            return healthy;
        }
        let healthy = self.status(Some(1)).await.is_ok();
        let now = Some((Instant::now(), healthy));
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = now;
        healthy
    }
}

/// Answers one request; and whether a user is behind it.
pub async fn answer(front: &Front, source: IpAddr, request: &Request<()>) -> (Answer, bool) {
    let (mut answer, known) = match front.gate.refuse(source, request) {
        Some(refusal) => (refusal, false),
        None if request.uri().path() == "/healthz" => (health(front).await, false),
        None => match refuse_login(front, source, request).await {
            Some(refusal) => (refusal, false),
            None => (show(front, request.uri()).await, true),
        },
    };
    protect(&mut answer);
    (answer, known)
}

/// The login: right ones that were seen before pass without work; each other one costs a try.
async fn refuse_login(front: &Front, source: IpAddr, request: &Request<()>) -> Option<Answer> {
    let login = request.headers().get(AUTHORIZATION).and_then(Credentials::read);
    let Some(credentials) = login else { return Some(login_wanted()) };
    if front.auth.recognises(&credentials) {
        return None;
    }
    let taken = {
        let mut throttle = front.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.take(source, Instant::now())
    };
    if let Err(wait) = taken {
        let mut refusal = problem(StatusCode::TOO_MANY_REQUESTS, "too many wrong logins");
        let seconds = HeaderValue::from(wait.as_secs() + 1);
        refusal.headers_mut().insert(RETRY_AFTER, seconds);
        return Some(closing(refusal));
    }
    if front.auth.verify(&credentials).await {
        front.throttle.lock().unwrap_or_else(PoisonError::into_inner).give_back(source);
        return None;
    }
    // As many lines as tries. The core takes them from our standard error.
    let name: String = credentials.name.chars().take(64).collect();
    eprintln!("login of '{}' from {source} refused", one_line(&name));
    Some(login_wanted())
}

fn login_wanted() -> Answer {
    let mut answer = problem(StatusCode::UNAUTHORIZED, "a login is needed");
    let challenge = HeaderValue::from_static(r#"Basic realm="ebpf-watchdog", charset="UTF-8""#);
    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    answer
}

async fn health(front: &Front) -> Answer {
    if front.is_healthy().await {
        plain(StatusCode::OK, TEXT, "ok\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, TEXT, "core stalled\n")
    }
}

async fn show(front: &Front, uri: &hyper::Uri) -> Answer {
    match uri.path() {
        "/" => match parameter(uri.query(), "page").map_or(Ok(1), str::parse) {
            Ok(page) => page::overview(front.status(Some(page)).await.ok().as_deref()),
            Err(_not_a_number) => problem(StatusCode::NOT_FOUND, "no such page"),
        },
        "/style.css" => plain(StatusCode::OK, "text/css; charset=utf-8", page::STYLE),
        "/api/v1/status" => match front.status(None).await {
            Ok(document) => plain(StatusCode::OK, "application/json", document),
            Err(Stalled) => problem(StatusCode::SERVICE_UNAVAILABLE, "core stalled"),
        },
        _ => problem(StatusCode::NOT_FOUND, "no such page"),
    }
}

/// The headers that every answer has.
fn protect(answer: &mut Answer) {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}
