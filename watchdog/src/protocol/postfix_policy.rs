//! Postfix's policy delegation: one request, one action (`SMTPD_POLICY_README` of Postfix).
//!
//! The request names documentation addresses only (RFC 2606, RFC 5737), so that a server which keeps
//! a record of what it is asked (greylisting) keeps one that means nobody.

use super::conversation::plain;
use super::reply::unexpected;
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "postfix-policy",
    title: "POSTFIX-POLICY",
    port: 0,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 4096;
/// Attributes of an answer.
const LINES: usize = 64;

const REQUEST: &str = "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n\
    helo_name=client.example\nqueue_id=\nsender=ebpf-watchdog@client.example\n\
    recipient=postmaster@server.example\nrecipient_count=0\nclient_address=192.0.2.1\n\
    client_name=client.example\nreverse_client_name=client.example\ninstance=ebpf-watchdog\n\n";

/// Asks once; whatever it decides, it decides.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, REQUEST.as_bytes()).await?;
    let mut action = false;
    for _ in 0..LINES {
        let text = line(stream, LONGEST).await?;
        if text.is_empty() && action {
            return Ok(());
        }
        match text.split_once('=') {
            Some(("action", what)) if !what.trim().is_empty() => action = true,
            Some((name, _)) if name != "action" => {}
            _ => return Err(unexpected(&text)),
        }
    }
    Err(ProtocolError::new("no end of the answer"))
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{check, named};
    use super::REQUEST;

    #[test]
    fn answers() {
        let asked: String = REQUEST.lines().map(|line| format!(">{line}\n")).collect();
        let answered = |answer: &str| format!("{asked}{answer}");
        check(
            &named("postfix-policy"),
            &[
                (&answered("<action=DUNNO\n<"), ""),
                (&answered("<instance=1\n<action=451 4.7.1 try again later\n<"), ""),
                (&answered("<action=DUNNO"), "the server hung up"),
                (&answered("<action=\n<"), "the server answers `action=`"),
                (&answered("<what?"), "the server answers `what?`"),
                (&answered("<"), "the server answers ``"),
            ],
        );
    }
}
