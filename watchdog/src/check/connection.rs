//! Connections to ports, Unix sockets and URLs, and pings: how one is made, how it went, and the tests
//! about that. In hosts and in processes.
//!
//! Pure. Not here: making them (`observe::connection`), and what is said over them (`protocol`).

mod verdict;
mod words;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metric::Operator;
use crate::protocol::generic::Script;
use crate::protocol::{Carrier, Checksum, Protocol, Quoted};

/// A test of a connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Holds where all is well (`succeeded …`), not where something is wrong (`failed …`).
    pub succeeded: bool,
    /// The connection it is about.
    pub connection: Arc<Connection>,
    /// How long the answer may take: what must hold, as in Monit.
    pub response: Option<(Operator, Duration)>,
    /// For how many days more the server's certificate must be valid.
    pub valid_days: Option<u32>,
}

/// A connection as it is to be made: all that decides how it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// To what.
    pub to: To,
    /// Each attempt as a whole (name, connection, encryption, conversation) is inside this.
    pub timeout: Duration,
    /// Attempts until it has failed; at least 1.
    pub retry: u32,
}

impl Connection {
    /// Monit's default.
    pub const TIMEOUT: Duration = Duration::from_secs(5);
}

/// What is connected to.
#[derive(Debug, Clone, PartialEq)]
pub enum To {
    /// A port.
    Port(Port),
    /// A Unix socket.
    Unix(Unix),
    /// A host, by an echo of the Internet protocol itself.
    Ping(Ping),
}

/// A port of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// Name or address; none: the service's, which is `localhost` for a process.
    pub host: Option<String>,
    /// Its number, never 0.
    pub number: u16,
    /// The address of ours to connect from.
    pub from: Option<IpAddr>,
    /// Only this version of the protocol.
    pub family: Option<Family>,
    /// TCP or UDP.
    pub carrier: Carrier,
    /// Encryption, if there is to be some.
    pub tls: Option<Tls>,
    /// What is said.
    pub talk: Talk,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whether the certificate must be good: by an authority that is known, for this name, of today.
    pub verify: bool,
    /// PEM file with authorities that are known besides the host's.
    pub ca_file: Option<PathBuf>,
    /// The name that the certificate must be for, in place of the host's.
    pub name: Option<String>,
    /// The certificate must be this one.
    pub checksum: Option<Checksum>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { verify: true, ca_file: None, name: None, checksum: None }
    }
}

/// Echo requests (RFC 792, RFC 4443).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// Only this version of the protocol.
    pub family: Option<Family>,
    /// Requests at most: one that is answered is enough.
    pub count: u32,
    /// Bytes that are to come back.
    pub size: u32,
    /// The address of ours to ask from.
    pub from: Option<IpAddr>,
}

impl Default for Ping {
    /// Monit's.
    fn default() -> Self {
        Self { family: None, count: 3, size: 64, from: None }
    }
}

/// A Unix socket.
#[derive(Debug, Clone, PartialEq)]
pub struct Unix {
    /// Where it is.
    pub path: PathBuf,
    /// Of streams or of datagrams.
    pub carrier: Carrier,
    /// What is said.
    pub talk: Talk,
}

/// A version of the Internet protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Whether the address is of it.
    pub fn has(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }
}

/// What is said over a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Talk {
    /// Nothing: that there is a connection is enough.
    Nothing,
    /// What the sentence says, word by word.
    Script(Script),
    /// A protocol.
    Protocol(Protocol),
}

impl Talk {
    /// Whether its name says that it is encrypted.
    pub fn wants_tls(&self) -> bool {
        match self {
            Self::Nothing | Self::Script(_) => false,
            Self::Protocol(protocol) => protocol.wants_tls(),
        }
    }

    /// What is asked for, as Monit adds it to the port.
    pub fn request(&self) -> &str {
        match self {
            Self::Protocol(Protocol::Http(http) | Protocol::Https(http)) => &http.request,
            Self::Nothing | Self::Script(_) | Self::Protocol(_) => "",
        }
    }

    /// The protocol's name in Monit's log.
    pub fn title(&self) -> String {
        match self {
            Self::Nothing => "DEFAULT".to_owned(),
            Self::Script(_) => "generic".to_owned(),
            Self::Protocol(protocol) => match protocol.name() {
                "apache-status" => "APACHESTATUS".to_owned(),
                "https" => "HTTP".to_owned(),
                "imaps" => "IMAP".to_owned(),
                "mysqls" => "MYSQL".to_owned(),
                "pops" => "POP".to_owned(),
                "smtps" => "SMTP".to_owned(),
                name => name.to_ascii_uppercase(),
            },
        }
    }
}

