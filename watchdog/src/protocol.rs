//! Short conversations that show whether a server is alive: one protocol, one file.
//!
//! A protocol sees a stream and nothing else: it opens no socket, knows no TLS and keeps no time. Not
//! here: making the connection (`observe::connection`) and the sentence (`config::grammar`).

mod ssh;

use std::fmt;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

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

/// The other end, for what must be said in the conversation.
#[derive(Debug, Clone, Copy)]
pub struct Peer<'a> {
    /// Name or address as configured; for a Unix socket `localhost`.
    pub host: &'a str,
    /// 0 for a Unix socket.
    pub port: u16,
    /// What carries the stream.
    pub carrier: Carrier,
}

/// Why a server is not taken for alive. Hostile text inside: each sink escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError(pub String);

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ProtocolError {
    /// With this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<std::io::Error> for ProtocolError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self("the server hung up".to_owned()),
            _ => Self(error.to_string()),
        }
    }
}

/// A protocol with what its sentence says of it. One variant, one file; Monit's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// `ssh`
    Ssh,
}

impl Protocol {
    /// All that a sentence can name, without options.
    pub const NAMES: &'static [(&'static str, Self)] = &[("ssh", Self::Ssh)];

    /// The name in a sentence.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
        }
    }

    /// Talks until it is clear that the server is alive.
    ///
    /// # Errors
    /// The server says something wrong, or hangs up.
    pub async fn talk(
        &self,
        stream: &mut dyn Stream,
        _peer: &Peer<'_>,
    ) -> Result<(), ProtocolError> {
        match self {
            Self::Ssh => ssh::talk(stream).await,
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
