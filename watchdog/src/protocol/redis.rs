//! Redis: PING (the page "Redis serialization protocol specification" of its documentation).
//!
//! A server that wants a password first is alive. Not here: the password.

use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, leave, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "redis",
    title: "REDIS",
    port: 6379,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 1024;

/// Asks and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, b"*1\r\n$4\r\nPING\r\n").await?;
    let answer = line(stream, LONGEST).await?;
    if answer != "+PONG" && !answer.starts_with("-NOAUTH") {
        return Err(ProtocolError::new(format!("REDIS: {answer}")));
    }
    leave(stream, b"*1\r\n$4\r\nQUIT\r\n").await;
    Ok(())
}
