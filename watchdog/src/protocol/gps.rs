//! gpsd: its greeting, an object of the class VERSION in JSON (`gpsd_json(5)`).
//!
//! Not here: where we are.

use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, line};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "gps",
    title: "GPS",
    port: 2947,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 4096;

/// Reads the greeting.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    let text = line(stream, LONGEST).await?;
    let said: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    if said.is_some_and(|said| said["class"] == "VERSION") {
        return Ok(());
    }
    Err(ProtocolError::new(format!("GPS: this is no gpsd: {text}")))
}
