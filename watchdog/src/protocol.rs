//! Short conversations that show whether a server is alive: one protocol, one file, which says all of it.
//!
//! A protocol sees a stream and nothing else: it opens no socket, knows no TLS and keeps no time. Not
//! here: making the connection (`observe::connection`) and the sentence (`config::grammar`).

// One protocol each. (No macro makes these lines and the list below of one: rustfmt would not find the files.)
mod apache_status;
mod clamav;
mod dns;
mod dwp;
mod fail2ban;
mod ftp;
mod gps;
mod http;
mod imap;
mod ldap;
mod lmtp;
mod memcache;
mod mongodb;
mod mqtt;
mod mysql;
mod nntp;
mod ntp;
mod pgsql;
mod pop;
mod postfix_policy;
mod radius;
mod rdate;
mod redis;
mod rsync;
mod sieve;
mod sip;
mod smtp;
mod spamassassin;
mod ssh;
mod tns;
mod websocket;

// What they are made of.
mod bytes;
mod conversation;
mod digest;
mod error;
pub mod generic;
mod login;
mod pattern;
mod peer;
mod reply;
mod scram;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod scripted;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::path::Path;

pub use apache_status::{ApacheStatus, STATES as WORKER_STATES, WorkerLimit};
pub use conversation::{Conversation, Definition, Plain, WithLogin};
pub use digest::Checksum;
pub use error::ProtocolError;
pub(crate) use error::plain;
pub use http::Http;
pub use login::Login;
pub(crate) use pattern::unfit;
pub use pattern::{Pattern, Quoted};
pub use peer::{Carrier, Peer, Stream, leave, line, say};
pub use pgsql::Pgsql;
pub use radius::Radius;
pub use sip::Sip;
pub use websocket::Websocket;

/// All that a sentence can name; in alphabetical order.
const PROTOCOLS: &[&[Definition]] = &[
    apache_status::PROTOCOLS,
    clamav::PROTOCOLS,
    dns::PROTOCOLS,
    dwp::PROTOCOLS,
    fail2ban::PROTOCOLS,
    ftp::PROTOCOLS,
    gps::PROTOCOLS,
    http::PROTOCOLS,
    imap::PROTOCOLS,
    ldap::PROTOCOLS,
    lmtp::PROTOCOLS,
    memcache::PROTOCOLS,
    mongodb::PROTOCOLS,
    mqtt::PROTOCOLS,
    mysql::PROTOCOLS,
    nntp::PROTOCOLS,
    ntp::PROTOCOLS,
    pgsql::PROTOCOLS,
    pop::PROTOCOLS,
    postfix_policy::PROTOCOLS,
    radius::PROTOCOLS,
    rdate::PROTOCOLS,
    redis::PROTOCOLS,
    rsync::PROTOCOLS,
    sieve::PROTOCOLS,
    sip::PROTOCOLS,
    smtp::PROTOCOLS,
    spamassassin::PROTOCOLS,
    ssh::PROTOCOLS,
    tns::PROTOCOLS,
    websocket::PROTOCOLS,
];

/// A protocol with what its sentence says of it.
#[derive(Debug, Clone)]
pub struct Protocol {
    definition: &'static Definition,
    conversation: Conversation,
}

impl Protocol {
    /// All that a sentence can name; in alphabetical order.
    pub fn all() -> impl Iterator<Item = &'static Definition> {
        PROTOCOLS.iter().copied().flatten()
    }

    /// The protocol of a name, without options.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|definition| definition.name == name).map(Self::plain)
    }

    /// Without options.
    pub fn plain(definition: &'static Definition) -> Self {
        Self { definition, conversation: definition.conversation.clone() }
    }

    /// The same protocol with these options instead of its own.
    #[must_use]
    pub fn with(self, conversation: Conversation) -> Self {
        Self { conversation, ..self }
    }

    /// The same protocol with this login, where who logs in is its only option.
    #[must_use]
    pub fn with_login(mut self, login: Option<Login>) -> Self {
        if let Conversation::WithLogin(with) = &mut self.conversation {
            with.login = login;
        }
        self
    }

    /// Its names and ports.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// Its options.
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// What is asked for, as Monit adds it to the port.
    pub fn request(&self) -> &str {
        self.conversation.any().request()
    }

    /// The file of root's with the password to be said. Who makes the connection reads it at each one, and
    /// gives it as [`Peer::password`].
    pub fn password_file(&self) -> Option<&Path> {
        self.conversation.any().password_file()
    }

    /// Talks until TLS may begin, where the server wants to be asked for TLS. Most are not: then nothing is
    /// said, and nothing comes back.
    ///
    /// # Errors
    /// The server says something wrong, does not want TLS, or hangs up.
    pub async fn before_tls(
        &self,
        stream: &mut dyn Stream,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        self.conversation.any().before_tls(stream).await
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
        self.conversation.any().talk(stream, peer).await
    }
}

/// A name is one protocol's only.
impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name && self.conversation == other.conversation
    }
}

impl Eq for Protocol {}

/// As a sentence names it, with all options: what the grammar reads back as the same.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.definition.name, self.conversation.any())
    }
}
