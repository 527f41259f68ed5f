//! FTP: the greeting, then QUIT (RFC 959, section 5.4).
//!
//! 120, "ready in some minutes", is a server that does not serve yet.

use super::conversation::plain;
use super::reply::{quit, reply};
use super::{Definition, ProtocolError, Stream};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "ftp",
    title: "FTP",
    port: 21,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

/// Waits for the greeting and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    reply(stream).await?.expect(&[220])?;
    quit(stream, 221).await
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn greetings() {
        check(
            &named("ftp"),
            &[
                ("<220 ready\n>QUIT\n<221 bye", ""),
                (
                    "<220-Welcome\n< to all\n<221 of you\n<220 now\n>QUIT\n<221-you moved\n<221 0 bytes",
                    "",
                ),
                ("<220 ready\n>QUIT", ""),
                ("<220 ready\n>QUIT\n<500 what?", "the server answers `500 what?`"),
                ("<120 ready in 5 minutes", "the server answers `120 ready in 5 minutes`"),
                ("<421 too many users", "the server answers `421"),
                ("<220-half", "the server hung up"),
                ("<SSH-2.0-x", "the server answers `SSH-2.0-x`"),
                ("", "the server hung up"),
            ],
        );
    }
}
