//! The rsync daemon: both say the version, then it lists its modules (`rsyncd.conf(5)` and
//! `clientserver.c` of rsync; there is no RFC).

use super::conversation::plain;
use super::reply::{begins, unexpected};
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "rsync",
    title: "RSYNC",
    port: 873,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 4096;
/// Lines of the message of the day and the list.
const LINES: usize = 10_000;
/// The version of rsync 3.0: newer daemons step down to it, and from 32 on more would have to be said.
const OURS: &[u8] = b"@RSYNCD: 30.0\n#list\n";

/// Exchanges versions and reads the list.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    let greeting = line(stream, LONGEST).await?;
    let version = greeting.strip_prefix("@RSYNCD: ").unwrap_or("");
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(unexpected(&greeting));
    }
    say(stream, OURS).await?;
    for _ in 0..LINES {
        let text = line(stream, LONGEST).await?;
        if begins(&text, "@RSYNCD: EXIT") {
            return Ok(());
        }
        if begins(&text, "@ERROR") {
            return Err(unexpected(&text));
        }
    }
    Err(ProtocolError::new("no end of the list of modules"))
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};

    #[test]
    fn lists() {
        check(
            &named("rsync"),
            &[
                (
                    "<@RSYNCD: 31.0 sha512 md5\n>@RSYNCD: 30.0\n>#list\n<hello\n<data \tours\n<@RSYNCD: EXIT",
                    "",
                ),
                ("<@RSYNCD: 29\n>@RSYNCD: 30.0\n>#list\n<@RSYNCD: EXIT", ""),
                (
                    "<@RSYNCD: 31.0\n>@RSYNCD: \n<@ERROR: max connections (2) reached",
                    "answers `@ERROR: max",
                ),
                ("<@RSYNCD: 31.0\n>@RSYNCD: \n>#list\n<data", "the server hung up"),
                ("<@ERROR: no", "the server answers `@ERROR: no`"),
                ("<@RSYNCD: x", "the server answers `@RSYNCD: x`"),
                ("<.@RSY", "the server hung up"),
            ],
        );
    }
}
