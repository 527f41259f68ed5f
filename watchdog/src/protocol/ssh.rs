//! SSH: the server's identification (RFC 4253, section 4.2), answered with ours.

use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "ssh",
    title: "SSH",
    port: 22,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

/// Lines before the identification (section 4.2 allows any number).
const LINES: usize = 32;
const LONGEST: usize = 1024;

/// Reads the identification and gives ours.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    for _ in 0..LINES {
        let text = line(stream, LONGEST).await?;
        if text.starts_with("SSH-2.0-") || text.starts_with("SSH-1.99-") {
            return say(stream, b"SSH-2.0-ebpf_watchdog\r\n").await;
        }
        if text.starts_with("SSH-") {
            return Err(ProtocolError::new(format!("an old protocol: {text}")));
        }
    }
    Err(ProtocolError::new("no SSH identification"))
}
