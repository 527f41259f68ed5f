//! ClamAV's daemon: PING, PONG (`clamd(8)`, "COMMANDS").

use super::reply::unexpected;
use super::{ProtocolError, Stream, line, say};

const LONGEST: usize = 256;

/// Asks once. With the prefix `n` the answer ends with a line feed.
pub(super) async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, b"nPING\n").await?;
    let answer = line(stream, LONGEST).await?;
    if answer == "PONG" { Ok(()) } else { Err(unexpected(&answer)) }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::check;
    use crate::protocol::Protocol;

    #[test]
    fn answers() {
        check(
            &Protocol::Clamav,
            &[
                (">nPING\n<PONG", ""),
                (">nPING\n<UNKNOWN COMMAND", "the server answers `UNKNOWN COMMAND`"),
                (">nPING\n<.PON", "the server hung up"),
                (">nPING", "the server hung up"),
            ],
        );
    }
}
