//! LMTP: the greeting, LHLO, QUIT (RFC 2033, section 4.1).

use super::conversation::plain;
use super::reply::{ask, quit, reply};
use super::smtp::own_name;
use super::{Definition, ProtocolError, Stream};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "lmtp",
    title: "LMTP",
    port: 24,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

/// Greets and leaves.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    reply(stream).await?.expect(&[220])?;
    ask(stream, &format!("LHLO {}", own_name())).await?.expect(&[250])?;
    quit(stream, 221).await
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn conversations() {
        check(
            &named("lmtp"),
            &[
                ("<220 hi\n>LHLO \n<250-hi\n<250-8BITMIME\n<250 PIPELINING\n>QUIT\n<221 bye", ""),
                ("<220 hi\n>LHLO \n<500 unknown command", "the server answers `500"),
                ("<220 hi\n>LHLO \n<250-hi", "the server hung up"),
                ("<421 busy", "the server answers `421 busy`"),
            ],
        );
    }
}