/// How one connection went. Which of the service's connections it was is told by the sentence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conversation {
    /// The connection's own sentence, without what is asked of it; equal ones are made once. A
    /// password may stand in it: it is shown to nobody and not saved.
    pub with: String,
    /// To what, in Monit's words: `[127.0.0.1]:80 [TCP/IP]`.
    pub at: String,
    /// How it went.
    pub outcome: Outcome,
    /// How long it took until the server had shown that it is alive, in seconds.
    pub seconds: Option<f64>,
    /// The server's certificate, where it has shown one.
    pub certificate: Option<Certificate>,
}

/// A certificate, as far as tests are about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificate {
    /// Its end, in seconds since 1970.
    pub expires: i64,
    /// How long it was still valid when it was seen, in seconds; negative: no longer.
    pub left: i64,
}

impl Certificate {
    /// Whole days that it is still valid, or (negative) is no longer.
    pub fn days(&self) -> i64 {
        self.left.div_euclid(86_400)
    }
}

/// How a connection went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It could not be made for a reason of our own, which says nothing of the server.
    Unknown(String),
    /// The server does not answer, or not as it should; hostile text inside.
    Failed(String),
    /// It is alive.
    #[default]
    Succeeded,
}

impl Conversation {
    pub(super) fn shown(&self) -> serde_json::Value {
        let (succeeded, error) = match &self.outcome {
            Outcome::Unknown(why) => (None, Some(why)),
            Outcome::Failed(why) => (Some(false), Some(why)),
            Outcome::Succeeded => (Some(true), None),
        };
        serde_json::json!({
            "to": self.at,
            "succeeded": succeeded,
            "error": error,
            "response_seconds": self.seconds,
            "certificate_valid_seconds": self.certificate.map(|certificate| certificate.left),
        })
    }
}

/// The sentence of a test, in one form for each meaning.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.succeeded { "succeeded" } else { "failed" };
        write!(f, "{word} {}", self.connection)?;
        if let Some(days) = self.valid_days {
            write!(f, " certificate valid > {days} days")?;
        }
        if let Some((operator, limit)) = self.response {
            write!(f, " responsetime {operator} {}", words::time(limit))?;
        }
        Ok(())
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            To::Port(port) => port.fmt(f)?,
            To::Unix(unix) => unix.fmt(f)?,
            To::Ping(ping) => ping.fmt(f)?,
        }
        if self.timeout != Self::TIMEOUT {
            write!(f, " timeout {}", words::time(self.timeout))?;
        }
        if self.retry != 1 {
            write!(f, " retry {}", self.retry)?;
        }
        Ok(())
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "host {} ", Quoted(host))?;
        }
        write!(f, "port {}", self.number)?;
        if let Some(from) = self.from {
            write!(f, " address {from}")?;
        }
        match self.family {
            Some(Family::V4) => f.write_str(" ipv4")?,
            Some(Family::V6) => f.write_str(" ipv6")?,
            None => {}
        }
        carried(f, self.carrier)?;
        if let Some(tls) = &self.tls {
            tls.options(f, self.talk.wants_tls())?;
        }
        self.talk.fmt(f)
    }
}

impl Tls {
    /// `implied`: the protocol's name says already that there is encryption.
    fn options(&self, f: &mut fmt::Formatter<'_>, implied: bool) -> fmt::Result {
        let mut options = Vec::new();
        if !self.verify {
            options.push("verify: false".to_owned());
        }
        if let Some(file) = &self.ca_file {
            options.push(format!("ca_file: {}", Quoted(&file.to_string_lossy())));
        }
        if let Some(name) = &self.name {
            options.push(format!("name: {}", Quoted(name)));
        }
        match options.as_slice() {
            [] if implied => {}
            [] => f.write_str(" tls")?,
            options => write!(f, " tls with options {{ {} }}", options.join(", "))?,
        }
        match &self.checksum {
            Some(checksum) => write!(f, " certificate checksum {checksum}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.family {
            Some(Family::V4) => "ping4",
            Some(Family::V6) => "ping6",
            None => "ping",
        })?;
        let usual = Self::default();
        if self.count != usual.count {
            write!(f, " count {}", self.count)?;
        }
        if self.size != usual.size {
            write!(f, " size {}", self.size)?;
        }
        match self.from {
            Some(from) => write!(f, " address {from}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Unix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unixsocket {}", Quoted(&self.path.to_string_lossy()))?;
        carried(f, self.carrier)?;
        self.talk.fmt(f)
    }
}

fn carried(f: &mut fmt::Formatter<'_>, carrier: Carrier) -> fmt::Result {
    match carrier {
        Carrier::Stream => Ok(()),
        Carrier::Datagram => f.write_str(" type udp"),
    }
}

impl fmt::Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Script(script) => write!(f, " {script}"),
            Self::Protocol(protocol) => write!(f, " protocol {protocol}"),
        }
    }
}
