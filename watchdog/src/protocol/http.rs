//! HTTP (RFC 9110, RFC 9112): one request, and what is asked of its answer.
//!
//! A redirect is an answer like any other and is not followed. Not here: TLS, and what a URL names.

use std::error::Error as _;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::metric::{Operator, bytes};

use super::conversation::{Converse, Talking};
use super::digest::Checksum;
use super::pattern::{Pattern, Quoted};
use super::{Conversation, Definition, Peer, Protocol, ProtocolError, Stream};

pub(super) const PROTOCOLS: &[Definition; 2] = &[
    Definition {
        name: "http",
        title: "HTTP",
        port: 80,
        tls: false,
        conversation: Conversation::Http(Http::PLAIN),
    },
    Definition {
        name: "https",
        title: "HTTP",
        port: 443,
        tls: true,
        conversation: Conversation::Http(Http::PLAIN),
    },
];

/// The longest head of an answer.
const HEAD: usize = 64 << 10;

/// The request, and what is asked of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// `method HEAD` instead of GET.
    pub head: bool,
    /// Path with query; empty for `/`.
    pub request: String,
    /// Instead of the host's name, in the header `Host`.
    pub host: Option<String>,
    /// Instead of "below 400".
    pub status: Option<(Operator, u16)>,
    /// Of the body.
    pub checksum: Option<Checksum>,
    /// Found (or for `false` not found) in what is read of the body.
    pub content: Vec<(bool, Pattern)>,
    /// For Basic authentication (RFC 7617).
    pub username: Option<String>,
    /// With its password.
    pub password: Option<PathBuf>,
    /// Added, or put in the place of ours.
    pub headers: Vec<(String, String)>,
}

impl Http {
    /// A GET of `/` that wants less than 400.
    pub const PLAIN: Self = Self {
        head: false,
        request: String::new(),
        host: None,
        status: None,
        checksum: None,
        content: Vec::new(),
        username: None,
        password: None,
        headers: Vec::new(),
    };

    /// The protocol with these options: `https` or `http`.
    pub fn protocol(self, tls: bool) -> Protocol {
        let [http, https] = PROTOCOLS;
        Protocol::plain(if tls { https } else { http }).with(Conversation::Http(self))
    }

    /// What cannot be asked for, if there is something.
    ///
    /// # Errors
    /// A path, host, user or header that HTTP does not allow.
    pub fn possible(&self) -> Result<(), ProtocolError> {
        let peer = Peer::new("localhost", 80, super::Carrier::Stream);
        self.build(&peer).map(drop)
    }

    /// What the header `Host` says of the other end.
    pub(super) fn host_of(peer: &Peer<'_>) -> String {
        match (peer.host, peer.port) {
            (host, 0 | 80 | 443) if host.contains(':') => format!("[{host}]"),
            (host, port) if host.contains(':') => format!("[{host}]:{port}"),
            (host, 0 | 80 | 443) => host.to_owned(),
            (host, port) => format!("{host}:{port}"),
        }
    }

    fn build(&self, peer: &Peer<'_>) -> Result<Request<Empty<Bytes>>, ProtocolError> {
        let wrong = |what: &str| ProtocolError::new(format!("{what} is not allowed in HTTP"));
        let path = if self.request.is_empty() { "/" } else { &self.request };
        let mut request = Request::new(Empty::new());
        *request.method_mut() = if self.head { hyper::Method::HEAD } else { hyper::Method::GET };
        *request.uri_mut() = path.parse().map_err(|_| wrong("the path"))?;
        let headers = request.headers_mut();
        let host = self.host.clone().unwrap_or_else(|| Self::host_of(peer));
        headers.insert(header::HOST, HeaderValue::from_str(&host).map_err(|_| wrong("the host"))?);
        let agent = concat!("ebpf-watchdog/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Some(user) = &self.username {
            let login = STANDARD.encode(format!("{user}:{}", peer.password.unwrap_or_default()));
            let value = HeaderValue::from_str(&format!("Basic {login}"));
            headers.insert(header::AUTHORIZATION, value.map_err(|_| wrong("the user"))?);
        }
        for (name, value) in &self.headers {
            let bad = || wrong(&format!("the header `{name}`"));
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.insert(key, HeaderValue::from_str(value).map_err(|_| bad())?);
        }
        Ok(request)
    }

    /// Whether a body is to be read.
    fn reads(&self) -> bool {
        self.checksum.is_some() || !self.content.is_empty()
    }

