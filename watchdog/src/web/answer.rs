//! What a request over TCP gets: the gates, in their order, then the four pages.
//!
//! Gates: the allow list, the Host header, the method, the login. Only `/healthz` is before the
//! login, and it says nothing but yes or no.

use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST,
    HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode};
use ipnet::IpNet;
use tokio::time::Instant;

use super::auth::{Auth, Credentials};
use super::link::{Link, Stalled};
use super::throttle::Throttle;
use super::{Settings, page};
use crate::escape::one_line;
use crate::status::problem::{Answer, answer as plain, problem};

/// A longer target is answered 414 (bytes).
const LONGEST_TARGET: usize = 2048;

/// How long a health is believed: `/healthz` needs no login, so it must cost the core nothing.
const HEALTH_AGE: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain; charset=utf-8";

/// What the front knows.
pub struct Front {
    link: Option<Link>,
    allow: Vec<IpNet>,
    hosts: Vec<String>,
    auth: Auth,
    // Std mutexes: held for a look-up, never over an await.
    throttle: Mutex<Throttle>,
    health: Mutex<Option<(Instant, bool)>>,
}

impl Front {
    /// Without its connection to the core.
    ///
    /// # Errors
    /// An address that is not loopback: without TLS that is not for this version.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        if !settings.listen.ip().is_loopback() {
            return Err(io::Error::other(format!("{} is not loopback", settings.listen)));
        }
        Ok(Self {
            link: None,
            allow: settings.networks().map_err(io::Error::other)?,
            hosts: settings.hosts.clone(),
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

    async fn status(&self) -> Result<hyper::body::Bytes, Stalled> {
        match &self.link {
            Some(link) => link.status().await,
            None => Err(Stalled),
        }
    }

    fn admits(&self, source: IpAddr) -> bool {
        if self.allow.is_empty() {
            source.is_loopback()
        } else {
            self.allow.iter().any(|network| network.contains(&source))
        }
    }

    /// Against DNS rebinding: a page of another site can make a browser come to us, but only under
    /// that site's name.
    fn is_ours(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || self.hosts.contains(&name) || address.parse::<IpAddr>().is_ok()
    }

    async fn is_healthy(&self) -> bool {
        let known = *self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, healthy)) = known
            && at.elapsed() < HEALTH_AGE
        {
            return healthy;
        }
        let healthy = self.status().await.is_ok();
        let now = Some((Instant::now(), healthy));
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = now;
        healthy
    }
}

/// Answers one request; and whether a user is behind it.
pub async fn answer(front: &Front, source: IpAddr, request: &Request<()>) -> (Answer, bool) {
    let (mut answer, known) = match refuse(front, source, request) {
        Some(refusal) => (refusal, false),
        None if request.uri().path() == "/healthz" => (health(front).await, false),
        None => match refuse_login(front, source, request).await {
            Some(refusal) => (refusal, false),
            None => (show(front, request.uri().path()).await, true),
        },
    };
    protect(&mut answer);
    (answer, known)
}

/// All gates before the login.
fn refuse(front: &Front, source: IpAddr, request: &Request<()>) -> Option<Answer> {
    if !front.admits(source) {
        return Some(closing(problem(StatusCode::FORBIDDEN, "this address may not connect")));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Some(closing(problem(StatusCode::BAD_REQUEST, "one Host header is needed")));
    };
    let target_host = request.uri().authority().map(Authority::as_str);
    let ours = host.to_str().is_ok_and(|host| front.is_ours(host));
    if !ours || target_host.is_some_and(|host| !front.is_ours(host)) {
        return Some(closing(problem(StatusCode::MISDIRECTED_REQUEST, "not a name of this host")));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = problem(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(closing(refusal));
    }
    let length = request.headers().get(CONTENT_LENGTH);
    let has_body = length.is_some_and(|length| length != "0");
    if has_body || request.headers().contains_key(TRANSFER_ENCODING) {
        return Some(closing(problem(StatusCode::BAD_REQUEST, "a body is not for this method")));
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        return Some(closing(problem(StatusCode::URI_TOO_LONG, "the target is too long")));
    }
    None
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

async fn show(front: &Front, path: &str) -> Answer {
    match path {
        "/" => page::overview(front.status().await.ok().as_deref()),
        "/style.css" => plain(StatusCode::OK, "text/css; charset=utf-8", page::STYLE),
        "/api/v1/status" => match front.status().await {
            Ok(document) => plain(StatusCode::OK, "application/json", document),
            Err(Stalled) => problem(StatusCode::SERVICE_UNAVAILABLE, "core stalled"),
        },
        _ => problem(StatusCode::NOT_FOUND, "no such page"),
    }
}

fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
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
