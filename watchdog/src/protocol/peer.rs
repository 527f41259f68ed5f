//! What every conversation has: a stream, somebody at its other end, lines.
//!
//! Not here: what is said.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::ProtocolError;

/// What is talked over: a TCP or Unix stream, TLS inside one, or a UDP socket where each write is a
/// datagram and each read gives one.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What carries the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A stream of bytes.
    Stream,
    /// Datagrams.
    Datagram,
}

/// The other end, and what the conversation needs to know of how it was reached.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// Name or address as configured; for a Unix socket `localhost`.
    pub host: &'a str,
    /// 0 for a Unix socket.
    pub port: u16,
    /// What carries the stream.
    pub carrier: Carrier,
    /// Nobody else reads along: TLS, or a Unix socket. Only then is a password said as it is.
    pub private: bool,
    /// What [`before_tls`](super::Protocol::before_tls) has read, where TLS was begun behind it.
    pub greeting: Option<&'a [u8]>,
    /// What stands in [`password_file`](super::Protocol::password_file).
    pub password: Option<&'a str>,
    /// What our clock says, in seconds since 1970; where it is not given, no other is compared with it.
    pub unix_seconds: Option<i64>,
    /// Of a document at most so many bytes are read.
    pub body: usize,
}

impl<'a> Peer<'a> {
    /// In clear, without a password.
    pub fn new(host: &'a str, port: u16, carrier: Carrier) -> Self {
        Self {
            host,
            port,
            carrier,
            private: false,
            greeting: None,
            password: None,
            unix_seconds: None,
            body: 1 << 20,
        }
    }
}

/// A line without its end, of at most `most` bytes.
///
/// # Errors
/// The server hangs up, or says more.
pub async fn line(stream: &mut dyn Stream, most: usize) -> Result<String, ProtocolError> {
    let mut bytes = Vec::new();
    loop {
        let byte = stream.read_u8().await?;
        if byte == b'\n' {
            break;
        }
        bytes.push(byte);
        if bytes.len() > most {
            return Err(ProtocolError::new(format!("a line of over {most} bytes")));
        }
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes all of it.
///
/// # Errors
/// The server has hung up.
pub async fn say(stream: &mut dyn Stream, text: &[u8]) -> Result<(), ProtocolError> {
    stream.write_all(text).await?;
    Ok(stream.flush().await?)
}

/// Says goodbye to a server that has shown that it is alive: it need not hear it.
pub async fn leave(stream: &mut dyn Stream, text: &[u8]) {
    let _ = say(stream, text).await;
}
