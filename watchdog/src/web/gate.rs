//! The gate before the login: where from, by which name, with which method and how much.
//!
//! Not here: who somebody is (`auth`).

use std::io;
use std::net::IpAddr;

use hyper::header::{ALLOW, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode};
use ipnet::IpNet;

use super::Settings;
use crate::status::problem::{Answer, problem};

/// A longer target is answered 414 (bytes).
const LONGEST_TARGET: usize = 4096;

/// Who may come, and under which names of ours.
pub struct Gate {
    allow: Vec<IpNet>,
    hosts: Vec<String>,
}

impl Gate {
    /// As the settings say.
    ///
    /// # Errors
    /// An address that is not loopback: without TLS that is not for this version.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        if !settings.listen.ip().is_loopback() {
            return Err(io::Error::other(format!("{} is not loopback", settings.listen)));
        }
        let allow = settings.networks().map_err(io::Error::other)?;
        Ok(Self { allow, hosts: settings.hosts.clone() })
    }

    /// Refuses a request, or lets it on to the login.
    pub fn refuse(&self, source: IpAddr, request: &Request<()>) -> Option<Answer> {
        if !self.admits(source) {
            return Some(closing(problem(StatusCode::FORBIDDEN, "this address may not connect")));
        }
        let mut hosts = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Some(closing(problem(StatusCode::BAD_REQUEST, "one Host header is needed")));
        };
        let target_host = request.uri().authority().map(Authority::as_str);
        let ours = host.to_str().is_ok_and(|host| self.is_ours(host));
        if !ours || target_host.is_some_and(|host| !self.is_ours(host)) {
            return Some(closing(problem(
                StatusCode::MISDIRECTED_REQUEST,
                "not a name of this host",
            )));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = problem(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(closing(refusal));
        }
        let length = request.headers().get(CONTENT_LENGTH);
        let has_body = length.is_some_and(|length| length != "0");
        if has_body || request.headers().contains_key(TRANSFER_ENCODING) {
            return Some(closing(problem(
                StatusCode::BAD_REQUEST,
                "a body is not for this method",
            )));
        }
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > LONGEST_TARGET {
            return Some(closing(problem(StatusCode::URI_TOO_LONG, "the target is too long")));
        }
        None
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
}

/// With a request not to go on: what follows may be the rest of this one.
pub fn closing(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
