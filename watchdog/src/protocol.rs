//! Short conversations that show whether a server is alive: one protocol, one file.
//!
//! A protocol sees a stream and nothing else: it opens no socket, knows no TLS and keeps no time. Not
//! here: making the connection (`observe::connection`) and the sentence (`config::grammar`).

mod ssh;

use std::fmt;
use std::path::Path;

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
    /// What [`Protocol::before_tls`] has read, where TLS was begun behind it.
    pub greeting: Option<&'a [u8]>,
    /// What stands in [`Protocol::password_file`].
    pub password: Option<&'a str>,
}

impl<'a> Peer<'a> {
    /// In clear, without a password.
    pub fn new(host: &'a str, port: u16, carrier: Carrier) -> Self {
        Self { host, port, carrier, private: false, greeting: None, password: None }
    }
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
    /// All that a sentence can name, without options; in alphabetical order.
    pub const NAMES: &'static [(&'static str, Self)] = &[("ssh", Self::Ssh)];

    /// Names that later work brings; in alphabetical order.
    pub const NAMES_LATER: &'static [&'static str] = &[
        "apache-status",
        "clamav",
        "default",
        "dns",
        "dwp",
        "fail2ban",
        "ftp",
        "gps",
        "http",
        "https",
        "imap",
        "imaps",
        "ldap2",
        "ldap3",
        "lmtp",
        "memcache",
        "mongodb",
        "mqtt",
        "mysql",
        "mysqls",
        "nntp",
        "ntp3",
        "pgsql",
        "pop",
        "pops",
        "postfix-policy",
        "radius",
        "rdate",
        "redis",
        "rsync",
        "sieve",
        "sip",
        "smtp",
        "smtps",
        "spamassassin",
        "tns",
        "websocket",
    ];

    /// The protocol of a name, without options.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(own, _)| *own == name).map(|(_, protocol)| protocol.clone())
    }

    /// The name in a sentence.
    pub fn name(&self) -> &'static str {
        let kind = std::mem::discriminant(self);
        let own = |(_, one): &&(_, Self)| std::mem::discriminant(one) == kind;
        Self::NAMES.iter().find(own).map_or("", |(name, _)| name)
    }

    /// Whether the name alone says that it is talked inside TLS (`https`).
    pub fn wants_tls(&self) -> bool {
        match self {
            Self::Ssh => false,
        }
    }

    /// The port where a sentence names none, as in `failed url https://…`; 0 where there is no usual one.
    pub fn port(&self) -> u16 {
        match self {
            Self::Ssh => 22,
        }
    }

    /// The file of root's with the password to be said. Who makes the connection reads it at each one, and
    /// gives it as [`Peer::password`].
    pub fn password_file(&self) -> Option<&Path> {
        match self {
            Self::Ssh => None,
        }
    }

    /// Talks until TLS may begin, where the server wants to be asked for TLS. Most are not: then nothing is
    /// said, and nothing comes back.
    ///
    /// # Errors
    /// The server says something wrong, does not want TLS, or hangs up.
    pub async fn before_tls(
        &self,
        _stream: &mut dyn Stream,
        _peer: &Peer<'_>,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        match self {
            Self::Ssh => Ok(None),
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

/// As a sentence names it, with all options: what the grammar reads back as the same.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Ssh => Ok(()),
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
