//! IMAP: the greeting, then LOGOUT (RFC 9051, sections 7.1 and 6.1.3).
//!
//! Not here: TLS. `imaps` is this over a stream that has it.

use super::conversation::plain;
use super::reply::{begins, unexpected};
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[
    Definition {
        name: "imap",
        title: "IMAP",
        port: 143,
        tls: false,
        conversation: plain(|stream, _| Box::pin(talk(stream))),
    },
    Definition {
        name: "imaps",
        title: "IMAP",
        port: 993,
        tls: true,
        conversation: plain(|stream, _| Box::pin(talk(stream))),
    },
];

const LONGEST: usize = 4096;
/// Untagged lines before the answer to LOGOUT.
const LINES: usize = 64;

/// Waits for the greeting and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    let greeting = line(stream, LONGEST).await?;
    if !begins(&greeting, "* OK") && !begins(&greeting, "* PREAUTH") {
        return Err(unexpected(&greeting));
    }
    say(stream, b"a1 LOGOUT\r\n").await?;
    for _ in 0..LINES {
        let text = match line(stream, LONGEST).await {
            Ok(text) => text,
            // It has shown that it works: no last word is needed.
            Err(error) if error.hung_up() => return Ok(()),
            Err(error) => return Err(error),
        };
        if begins(&text, "a1 OK") {
            return Ok(());
        }
        if !text.starts_with("* ") {
            return Err(unexpected(&text));
        }
    }
    Err(ProtocolError::new("no answer to LOGOUT"))
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn greetings() {
        let endless = format!("<* OK hi\n>a1 LOGOUT{}", "\n<* 3 EXISTS".repeat(64));
        check(
            &named("imap"),
            &[
                ("<* OK [CAPABILITY IMAP4rev1] hi\n>a1 LOGOUT\n<* BYE bye\n<a1 OK done", ""),
                ("<* PREAUTH hi\n>a1 LOGOUT\n<* bye\n<A1 ok", ""),
                ("<* OK hi\n>a1 LOGOUT\n<* BYE bye", ""),
                ("<* OK hi\n>a1 LOGOUT\n<a1 BAD what?", "the server answers `a1 BAD what?`"),
                ("<* BYE overloaded", "the server answers `* BYE overloaded`"),
                ("<+OK pop", "the server answers `+OK pop`"),
                ("<.* O", "the server hung up"),
                (&endless, "no answer to LOGOUT"),
            ],
        );
    }
}
