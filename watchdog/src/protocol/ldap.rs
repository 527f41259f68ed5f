//! LDAP: an anonymous bind, and unbind (RFC 4511, sections 4.2 and 4.3; RFC 1777 for version 2).
//!
//! Not here: searches, and StartTLS.

use super::bytes::{Fields, exactly};
use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, leave, say};

pub(super) const PROTOCOLS: &[Definition] = &[
    Definition {
        name: "ldap2",
        title: "LDAP2",
        port: 389,
        tls: false,
        conversation: plain(|stream, _| Box::pin(talk(2, stream))),
    },
    Definition {
        name: "ldap3",
        title: "LDAP3",
        port: 389,
        tls: false,
        conversation: plain(|stream, _| Box::pin(talk(3, stream))),
    },
];

const LONGEST: usize = 64 << 10;

/// Tag and content of the next element.
fn element<'a>(fields: &mut Fields<'a>) -> Result<(u8, &'a [u8]), ProtocolError> {
    let tag = fields.byte()?;
    let length = match fields.byte()? {
        short @ ..0x80 => usize::from(short),
        long => number(fields.bytes(usize::from(long & 0x7f))?)?,
    };
    Ok((tag, fields.bytes(length)?))
}

fn number(bytes: &[u8]) -> Result<usize, ProtocolError> {
    if bytes.is_empty() || bytes.len() > 4 {
        return Err(ProtocolError::new("LDAP: a bad length"));
    }
    Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// Binds and leaves.
async fn talk(version: u8, stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    // Message 1, bind: the version, no name, no password.
    say(stream, &[0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, version, 4, 0, 0x80, 0]).await?;
    let head = exactly(stream, 2, 2).await?;
    let &[tag, length] = head.as_slice() else { return Err(ProtocolError::hang_up()) };
    if tag != 0x30 {
        return Err(ProtocolError::new("LDAP: this is no LDAP"));
    }
    let length = match length {
        ..0x80 => usize::from(length),
        _ => number(&exactly(stream, usize::from(length & 0x7f), 4).await?)?,
    };
    let body = exactly(stream, length, LONGEST).await?;
    let mut fields = Fields(&body);
    let answers = element(&mut fields)? == (2, &[1]);
    let (tag, answer) = element(&mut fields)?;
    if !answers || tag != 0x61 {
        return Err(ProtocolError::new("LDAP: this is no answer to a bind"));
    }
    let mut fields = Fields(answer);
    let (tag, code) = element(&mut fields)?;
    let _name = element(&mut fields)?;
    let (_, text) = element(&mut fields)?;
    match (tag, code) {
        (10, [0]) => {
            leave(stream, &[0x30, 5, 2, 1, 2, 0x42, 0]).await;
            Ok(())
        }
        (10, [code]) => {
            let text = String::from_utf8_lossy(text);
            Err(ProtocolError::new(format!("LDAP: bind refused, result {code}: {text}")))
        }
        _ => Err(ProtocolError::new("LDAP: this is no answer to a bind")),
    }
}
