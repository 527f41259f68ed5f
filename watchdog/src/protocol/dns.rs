//! DNS: the name servers of the root are asked for (RFC 1035, section 4; over a stream with the length
//! before it, section 4.2.2).
//!
//! To be refused is an answer: a server for some zones only does not look for others. Not here: names.

use super::bytes::{Fields, datagram, exactly, random};
use super::conversation::plain;
use super::{Carrier, Definition, Peer, ProtocolError, Stream, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "dns",
    title: "DNS",
    port: 53,
    tls: false,
    conversation: plain(|stream, peer| Box::pin(talk(stream, peer))),
}];

/// Asks.
async fn talk(stream: &mut dyn Stream, peer: &Peer<'_>) -> Result<(), ProtocolError> {
    let id = random::<2>()?;
    // Recursion wanted, one question: the root, NS, IN.
    let rest = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
    let query = [id.as_slice(), &rest].concat();
    let answer = match peer.carrier {
        Carrier::Datagram => {
            say(stream, &query).await?;
            datagram(stream).await?
        }
        Carrier::Stream => {
            let length = [0, query.len() as u8];
            say(stream, &[&length, query.as_slice()].concat()).await?;
            let length = exactly(stream, 2, 2).await?;
            let length = u16::from_be_bytes(Fields(&length).array()?);
            exactly(stream, usize::from(length), usize::from(u16::MAX)).await?
        }
    };
    let mut fields = Fields(&answer);
    let answered = fields.array()?;
    let [high, low] = fields.array()?;
    let _counts = fields.array::<8>()?;
    // An answer, to a standard query.
    if answered != id || high & 0xf8 != 0x80 {
        return Err(ProtocolError::new("DNS: this does not answer our question"));
    }
    match low & 0xf {
        0 | 5 => Ok(()),
        code => Err(ProtocolError::new(format!("DNS: error {code}{}", words(code)))),
    }
}

fn words(code: u8) -> &'static str {
    match code {
        1 => " (format error)",
        2 => " (server failure)",
        3 => " (no such name)",
        4 => " (not implemented)",
        _ => "",
    }
}
