//! SpamAssassin's daemon: PING, PONG (`spamd/PROTOCOL` of SpamAssassin).

use super::conversation::plain;
use super::reply::unexpected;
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "spamassassin",
    title: "SPAMASSASSIN",
    port: 783,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 256;

/// Asks once; the answer is `SPAMD/<version> 0 PONG`.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, b"PING SPAMC/1.2\r\n\r\n").await?;
    let answer = line(stream, LONGEST).await?;
    let mut words = answer.split_ascii_whitespace();
    let version = words.next().is_some_and(|word| word.starts_with("SPAMD/"));
    if version && words.next() == Some("0") && words.next() == Some("PONG") {
        return Ok(());
    }
    Err(unexpected(&answer))
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn answers() {
        check(
            &named("spamassassin"),
            &[
                (">PING SPAMC/1.2\n>\n<SPAMD/1.5 0 PONG", ""),
                (">PING SPAMC/1.2\n>\n<SPAMD/1.5 76 Bad header line", "answers `SPAMD/1.5 76 Bad"),
                (">PING SPAMC/1.2\n>\n<SPAMD/1.5 0 PING", "the server answers"),
                (">PING SPAMC/1.2\n>\n<220 mail", "the server answers `220 mail`"),
                (">PING SPAMC/1.2\n>\n<.SPAMD/1.5 0", "the server hung up"),
            ],
        );
    }
}
