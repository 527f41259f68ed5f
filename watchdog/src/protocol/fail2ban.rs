//! Fail2ban's server on its Unix socket: the command `ping`, the answer `pong`.
//!
//! Both are Python pickles that end with a mark (`fail2ban/protocol.py` and `server/asyncserver.py` of
//! Fail2ban). Nothing is unpickled: a pickle is a program. We look for what the answer must hold.

use tokio::io::AsyncReadExt as _;

use super::conversation::plain;
use super::reply::unexpected;
use super::{Definition, ProtocolError, Stream, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "fail2ban",
    title: "FAIL2BAN",
    port: 0,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

/// `['ping']` in version 2 of the format, which Python 2 and 3 read.
const PING: &[u8] = b"\x80\x02]q\x00X\x04\x00\x00\x00pingq\x01a.";
const END: &[u8] = b"<F2B_END_COMMAND>";
/// An answer to a ping has some 40 bytes.
const LONGEST: usize = 4096;

/// Asks once.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, &[PING, END].concat()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(END) {
        if answer.len() == LONGEST {
            return Err(ProtocolError::new(format!("an answer of over {LONGEST} bytes")));
        }
        answer.push(stream.read_u8().await?);
    }
    if pong(&answer) { Ok(()) } else { Err(unexpected(&String::from_utf8_lossy(&answer))) }
}

/// Whether it is a pickle of the pair `(0, 'pong')`: the number's opcode, then the text's, its length
/// before it, whatever the version puts between them.
fn pong(answer: &[u8]) -> bool {
    let holds = |what: &[u8]| answer.windows(what.len()).position(|bytes| bytes == what);
    let text: [&[u8]; 3] = [b"X\x04\x00\x00\x00pong", b"\x8c\x04pong", b"U\x04pong"];
    let number = holds(b"K\x00");
    let text = text.into_iter().find_map(holds);
    answer.first() == Some(&0x80) && number.is_some() && number < text
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check_bytes, named};
    use super::*;

    #[test]
    fn answers() {
        let asked = [PING, END].concat();
        // What Fail2ban 1.0 (version 4 of the format), 0.11 on Python 3 and 0.8 on Python 2 answer.
        let right: [&[u8]; 3] = [
            b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00K\x00\x8c\x04pong\x94\x86\x94.",
            b"\x80\x02K\x00X\x04\x00\x00\x00pongq\x00\x86q\x01.",
            b"\x80\x02K\x00U\x04pongq\x00\x86q\x01.",
        ];
        for answer in right {
            check_bytes(&named("fail2ban"), &asked, &[answer, END].concat(), "");
            check_bytes(&named("fail2ban"), &asked, answer, "the server hung up");
        }
        let wrong: [&[u8]; 4] = [
            b"\x80\x04K\x01\x8c\x04pong\x94\x86\x94.",
            b"\x80\x04K\x00\x8c\x04ping\x94\x86\x94.",
            b"K\x00pong",
            b"",
        ];
        for answer in wrong {
            check_bytes(&named("fail2ban"), &asked, &[answer, END].concat(), "the server answers");
        }
        check_bytes(&named("fail2ban"), &asked, &[b'x'; 5000], "an answer of over 4096 bytes");
    }
}
