//! MongoDB: the command `ping` in an OP_MSG ("MongoDB Wire Protocol", and bsonspec.org). Servers since 3.6
//! know it, and want no login for it.
//!
//! Not here: any other command.

use super::bytes::{Fields, exactly};
use super::conversation::plain;
use super::{Definition, ProtocolError, Stream, say};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "mongodb",
    title: "MONGODB",
    port: 27017,
    tls: false,
    conversation: plain(|stream, _| Box::pin(talk(stream))),
}];

const LONGEST: usize = 64 << 10;
const OP_MSG: i32 = 2013;

/// `{ ping: 1, $db: "admin" }`
const PING: &[u8] = b"\x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

/// Asks.
async fn talk(stream: &mut dyn Stream) -> Result<(), ProtocolError> {
    // Length, our number, none answered; then no flags, and a section with one document.
    let length = (16 + 5 + PING.len()) as i32;
    let head = [length, 1, 0, OP_MSG, 0].map(i32::to_le_bytes).concat();
    say(stream, &[&head, [0].as_slice(), PING].concat()).await?;
    let head = exactly(stream, 16, 16).await?;
    let mut fields = Fields(&head);
    let length = i32::from_le_bytes(fields.array()?);
    let _number = fields.array::<4>()?;
    let answered = i32::from_le_bytes(fields.array()?);
    let kind = i32::from_le_bytes(fields.array()?);
    let wrong = |text: &str| ProtocolError::new(format!("MONGODB: {text}"));
    if (answered, kind) != (1, OP_MSG) {
        return Err(wrong("this is no answer to an OP_MSG"));
    }
    let rest = usize::try_from(length).ok().and_then(|length| length.checked_sub(16));
    let body = exactly(stream, rest.ok_or_else(|| wrong("a bad length"))?, LONGEST).await?;
    let mut fields = Fields(&body);
    let _flags = fields.array::<4>()?;
    if fields.byte()? != 0 {
        return Err(wrong("the answer does not begin with a document"));
    }
    let _length = fields.array::<4>()?;
    judge(fields)
}

/// Whether `ok` is 1 in a document.
fn judge(mut fields: Fields<'_>) -> Result<(), ProtocolError> {
    let mut why = String::new();
    loop {
        let kind = fields.byte()?;
        if kind == 0 {
            return Err(ProtocolError::new(format!("MONGODB: the server is not well: {why}")));
        }
        let name = fields.text()?;
        let ok = match kind {
            0x01 => f64::from_le_bytes(fields.array()?) == 1.0,
            0x10 => i32::from_le_bytes(fields.array()?) == 1,
            0x12 => i64::from_le_bytes(fields.array()?) == 1,
            0x08 => fields.byte()? == 1,
            0x02 => {
                let _length = fields.array::<4>()?;
                let text = fields.text()?;
                if name == "errmsg" {
                    why = text;
                }
                false
            }
            // Documents and arrays count their own length.
            0x03 | 0x04 => {
                let length = u32::from_le_bytes(fields.array()?) as usize;
                let _ = fields.bytes(length.saturating_sub(4))?;
                false
            }
            0x05 => {
                let length = u32::from_le_bytes(fields.array()?) as usize;
                let _ = fields.bytes(length.saturating_add(1))?;
                false
            }
            0x07 => fields.array::<12>().map(|_| false)?,
            0x09 | 0x11 => fields.array::<8>().map(|_| false)?,
            0x0a => false,
            _ => return Err(ProtocolError::new(format!("MONGODB: unknown type {kind}"))),
        };
        if name == "ok" && ok {
            return Ok(());
        }
    }
}
