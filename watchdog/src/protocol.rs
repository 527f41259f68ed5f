//! Short conversations that show whether a server is alive: one protocol, one file.
//!
//! A protocol sees a stream and nothing else: it opens no socket, knows no TLS and keeps no time. Not
//! here: making the connection (`observe::connection`) and the sentence (`config::grammar`).

mod apache_status;
mod bytes;
mod clamav;
mod digest;
mod dns;
mod dwp;
mod fail2ban;
mod ftp;
pub mod generic;
mod gps;
#[cfg(test)]
mod hostile;
mod http;
mod imap;
mod ldap;
mod lmtp;
mod login;
mod memcache;
mod mongodb;
mod mqtt;
mod mysql;
mod nntp;
mod ntp;
mod pattern;
mod pgsql;
mod pop;
mod postfix_policy;
mod radius;
mod rdate;
mod redis;
mod reply;
mod rsync;
mod scram;
#[cfg(test)]
mod scripted;
mod sieve;
mod sip;
mod smtp;
mod spamassassin;
mod ssh;
#[cfg(test)]
pub(crate) mod tests;
mod tns;
mod websocket;

use std::fmt;
use std::path::{Path, PathBuf};

pub use apache_status::{ApacheStatus, STATES as WORKER_STATES, WorkerLimit};
pub use digest::Checksum;
pub use http::Http;
pub use login::Login;
pub use pattern::{Pattern, Quoted};
pub use pgsql::Pgsql;
pub use smtp::Login as SmtpLogin;
pub use websocket::Websocket;

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
    /// What our clock says, in seconds since 1970; where it is not given, no other is compared with it.
    pub unix_seconds: Option<i64>,
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
        }
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

    /// The server has ended the connection.
    pub fn hang_up() -> Self {
        Self("the server hung up".to_owned())
    }

    /// Whether it is that.
    pub fn hung_up(&self) -> bool {
        *self == Self::hang_up()
    }
}

impl From<std::io::Error> for ProtocolError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset => Self::hang_up(),
            _ => Self(plain(&error)),
        }
    }
}

/// A protocol with what its sentence says of it. One variant, one file; Monit's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// `apache-status`
    ApacheStatus(ApacheStatus),
    /// `clamav`
    Clamav,
    /// `dns`
    Dns,
    /// `dwp`
    Dwp,
    /// `fail2ban`
    Fail2ban,
    /// `ftp`
    Ftp,
    /// `gps`
    Gps,
    /// `http`
    Http(Http),
    /// `https`
    Https(Http),
    /// `imap`
    Imap,
    /// `imaps`
    Imaps,
    /// `ldap2`
    Ldap2,
    /// `ldap3`
    Ldap3,
    /// `lmtp`
    Lmtp,
    /// `memcache`
    Memcache,
    /// `mongodb`
    Mongodb,
    /// `mqtt`
    Mqtt(Option<Login>),
    /// `mysql`
    Mysql(Option<Login>),
    /// `mysqls`: TLS is asked for behind the greeting
    Mysqls(Option<Login>),
    /// `nntp`
    Nntp,
    /// `ntp3`
    Ntp3,
    /// `pgsql`
    Pgsql(Pgsql),
    /// `pop`
    Pop,
    /// `pops`
    Pops,
    /// `postfix-policy`
    PostfixPolicy,
    /// `radius`, with the file of the secret
    Radius(Option<PathBuf>),
    /// `rdate`
    Rdate,
    /// `redis`
    Redis,
    /// `rsync`
    Rsync,
    /// `sieve`
    Sieve,
    /// `sip target bob@pbx maxforward 70`
    Sip {
        /// Who is asked for, without `sip:`; none: the host itself.
        target: Option<String>,
        /// How many proxies may pass it on; 70 unless told (RFC 3261, section 8.1.1.6).
        max_forward: u8,
    },
    /// `smtp`
    Smtp {
        /// The login, if there is to be one.
        login: Option<SmtpLogin>,
    },
    /// `smtps`
    Smtps {
        /// The login, if there is to be one.
        login: Option<SmtpLogin>,
    },
    /// `spamassassin`
    Spamassassin,
    /// `ssh`
    Ssh,
    /// `tns`
    Tns,
    /// `websocket`
    Websocket(Websocket),
}

