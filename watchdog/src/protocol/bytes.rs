//! Reading of binary messages: exact lengths, and fields that may be missing.
//!
//! Not here: lines (`protocol`), and what the fields mean.

use tokio::io::AsyncReadExt;

use super::{ProtocolError, Stream};

/// No datagram is longer.
const DATAGRAM: usize = 64 << 10;

/// The next `count` bytes of a stream; at most `most`.
pub(super) async fn exactly(
    stream: &mut dyn Stream,
    count: usize,
    most: usize,
) -> Result<Vec<u8>, ProtocolError> {
    if count > most {
        return Err(ProtocolError::new(format!("a message of {count} bytes, over {most}")));
    }
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The next datagram.
pub(super) async fn datagram(stream: &mut dyn Stream) -> Result<Vec<u8>, ProtocolError> {
    let mut bytes = vec![0; DATAGRAM];
    let length = stream.read(&mut bytes).await?;
    bytes.truncate(length);
    if bytes.is_empty() {
        return Err(ProtocolError::hang_up());
    }
    Ok(bytes)
}

/// Bytes that nobody can foresee.
pub(super) fn random<const N: usize>() -> Result<[u8; N], ProtocolError> {
    let mut bytes = [0; N];
    let flags = rustix::rand::GetRandomFlags::empty();
    match rustix::rand::getrandom(bytes.as_mut_slice(), flags) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(ProtocolError::new("the kernel gives no random numbers")),
    }
}

/// What is left of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], ProtocolError> {
        let (first, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(first)
    }

    /// The next bytes, of a number that stands in the program.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (first, rest) = self.0.split_first_chunk().ok_or_else(short)?;
        self.0 = rest;
        Ok(*first)
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, ProtocolError> {
        self.array().map(|[byte]| byte)
    }

    /// The text up to a zero byte, which is taken too.
    pub(super) fn text(&mut self) -> Result<String, ProtocolError> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(short)?;
        let text = self.bytes(end)?;
        self.0 = self.0.get(1..).unwrap_or_default();
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

fn short() -> ProtocolError {
    ProtocolError::new("the answer is cut short")
}
