//! SIP: OPTIONS, over UDP or TCP (RFC 3261, sections 11 and 8.1.1).
//!
//! Provisional answers (1xx) are waited out; only a 2xx shows that calls would be taken.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use tokio::io::AsyncReadExt as _;

use super::conversation::{Converse, Talking};
use super::reply::{begins, unexpected};
use super::{Carrier, Conversation, Definition, Peer, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "sip",
    title: "SIP",
    port: 5060,
    tls: false,
    conversation: Conversation::Sip(Sip::PLAIN),
}];

const LONGEST: usize = 4096;
/// Header lines of one answer.
const LINES: usize = 128;
/// Provisional answers before the last.
const ANSWERS: usize = 16;
/// Bodies of provisional answers.
const BODY: u64 = 64 * 1024;
/// The largest datagram.
const DATAGRAM: usize = 64 * 1024;

/// What is asked for: `sip target bob@pbx maxforward 70`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sip {
    /// Who is asked for, without `sip:`; none: the host itself.
    pub target: Option<String>,
    /// How many proxies may pass it on; 70 unless told (RFC 3261, section 8.1.1.6).
    pub max_forward: u8,
}

impl Sip {
    /// The host itself.
    pub const PLAIN: Self = Self { target: None, max_forward: 70 };
}

impl fmt::Display for Sip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, " target {target}")?;
        }
        match self.max_forward {
            70 => Ok(()),
            other => write!(f, " maxforward {other}"),
        }
    }
}

impl Converse for Sip {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        Box::pin(talk(self, stream, peer))
    }
}

/// Asks for the server's abilities.
async fn talk(sip: &Sip, stream: &mut dyn Stream, peer: &Peer<'_>) -> Result<(), ProtocolError> {
    say(stream, request(peer, sip, random()).as_bytes()).await?;
    for _ in 0..ANSWERS {
        let status = match peer.carrier {
            Carrier::Stream => answer(stream).await?,
            Carrier::Datagram => datagram(stream).await?,
        };
        match code(&status) {
            Some(100..=199) => {}
            Some(200..=299) => return Ok(()),
            _ => return Err(unexpected(&status)),
        }
    }
    Err(ProtocolError::new("the server gives provisional answers only"))
}

