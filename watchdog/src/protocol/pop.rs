//! POP3: the greeting, then QUIT (RFC 1939, sections 4 and 6).
//!
//! Not here: TLS. `pops` is this over a stream that has it.

use super::conversation::plain;
use super::reply::{begins, unexpected};
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[
    Definition {
        name: "pop",
        title: "POP",
        port: 110,
        tls: false,
        conversation: plain(|stream, _| Box::pin(talk(stream))),
    },
    Definition {
        name: "pops",
        title: "POP",
        port: 995,
        tls: true,
        conversation: plain(|stream, _| Box::pin(talk(stream))),
    },
];

const LONGEST: usize = 1024;

/// Waits for the greeting and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    good(&line(stream, LONGEST).await?)?;
    say(stream, b"QUIT\r\n").await?;
    match line(stream, LONGEST).await {
        Ok(text) => good(&text),
        // It has shown that it works: no last word is needed.
        Err(error) if error.hung_up() => Ok(()),
        Err(error) => Err(error),
    }
}

fn good(text: &str) -> Result<(), ProtocolError> {
    if begins(text, "+OK") { Ok(()) } else { Err(unexpected(text)) }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn greetings() {
        check(
            &named("pop"),
            &[
                ("<+OK ready\n>QUIT\n<+OK bye", ""),
                ("<+OK ready\n>QUIT", ""),
                ("<+OK ready\n>QUIT\n<-ERR stuck", "the server answers `-ERR stuck`"),
                ("<-ERR busy", "the server answers `-ERR busy`"),
                ("<* OK imap", "the server answers `* OK imap`"),
                ("<.+O", "the server hung up"),
            ],
        );
    }
}
