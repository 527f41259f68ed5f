//! Connections to ports, Unix sockets and URLs, and pings: how one is made, how it went, and the tests
//! about that. In hosts and in processes.
//!
//! Pure. Not here: making them (`observe::connection`), and what is said over them (`protocol`).

mod conversation;
mod sentence;
mod tls;
mod verdict;
mod words;

pub(super) use verdict::cause;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::metric::Operator;
use crate::protocol::generic::Script;
use crate::protocol::{Carrier, Protocol};

pub use conversation::{Certificate, Conversation, Outcome};
pub use tls::{Tls, TlsVersion};

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
            Self::Protocol(protocol) => protocol.definition().tls,
        }
    }

    /// What is asked for, as Monit adds it to the port.
    pub fn request(&self) -> &str {
        match self {
            Self::Protocol(protocol) => protocol.request(),
            Self::Nothing | Self::Script(_) => "",
        }
    }

    /// The protocol's name in Monit's log.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Nothing => "DEFAULT",
            Self::Script(_) => "generic",
            Self::Protocol(protocol) => protocol.definition().title,
        }
    }
}
