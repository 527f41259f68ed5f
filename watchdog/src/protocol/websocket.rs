//! WebSocket: the opening handshake and a close (RFC 6455, sections 4.1, 5.2 and 5.5.1).
//!
//! Not here: what is said in between.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bytes::random;
use super::conversation::{Converse, Talking};
use super::digest::sha1;
use super::http::Http;
use super::{Conversation, Definition, Peer, ProtocolError, Quoted, Stream, leave, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "websocket",
    title: "WEBSOCKET",
    port: 80,
    tls: false,
    conversation: Conversation::Websocket(Websocket::PLAIN),
}];

const LONGEST: usize = 8 << 10;
const LINES: usize = 100;
/// Of section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Websocket {
    /// Path with query; empty for `/`.
    pub request: String,
    /// Instead of the host's name, in the header `Host`.
    pub host: Option<String>,
    /// In the header `Origin`.
    pub origin: Option<String>,
    /// 13 is the only one of the standard.
    pub version: u8,
}

impl Websocket {
    /// As the standard has it.
    pub const PLAIN: Self = Self { request: String::new(), host: None, origin: None, version: 13 };

    /// What cannot be asked for, if there is something.
    ///
    /// # Errors
    /// A path, host or origin that HTTP does not allow.
    pub fn possible(&self) -> Result<(), ProtocolError> {
        let origin = self.origin.iter().map(|origin| ("Origin".to_owned(), origin.clone()));
        let (request, host) = (self.request.clone(), self.host.clone());
        Http { request, host, headers: origin.collect(), ..Http::PLAIN }.possible()
    }
}

impl fmt::Display for Websocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.request.is_empty() {
            write!(f, " request {}", Quoted(&self.request))?;
        }
        if let Some(host) = &self.host {
            write!(f, " host {}", Quoted(host))?;
        }
        if let Some(origin) = &self.origin {
            write!(f, " origin {}", Quoted(origin))?;
        }
        if self.version == 13 { Ok(()) } else { write!(f, " version {}", self.version) }
    }
}

impl Converse for Websocket {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        Box::pin(talk(self, stream, peer))
    }
}

/// Opens and closes.
async fn talk(
    websocket: &Websocket,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
) -> Result<(), ProtocolError> {
    let Websocket { request, host, origin, version } = websocket;
    let path = if request.is_empty() { "/" } else { request };
    let host = host.clone().unwrap_or_else(|| Http::host_of(peer));
    let origin = origin.as_ref().map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
    let key = STANDARD.encode(random::<16>()?);
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {version}\r\n{origin}\r\n"
    );
    say(stream, head.as_bytes()).await?;
    let first = line(stream, LONGEST).await?;
    if !first.starts_with("HTTP/1.1 101") {
        return Err(ProtocolError::new(format!("WEBSOCKET: no change of protocol: {first}")));
    }
    let wanted = STANDARD.encode(sha1(&[key.as_bytes(), GUID]));
    let mut accepted = false;
    for _ in 0..LINES {
        let text = line(stream, LONGEST).await?;
        if text.is_empty() {
            if !accepted {
                return Err(ProtocolError::new("WEBSOCKET: the answer is not to our key"));
            }
            // The last frame, close, no text; a client's are masked.
            let mask = random::<4>()?;
            leave(stream, &[[0x88, 0x80].as_slice(), &mask].concat()).await;
            return Ok(());
        }
        if let Some((name, value)) = text.split_once(':') {
            let accept = name.eq_ignore_ascii_case("Sec-WebSocket-Accept");
            accepted |= accept && value.trim() == wanted;
        }
    }
    Err(ProtocolError::new("WEBSOCKET: no end of the headers"))
}
