//! MQTT 3.1.1 (OASIS standard, sections 3.1, 3.2, 3.14): CONNECT, CONNACK, DISCONNECT.
//!
//! Not here: topics and messages.

use super::bytes::{exactly, random};
use super::conversation::WithLogin;
use super::digest::hex;
use super::login::Login;
use super::{Conversation, Definition, Peer, ProtocolError, Stream, leave, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "mqtt",
    title: "MQTT",
    port: 1883,
    tls: false,
    conversation: CONVERSATION,
}];

const CONVERSATION: Conversation = Conversation::WithLogin(WithLogin {
    talk: |login, stream, peer| Box::pin(talk(login, stream, peer)),
    before_tls: None,
    needs_password: false,
    login: None,
});

/// A text with its length before it. Longer ones no sentence holds.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let bytes = text.as_bytes().iter().copied().take(usize::from(length));
    length.to_be_bytes().into_iter().chain(bytes).collect()
}

/// Connects and leaves.
async fn talk(
    login: Option<&Login>,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
) -> Result<(), ProtocolError> {
    // The name of a client throws out another of this name, so that ours is a new one each time.
    let mut body = text(&format!("watchdog-{}", hex(&random::<6>()?)));
    let mut flags = 2;
    if let Some(login) = login {
        flags |= 0x80;
        body.extend(text(&login.username));
        if let Some(password) = login.password.as_ref().and(peer.password) {
            flags |= 0x40;
            body.extend(text(password));
        }
    }
    let head = [text("MQTT"), vec![4, flags, 0, 60]].concat();
    let mut packet = vec![0x10];
    let mut length = head.len() + body.len();
    while length > 127 {
        packet.push((length % 128) as u8 | 128);
        length /= 128;
    }
    packet.push(length as u8);
    packet.extend(head);
    packet.extend(body);
    say(stream, &packet).await?;
    match exactly(stream, 4, 4).await?.as_slice() {
        [0x20, 2, _, 0] => {
            leave(stream, &[0xe0, 0]).await;
            Ok(())
        }
        [0x20, 2, _, code] => {
            let why = match code {
                1 => "the version of the protocol",
                2 => "the client's name",
                3 => "the server is not available",
                4 => "user or password",
                5 => "not authorized",
                _ => "unknown reason",
            };
            Err(ProtocolError::new(format!("MQTT: connection refused: {why} ({code})")))
        }
        _ => Err(ProtocolError::new("MQTT: the answer is no CONNACK")),
    }
}
