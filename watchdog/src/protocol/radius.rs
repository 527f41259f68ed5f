//! RADIUS: a login that is to be refused (RFC 2865, section 3 and 5; RFC 3579, section 3.2 for the message
//! authenticator).
//!
//! Who answers with a right authenticator knows the secret and is alive, whatever the answer is. Not here:
//! accounting.

use std::fmt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq as _;

use super::bytes::{Fields, datagram, exactly, random};
use super::conversation::{Converse, Talking};
use super::digest::{hmac_md5, md5};
use super::{Carrier, Conversation, Definition, Peer, ProtocolError, Quoted, Stream, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "radius",
    title: "RADIUS",
    port: 1812,
    tls: false,
    conversation: Conversation::Radius(Radius::PLAIN),
}];

/// The secret where the sentence names none, as in Monit.
const SECRET: &str = "testing123";
const USER: &[u8] = b"ebpf-watchdog";
const PASSWORD: &[u8; 16] = b"ebpf-watchdog\0\0\0";
const HEAD: usize = 20;
/// Attribute numbers.
const AUTHENTICATOR: u8 = 80;

/// The secret that we and the server share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Radius {
    /// Its file; none: `testing123`, as servers have it to be tried.
    pub secret: Option<PathBuf>,
}

impl Radius {
    /// With the usual secret.
    pub const PLAIN: Self = Self { secret: None };
}

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.secret {
            Some(path) => write!(f, " secret file {}", Quoted(&path.to_string_lossy())),
            None => Ok(()),
        }
    }
}

impl Converse for Radius {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        Box::pin(talk(stream, peer))
    }

    fn password_file(&self) -> Option<&Path> {
        self.secret.as_deref()
    }
}

fn attribute(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, value.len() as u8 + 2], value].concat()
}

/// Asks.
async fn talk(stream: &mut dyn Stream, peer: &Peer<'_>) -> Result<(), ProtocolError> {
    let secret = peer.password.unwrap_or(SECRET).as_bytes();
    let [id, authenticator @ ..] = random::<17>()?;
    let hidden = PASSWORD.iter().zip(md5(&[secret, &authenticator])).map(|(a, b)| a ^ b);
    let before = attribute(AUTHENTICATOR, &[0; 16]);
    let behind = [
        attribute(1, USER),
        attribute(2, &hidden.collect::<Vec<_>>()),
        attribute(32, USER),
        // NAS-Port-Type: virtual.
        attribute(61, &[0, 0, 0, 5]),
    ]
    .concat();
    let length = (HEAD + before.len() + behind.len()) as u16;
    let [high, low] = length.to_be_bytes();
    let head = [&[1, id, high, low], authenticator.as_slice()].concat();
    let proof = hmac_md5(secret, &[head.as_slice(), &before, &behind].concat());
    say(stream, &[head, attribute(AUTHENTICATOR, &proof), behind].concat()).await?;
    let answer = match peer.carrier {
        Carrier::Datagram => datagram(stream).await?,
        Carrier::Stream => {
            let head = exactly(stream, HEAD, HEAD).await?;
            let mut fields = Fields(&head);
            let _ = fields.array::<2>()?;
            let length = usize::from(u16::from_be_bytes(fields.array()?));
            let rest = exactly(stream, length.saturating_sub(HEAD), 4096).await?;
            [head, rest].concat()
        }
    };
    judge(&answer, id, &authenticator, secret)
}

fn judge(answer: &[u8], id: u8, asked: &[u8; 16], secret: &[u8]) -> Result<(), ProtocolError> {
    let wrong = |text: &str| ProtocolError::new(format!("RADIUS: {text}"));
    let mut fields = Fields(answer);
    let [code, answered, high, low] = fields.array()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let proof = fields.array::<16>()?;
    let Some(attributes) = length.checked_sub(HEAD).and_then(|rest| fields.0.get(..rest)) else {
        return Err(wrong("a bad length"));
    };
    let head = [code, answered, high, low];
    let expected = md5(&[&head, asked, attributes, secret]);
    if answered != id || !bool::from(expected.ct_eq(&proof)) {
        return Err(wrong("the answer is not authentic (another secret?)"));
    }
    let mut rest = Fields(attributes);
    let mut zeroed = [&head, asked.as_slice()].concat();
    let mut told = None;
    while !rest.0.is_empty() {
        let [kind, size] = rest.array()?;
        let value = rest.bytes(usize::from(size).saturating_sub(2))?;
        zeroed.extend([kind, size]);
        match kind {
            AUTHENTICATOR => {
                told = Some(value);
                zeroed.resize(zeroed.len() + value.len(), 0);
            }
            _ => zeroed.extend(value),
        }
    }
    if told.is_some_and(|told| !bool::from(hmac_md5(secret, &zeroed).as_slice().ct_eq(told))) {
        return Err(wrong("the message authenticator is wrong"));
    }
    // Accepted, refused, or asked more.
    match code {
        2 | 3 | 11 => Ok(()),
        other => Err(wrong(&format!("code {other} is no answer to a login"))),
    }
}
