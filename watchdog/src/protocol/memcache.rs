//! memcached: the command `version` (`doc/protocol.txt` of its source).
//!
//! Not here: the binary protocol, which memcached calls obsolete.

use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, leave, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "memcache",
    title: "MEMCACHE",
    port: 11211,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 1024;

/// Asks and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, b"version\r\n").await?;
    let answer = line(stream, LONGEST).await?;
    if !answer.starts_with("VERSION ") {
        return Err(ProtocolError::new(format!("MEMCACHE: {answer}")));
    }
    leave(stream, b"quit\r\n").await;
    Ok(())
}