/// The request. `rport` (RFC 3581) has the answer come back to where it came from, so that our own
/// address need not be known.
fn request(peer: &Peer<'_>, sip: &Sip, number: u64) -> String {
    let carrier = match peer.carrier {
        Carrier::Stream => "TCP",
        Carrier::Datagram => "UDP",
    };
    let max_forward = sip.max_forward;
    let target = match &sip.target {
        Some(target) => target.clone(),
        None if peer.host.contains(':') => format!("[{}]", peer.host),
        None => peer.host.to_owned(),
    };
    format!(
        "OPTIONS sip:{target} SIP/2.0\r\n\
         Via: SIP/2.0/{carrier} localhost;branch=z9hG4bK{number:x};rport\r\n\
         Max-Forwards: {max_forward}\r\n\
         To: <sip:{target}>\r\n\
         From: <sip:ebpf-watchdog@localhost>;tag={number:x}\r\n\
         Call-ID: {number:x}@localhost\r\n\
         CSeq: 1 OPTIONS\r\n\
         Contact: <sip:ebpf-watchdog@localhost>\r\n\
         Accept: application/sdp\r\n\
         User-Agent: ebpf-watchdog\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// Another number each time: servers take a known branch for a repetition (section 17.2.3).
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The status line of the next answer on a stream; its headers and its body are read.
async fn answer(stream: &mut dyn Stream) -> Result<String, ProtocolError> {
    let mut status = String::new();
    let mut body = 0;
    for _ in 0..LINES {
        let text = line(stream, LONGEST).await?;
        if status.is_empty() {
            // Empty lines before it keep the connection alive (section 7.5).
            if !text.is_empty() && code(&text).is_none() {
                return Err(unexpected(&text));
            }
            status = text;
            continue;
        }
        if text.is_empty() {
            if body > BODY {
                return Err(ProtocolError::new(format!("an answer of over {BODY} bytes")));
            }
            let read = tokio::io::copy(&mut stream.take(body), &mut tokio::io::sink()).await?;
            return if read == body { Ok(status) } else { Err(ProtocolError::hang_up()) };
        }
        if let Some((name, value)) = text.split_once(':')
            && (name.trim().eq_ignore_ascii_case("content-length") || begins(name, "l"))
            && let Ok(length) = value.trim().parse()
        {
            body = length;
        }
    }
    Err(ProtocolError::new(format!("an answer of over {LINES} lines")))
}

/// The status line of the next datagram.
async fn datagram(stream: &mut dyn Stream) -> Result<String, ProtocolError> {
    let mut bytes = vec![0; DATAGRAM];
    let length = stream.read(&mut bytes).await?;
    if length == 0 {
        return Err(ProtocolError::hang_up());
    }
    let text = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The status code of `SIP/2.0 200 OK`.
fn code(status: &str) -> Option<u16> {
    let digits = status.strip_prefix("SIP/2.0 ")?.split(' ').next()?;
    digits.parse().ok().filter(|_| digits.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, check_from, named};
    use super::*;

    #[test]
    fn asks_as_the_rfc_says() {
        let peer = Peer::new("2001:db8::1", 5060, Carrier::Datagram);
        let text = request(&peer, &Sip::PLAIN, 0xabc);
        for line in [
            "OPTIONS sip:[2001:db8::1] SIP/2.0",
            "Via: SIP/2.0/UDP localhost;branch=z9hG4bKabc;rport",
            "Max-Forwards: 70",
            "To: <sip:[2001:db8::1]>",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} in {text}");
        }
        assert!(text.ends_with("\r\n\r\n"));
        let text = request(&peer, &Sip { target: Some("bob@pbx".to_owned()), max_forward: 7 }, 1);
        assert!(text.starts_with("OPTIONS sip:bob@pbx SIP/2.0\r\n"), "{text}");
    }

    #[test]
    fn answers() {
        let options = Sip { target: Some("bob@pbx".to_owned()), ..Sip::PLAIN };
        let sip = named("sip").with(Conversation::Sip(options));
        let asked = ">OPTIONS sip:bob@pbx SIP/2.0\n".to_owned() + &">\n".repeat(11);
        let trying = "<SIP/2.0 100 Trying\n<Content-Length: 4\n<\n<.body";
        let endless = format!("{asked}{}", "<SIP/2.0 180 Ringing\n<\n".repeat(16));
        let cases: [(&str, &str); 9] = [
            ("<SIP/2.0 200 OK\n<Content-Length: 0\n<", ""),
            (&format!("<\n{trying}\n<\n<SIP/2.0 200 OK\n<l: 2\n<\n<.hi"), ""),
            ("<SIP/2.0 200 OK\n<l: 2\n<\n<.h", "the server hung up"),
            ("<SIP/2.0 200 OK\n<l: 99999999\n<", "an answer of over 65536 bytes"),
            ("<SIP/2.0 302 Moved\n<", "the server answers `SIP/2.0 302 Moved`"),
            ("<SIP/2.0 503 Service Unavailable\n<", "the server answers `SIP/2.0 503"),
            ("<HTTP/1.1 400 Bad Request", "the server answers `HTTP/1.1 400"),
            ("<SIP/2.0 100 Trying\n<", "the server hung up"),
            ("<SIP/2.0 200 OK\n<Via: x", "the server hung up"),
        ];
        for (answer, expected) in cases {
            check(&sip, &[(&format!("{asked}{answer}"), expected)]);
        }
        check(&sip, &[(&endless, "provisional answers only")]);
        let datagrams = Peer::new("server.example", 5060, Carrier::Datagram);
        for (answer, expected) in [
            ("<SIP/2.0 200 OK\n<", ""),
            ("<SIP/2.0 404 Not Found\n<", "the server answers `SIP/2.0 404 Not Found`"),
            ("<.SIP", "the server answers `SIP`"),
        ] {
            check_from(&datagrams, &sip, &[(&format!("{asked}{answer}"), expected)]);
        }
    }
}
