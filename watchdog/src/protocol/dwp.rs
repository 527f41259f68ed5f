//! DWP, as Monit has it: `HEAD / DWP/1.1`, and a status below 400 in the first line of the answer.
//!
//! There is no document about it but Monit's manual, which only names it. Not here: HTTP.

use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, line, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "dwp",
    title: "DWP",
    port: 0,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 1024;

/// Asks.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    say(stream, b"HEAD / DWP/1.1\r\n\r\n").await?;
    let answer = line(stream, LONGEST).await?;
    match answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()) {
        Some(100..400) => Ok(()),
        Some(status) => Err(ProtocolError::new(format!("DWP: Server returned status {status}"))),
        None => Err(ProtocolError::new(format!("DWP: no status in {answer}"))),
    }
}
