//! NNTP: the greeting (200 posting allowed, 201 not), then QUIT (RFC 3977, sections 5.1 and 5.4).

use super::conversation::plain;
use super::reply::{quit, reply};
use super::{Definition, ProtocolError, Stream};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "nntp",
    title: "NNTP",
    port: 119,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

/// Waits for the greeting and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    reply(stream).await?.expect(&[200, 201])?;
    quit(stream, 205).await
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn greetings() {
        check(
            &named("nntp"),
            &[
                ("<200 news.example InterNetNews ready\n>QUIT\n<205 bye", ""),
                ("<201 no posting\n>QUIT\n<205 bye", ""),
                ("<200 ready\n>QUIT", ""),
                ("<400 overloaded", "the server answers `400 overloaded`"),
                ("<502 no permission", "the server answers `502"),
                ("<.20", "the server hung up"),
                ("<2000 what", "the server answers `2000 what`"),
            ],
        );
    }
}