impl Protocol {
    /// All that a sentence can name, without options; in alphabetical order.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("apache-status", Self::ApacheStatus(ApacheStatus::PLAIN)),
        ("clamav", Self::Clamav),
        ("dns", Self::Dns),
        ("dwp", Self::Dwp),
        ("fail2ban", Self::Fail2ban),
        ("ftp", Self::Ftp),
        ("gps", Self::Gps),
        ("http", Self::Http(Http::PLAIN)),
        ("https", Self::Https(Http::PLAIN)),
        ("imap", Self::Imap),
        ("imaps", Self::Imaps),
        ("ldap2", Self::Ldap2),
        ("ldap3", Self::Ldap3),
        ("lmtp", Self::Lmtp),
        ("memcache", Self::Memcache),
        ("mongodb", Self::Mongodb),
        ("mqtt", Self::Mqtt(None)),
        ("mysql", Self::Mysql(None)),
        ("mysqls", Self::Mysqls(None)),
        ("nntp", Self::Nntp),
        ("ntp3", Self::Ntp3),
        ("pgsql", Self::Pgsql(Pgsql::PLAIN)),
        ("pop", Self::Pop),
        ("pops", Self::Pops),
        ("postfix-policy", Self::PostfixPolicy),
        ("radius", Self::Radius(None)),
        ("rdate", Self::Rdate),
        ("redis", Self::Redis),
        ("rsync", Self::Rsync),
        ("sieve", Self::Sieve),
        ("sip", Self::Sip { target: None, max_forward: 70 }),
        ("smtp", Self::Smtp { login: None }),
        ("smtps", Self::Smtps { login: None }),
        ("spamassassin", Self::Spamassassin),
        ("ssh", Self::Ssh),
        ("tns", Self::Tns),
        ("websocket", Self::Websocket(Websocket::PLAIN)),
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
        matches!(
            self,
            Self::Https(_) | Self::Imaps | Self::Mysqls(_) | Self::Pops | Self::Smtps { .. }
        )
    }

    /// The port where a sentence names none, as in `failed url https://…`; 0 where there is no usual one.
    pub fn port(&self) -> u16 {
        match self {
            Self::Clamav => 3310,
            Self::Dwp | Self::Fail2ban | Self::PostfixPolicy => 0,
            Self::Ftp => 21,
            Self::ApacheStatus(_) | Self::Http(_) | Self::Websocket(_) => 80,
            Self::Https(_) => 443,
            Self::Imap => 143,
            Self::Imaps => 993,
            Self::Lmtp => 24,
            Self::Nntp => 119,
            Self::Pop => 110,
            Self::Pops => 995,
            Self::Rsync => 873,
            Self::Sieve => 4190,
            Self::Sip { .. } => 5060,
            Self::Smtp { .. } => 25,
            Self::Smtps { .. } => 465,
            Self::Spamassassin => 783,
            Self::Dns => 53,
            Self::Gps => 2947,
            Self::Memcache => 11211,
            Self::Mongodb => 27017,
            Self::Mqtt(_) => 1883,
            Self::Ntp3 => 123,
            Self::Pgsql(_) => 5432,
            Self::Radius(_) => 1812,
            Self::Rdate => 37,
            Self::Redis => 6379,
            Self::Tns => 1521,
            Self::Ldap2 | Self::Ldap3 => 389,
            Self::Mysql(_) | Self::Mysqls(_) => 3306,
            Self::Ssh => 22,
        }
    }

    /// The file of root's with the password to be said. Who makes the connection reads it at each one, and
    /// gives it as [`Peer::password`].
    pub fn password_file(&self) -> Option<&Path> {
        match self {
            Self::ApacheStatus(status) => status.http.password_file(),
            Self::Http(http) | Self::Https(http) => http.password_file(),
            Self::Mqtt(login) | Self::Mysql(login) | Self::Mysqls(login) => {
                login.as_ref().and_then(|login| login.password.as_deref())
            }
            Self::Pgsql(pgsql) => pgsql.login.as_ref().and_then(|login| login.password.as_deref()),
            Self::Radius(secret) => secret.as_deref(),
            Self::Smtp { login } | Self::Smtps { login } => {
                login.as_ref().map(|login| login.password_file.as_path())
            }
            _ => None,
        }
    }

    /// Talks until TLS may begin, where the server wants to be asked for TLS. Most are not: then nothing is
    /// said, and nothing comes back.
    ///
    /// # Errors
    /// The server says something wrong, does not want TLS, or hangs up.
    pub async fn before_tls(
        &self,
        stream: &mut dyn Stream,
        _peer: &Peer<'_>,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        match self {
            Self::Mysql(_) | Self::Mysqls(_) => mysql::before_tls(stream).await.map(Some),
            Self::Pgsql(_) => pgsql::before_tls(stream).await.map(|()| None),
            _ => Ok(None),
        }
    }

    /// Talks until it is clear that the server is alive.
    ///
    /// # Errors
    /// The server says something wrong, or hangs up.
    pub async fn talk(
        &self,
        stream: &mut dyn Stream,
        peer: &Peer<'_>,
    ) -> Result<(), ProtocolError> {
        match self {
            Self::Clamav => clamav::talk(stream).await,
            Self::Fail2ban => fail2ban::talk(stream).await,
            Self::Ftp => ftp::talk(stream).await,
            Self::ApacheStatus(status) => apache_status::talk(status, stream, peer).await,
            Self::Dns => dns::talk(stream, peer).await,
            Self::Dwp => dwp::talk(stream).await,
            Self::Gps => gps::talk(stream).await,
            Self::Http(http) | Self::Https(http) => http::talk(http, stream, peer).await,
            Self::Ldap2 => ldap::talk(2, stream).await,
            Self::Ldap3 => ldap::talk(3, stream).await,
            Self::Memcache => memcache::talk(stream).await,
            Self::Mongodb => mongodb::talk(stream).await,
            Self::Mqtt(login) => mqtt::talk(login.as_ref(), stream, peer).await,
            Self::Mysql(login) | Self::Mysqls(login) => {
                mysql::talk(login.as_ref(), stream, peer).await
            }
            Self::Ntp3 => ntp::talk(stream, peer).await,
            Self::Pgsql(pgsql) => pgsql::talk(pgsql, stream, peer).await,
            Self::Radius(_) => radius::talk(stream, peer).await,
            Self::Rdate => rdate::talk(stream, peer).await,
            Self::Redis => redis::talk(stream).await,
            Self::Tns => tns::talk(stream).await,
            Self::Websocket(websocket) => websocket::talk(websocket, stream, peer).await,
            Self::Imap | Self::Imaps => imap::talk(stream).await,
            Self::Lmtp => lmtp::talk(stream).await,
            Self::Nntp => nntp::talk(stream).await,
            Self::Pop | Self::Pops => pop::talk(stream).await,
            Self::PostfixPolicy => postfix_policy::talk(stream).await,
            Self::Rsync => rsync::talk(stream).await,
            Self::Sieve => sieve::talk(stream).await,
            Self::Sip { target, max_forward } => {
                sip::talk(stream, peer, target.as_deref(), *max_forward).await
            }
            Self::Smtp { login } | Self::Smtps { login } => {
                smtp::talk(stream, peer, login.as_ref()).await
            }
            Self::Spamassassin => spamassassin::talk(stream).await,
            Self::Ssh => ssh::talk(stream).await,
        }
    }
}

/// As a sentence names it, with all options: what the grammar reads back as the same.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::ApacheStatus(status) => status.fmt(f),
            Self::Http(http) | Self::Https(http) => http.fmt(f),
            Self::Mqtt(Some(login)) | Self::Mysql(Some(login)) | Self::Mysqls(Some(login)) => {
                login.fmt(f)
            }
            Self::Pgsql(pgsql) => pgsql.fmt(f),
            Self::Radius(Some(path)) => {
                write!(f, " secret file {}", Quoted(&path.to_string_lossy()))
            }
            Self::Websocket(websocket) => websocket.fmt(f),
            Self::Sip { target, max_forward } => {
                if let Some(target) = target {
                    write!(f, " target {target}")?;
                }
                if *max_forward == 70 { Ok(()) } else { write!(f, " maxforward {max_forward}") }
            }
            Self::Smtp { login: Some(login) } | Self::Smtps { login: Some(login) } => {
                write!(f, " {login}")
            }
            _ => Ok(()),
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

/// What went wrong, without the number that the standard library adds: as Monit logs it.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
