//! Replies with a code of three digits, in one line or several: SMTP and LMTP (RFC 5321, section 4.2.1),
//! FTP (RFC 959, section 4.2), NNTP (RFC 3977, section 3.2).
//!
//! Not here: what is asked, and which code is right for it.

use super::{ProtocolError, Stream, line, say};

/// RFC 5321 allows 512 bytes; servers write more.
const LONGEST: usize = 4096;
/// Lines of one reply: greetings may be long, but end.
const LINES: usize = 512;
/// Characters of an answer that an error repeats.
const REPEATED: usize = 160;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Without codes where each line has one.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// This reply if its code is one of `codes`.
    pub(super) fn expect(self, codes: &[u16]) -> Result<Self, ProtocolError> {
        if codes.contains(&self.code) {
            return Ok(self);
        }
        let text = self.lines.first().map_or("", String::as_str);
        Err(unexpected(&format!("{} {text}", self.code)))
    }
}

/// The server answers something that does not show that it works.
pub(super) fn unexpected(answer: &str) -> ProtocolError {
    let short: String = answer.chars().take(REPEATED).collect();
    ProtocolError::new(format!("the server answers `{}`", short.trim()))
}

/// Whether a line begins so, in upper or lower case.
pub(super) fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

/// Reads one reply. The lines between the first and the last of several need no code (RFC 959).
pub(super) async fn reply(stream: &mut dyn Stream) -> Result<Reply, ProtocolError> {
    let first = line(stream, LONGEST).await?;
    let Some((code, more, text)) = parts(&first) else { return Err(unexpected(&first)) };
    let mut lines = vec![text.to_owned()];
    let mut more = more;
    while more {
        if lines.len() == LINES {
            return Err(ProtocolError::new(format!("a reply of over {LINES} lines")));
        }
        let next = line(stream, LONGEST).await?;
        match parts(&next) {
            Some((own, dash, text)) if own == code => {
                more = dash;
                lines.push(text.to_owned());
            }
            _ => lines.push(next),
        }
    }
    Ok(Reply { code, lines })
}

/// Says a line and reads the reply to it.
pub(super) async fn ask(stream: &mut dyn Stream, command: &str) -> Result<Reply, ProtocolError> {
    say(stream, format!("{command}\r\n").as_bytes()).await?;
    reply(stream).await
}

/// Ends the conversation. The server has shown that it works: one that hangs up without a last word
/// is forgiven, one that refuses is not.
pub(super) async fn quit(stream: &mut dyn Stream, code: u16) -> Result<(), ProtocolError> {
    match ask(stream, "QUIT").await {
        Ok(reply) => reply.expect(&[code]).map(drop),
        Err(error) if error.hung_up() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Code, whether lines follow, text.
fn parts(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = code.parse().ok()?;
    match rest.strip_prefix('-') {
        Some(text) => Some((code, true, text)),
        None if rest.is_empty() => Some((code, false, "")),
        None => rest.strip_prefix(' ').map(|text| (code, false, text)),
    }
}
