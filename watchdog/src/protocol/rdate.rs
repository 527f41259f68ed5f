//! The time protocol (RFC 868): four bytes with the seconds since 1900.
//!
//! Not here: our own clock, which comes with the peer.

use super::bytes::{Fields, datagram, exactly};
use super::conversation::plain;
use super::{Carrier, Definition, Peer, ProtocolError, Stream};
use tokio::io::AsyncWriteExt;

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "rdate",
    title: "RDATE",
    port: 37,
    tls: false,
    conversation: plain(|stream, peer| Box::pin(talk(stream, peer))),
}];

/// Seconds from 1900 to 1970.
const EPOCH: u32 = 2_208_988_800;
/// More seconds of difference are too many, as in Monit.
const MOST: u32 = 3;

/// Reads the time.
async fn talk(stream: &mut dyn Stream, peer: &Peer<'_>) -> Result<(), ProtocolError> {
    let bytes = match peer.carrier {
        Carrier::Stream => exactly(stream, 4, 4).await?,
        Carrier::Datagram => {
            // An empty datagram asks.
            let _nothing: usize = stream.write(&[]).await?;
            datagram(stream).await?
        }
    };
    let told = u32::from_be_bytes(Fields(&bytes).array()?);
    let Some(now) = peer.unix_seconds else { return Ok(()) };
    // The number overflows in 2036, and so does this.
    let now = (now as u32).wrapping_add(EPOCH);
    let apart = told.wrapping_sub(now).min(now.wrapping_sub(told));
    if apart > MOST {
        return Err(ProtocolError::new(format!("RDATE: the time is {apart} s from ours")));
    }
    Ok(())
}