    fn judge_status(&self, answer: &Response<Incoming>) -> Result<(), ProtocolError> {
        let status = answer.status().as_u16();
        let (operator, limit) = self.status.unwrap_or((Operator::Less, 400));
        if operator.holds(f64::from(status), f64::from(limit)) {
            return Ok(());
        }
        Err(error(&format!("Server returned status {status}")))
    }

    fn judge_body(&self, body: &[u8], whole: bool) -> Result<(), ProtocolError> {
        if let Some(checksum) = &self.checksum {
            if !whole {
                let read = bytes(body.len() as f64);
                return Err(error(&format!("the body is over {read}, too much for a checksum")));
            }
            let got = checksum.of(body);
            if got != *checksum {
                return Err(error(&format!("Document checksum mismatch, got {got}")));
            }
        }
        for (wanted, pattern) in &self.content {
            if pattern.is_in(body) != *wanted {
                let how = if *wanted { "doesn't match" } else { "matches" };
                return Err(error(&format!("Regular expression {how}: \"{}\"", pattern.as_str())));
            }
        }
        Ok(())
    }
}

/// The beginning of a body, and whether that is all of it.
async fn body(answer: Response<Incoming>, most: usize) -> Result<(Vec<u8>, bool), ProtocolError> {
    let mut incoming = answer.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| failed(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        let room = most.saturating_sub(body.len());
        body.extend(data.iter().take(room));
        if data.len() > room {
            return Ok((body, false));
        }
    }
    Ok((body, true))
}

/// In Monit's words.
fn error(text: &str) -> ProtocolError {
    ProtocolError::new(format!("HTTP error: {text}"))
}

fn failed(why: &hyper::Error) -> ProtocolError {
    if let Some(why) = why.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
        return match why.kind() {
            ErrorKind::UnexpectedEof => ProtocolError::new("the server hung up"),
            _ => error(&why.to_string()),
        };
    }
    if why.is_incomplete_message() || why.is_canceled() || why.is_closed() {
        return ProtocolError::new("the server hung up");
    }
    if why.is_parse() {
        return error(&format!("Cannot parse HTTP status in response: {why}"));
    }
    error(&why.to_string())
}

impl Converse for Http {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        Box::pin(talk(self, stream, peer))
    }

    fn password_file(&self) -> Option<&Path> {
        self.password.as_deref()
    }

    fn request(&self) -> &str {
        &self.request
    }
}

/// Asks and judges.
async fn talk(http: &Http, stream: &mut dyn Stream, peer: &Peer<'_>) -> Result<(), ProtocolError> {
    let (body, whole) = ask(http, stream, peer, http.reads()).await?;
    http.judge_body(&body, whole)
}

/// What is read of the body.
pub(super) async fn document(
    http: &Http,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
) -> Result<Vec<u8>, ProtocolError> {
    ask(http, stream, peer, true).await.map(|(body, _)| body)
}

/// The body if it is to be read, and whether that is all of it; an error if the status is wrong.
async fn ask(
    http: &Http,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
    read: bool,
) -> Result<(Vec<u8>, bool), ProtocolError> {
    let request = http.build(peer)?;
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(HEAD);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let mut connection = pin!(connection);
    let mut exchange = pin!(async {
        let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
        http.judge_status(&answer)?;
        if read { body(answer, peer.body).await } else { Ok((Vec::new(), true)) }
    });
    // What drives the connection ends when the server closes it; what it has read is judged then.
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            told = &mut exchange => return told,
            _ = &mut connection, if open => open = false,
        }
    }
}

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.head {
            f.write_str(" method HEAD")?;
        }
        if !self.request.is_empty() {
            write!(f, " request {}", Quoted(&self.request))?;
        }
        if let Some(host) = &self.host {
            write!(f, " hostheader {}", Quoted(host))?;
        }
        if let Some(user) = &self.username {
            write!(f, " username {}", Quoted(user))?;
        }
        if let Some(path) = &self.password {
            write!(f, " password file {}", Quoted(&path.to_string_lossy()))?;
        }
        if !self.headers.is_empty() {
            let each = |(name, value): &(String, String)| format!("{name}: {}", Quoted(value));
            let all: Vec<_> = self.headers.iter().map(each).collect();
            write!(f, " headers [{}]", all.join(", "))?;
        }
        if let Some((operator, status)) = self.status {
            write!(f, " status {operator} {status}")?;
        }
        if let Some(checksum) = &self.checksum {
            write!(f, " checksum {checksum}")?;
        }
        for (wanted, pattern) in &self.content {
            let operator = if *wanted { "=" } else { "!=" };
            write!(f, " content {operator} {}", Quoted(pattern.as_str()))?;
        }
        Ok(())
    }
}
