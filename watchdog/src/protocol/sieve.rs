//! ManageSieve: the capabilities that greet, then LOGOUT (RFC 5804, sections 1.7 and 2.3).

use super::conversation::plain;
use super::reply::{begins, unexpected};
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "sieve",
    title: "SIEVE",
    port: 4190,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 4096;
/// Capabilities of one greeting.
const LINES: usize = 128;

/// Reads the capabilities and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    let mut named = false;
    let mut lines = 0;
    loop {
        let text = line(stream, LONGEST).await?;
        if begins(&text, "OK") {
            break;
        }
        if !text.starts_with('"') {
            return Err(unexpected(&text));
        }
        named |= begins(&text, "\"IMPLEMENTATION\"");
        lines += 1;
        if lines == LINES {
            return Err(ProtocolError::new("no end of capabilities"));
        }
    }
    if !named {
        return Err(ProtocolError::new("no IMPLEMENTATION among the capabilities"));
    }
    say(stream, b"LOGOUT\r\n").await?;
    match line(stream, LONGEST).await {
        Ok(text) if begins(&text, "OK") || begins(&text, "BYE") => Ok(()),
        Ok(text) => Err(unexpected(&text)),
        // It has shown that it works: no last word is needed.
        Err(error) if error.hung_up() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn greetings() {
        let greeting = "<\"IMPLEMENTATION\" \"Example\"\n<\"SIEVE\" \"fileinto\"\n<OK \"ready\"\n";
        let endless = "<\"X\" \"y\"\n".repeat(128);
        check(
            &named("sieve"),
            &[
                (&format!("{greeting}>LOGOUT\n<OK \"bye\""), ""),
                (&format!("{greeting}>LOGOUT"), ""),
                (&format!("{greeting}>LOGOUT\n<NO"), "the server answers `NO`"),
                ("<BYE \"overloaded\"", "the server answers `BYE"),
                ("<OK", "no IMPLEMENTATION"),
                ("<220 smtp", "the server answers `220 smtp`"),
                ("<\"IMPLEMENTATION\" \"Example\"", "the server hung up"),
                (&endless, "no end of capabilities"),
            ],
        );
    }
}
