//! ClamAV's daemon: PING, PONG (`clamd(8)`, "COMMANDS").

use super::conversation::plain;
use super::reply::unexpected;
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "clamav",
    title: "CLAMAV",
    port: 3310,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 256;

/// Asks once. With the prefix `n` the answer ends with a line feed.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, b"nPING\n").await?;
    let answer = line(stream, LONGEST).await?;
    if answer == "PONG" { Ok(()) } else { Err(unexpected(&answer)) }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn answers() {
        check(
            &named("clamav"),
            &[
                (">nPING\n<PONG", ""),
                (">nPING\n<UNKNOWN COMMAND", "the server answers `UNKNOWN COMMAND`"),
                (">nPING\n<.PON", "the server hung up"),
                (">nPING", "the server hung up"),
            ],
        );
    }
}
