//! Oracle's TNS: a connection that asks the listener for `ping` (Oracle publishes no specification; the
//! packets are those of the open dissector `packet-tns.c` of Wireshark).
//!
//! A listener that refuses or redirects is alive. Not here: any database.

use super::bytes::{Fields, exactly};
use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "tns",
    title: "TNS",
    port: 1521,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 32 << 10;
const CONNECT: u8 = 1;
const ACCEPT: u8 = 2;
const REFUSE: u8 = 4;
const REDIRECT: u8 = 5;
const RESEND: u8 = 11;
const PING: &[u8] = b"(CONNECT_DATA=(COMMAND=ping))";
/// Where the text begins.
const OFFSET: u16 = 58;

/// Asks.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    let text = PING.len() as u16;
    let head = [OFFSET + text, 0, u16::from(CONNECT) << 8, 0];
    // Version 310, compatible with 300, no options; units of 2048 and 32767 bytes; what the other end may
    // do; no turnaround; the byte order; the text.
    let body = [310, 300, 0, 2048, 0x7fff, 0x7f08, 0, 1, text, OFFSET];
    let mut packet: Vec<u8> =
        head.iter().chain(&body).flat_map(|field| field.to_be_bytes()).collect();
    packet.resize(usize::from(OFFSET), 0);
    packet.extend(PING);
    say(stream, &packet).await?;
    let head = exactly(stream, 8, 8).await?;
    let mut fields = Fields(&head);
    let length = usize::from(u16::from_be_bytes(fields.array()?));
    let _checksum = fields.array::<2>()?;
    let kind = fields.byte()?;
    let Some(rest) = length.checked_sub(8) else {
        return Err(ProtocolError::new("TNS: a bad length"));
    };
    if !matches!(kind, ACCEPT | REFUSE | REDIRECT | RESEND) {
        return Err(ProtocolError::new(format!("TNS: type {kind} is no answer to a connection")));
    }
    exactly(stream, rest, LONGEST).await.map(drop)
}
