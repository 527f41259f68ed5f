//! NTP version 3: a client's packet and the server's (RFC 1305, section 3.4 and appendix A).
//!
//! Not here: what time it is.

use super::bytes::{Fields, datagram, exactly, random};
use super::conversation::plain;
use super::{Carrier, Definition, Peer, ProtocolError, Stream, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "ntp3",
    title: "NTP3",
    port: 123,
    tls: false,
    conversation: plain(|stream, peer| Box::pin(talk(stream, peer))),
}];

const LENGTH: usize = 48;

/// Asks.
async fn talk(stream: &mut dyn Stream, peer: &Peer<'_>) -> Result<(), ProtocolError> {
    // Version 3, client. What stands for our time comes back, so that only who heard us can answer.
    let cookie = random::<8>()?;
    let mut packet = [0; LENGTH];
    packet[0] = 0x1b;
    packet[40..].copy_from_slice(&cookie);
    say(stream, &packet).await?;
    let answer = match peer.carrier {
        Carrier::Datagram => datagram(stream).await?,
        Carrier::Stream => exactly(stream, LENGTH, LENGTH).await?,
    };
    let mut fields = Fields(&answer);
    let [first, stratum] = fields.array()?;
    let _precision_delay_and_dispersion = fields.array::<10>()?;
    let reference = fields.array::<4>()?;
    let _reference_time = fields.array::<8>()?;
    let originate = fields.array::<8>()?;
    let _receive_and_transmit = fields.array::<16>()?;
    let wrong = |text: String| Err(ProtocolError::new(format!("NTP: {text}")));
    if first & 7 != 4 {
        return wrong(format!("mode {} is not that of a server", first & 7));
    }
    if first >> 3 & 7 != 3 {
        return wrong(format!("version {} instead of 3", first >> 3 & 7));
    }
    if originate != cookie {
        return wrong("this does not answer our question".to_owned());
    }
    if stratum == 0 {
        return wrong(format!("the server refuses: {}", String::from_utf8_lossy(&reference)));
    }
    if first >> 6 == 3 || stratum > 15 {
        return wrong("the server's clock is not synchronized".to_owned());
    }
    Ok(())
}
