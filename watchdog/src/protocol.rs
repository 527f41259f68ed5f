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
mod error;
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
mod names;
mod nntp;
mod ntp;
mod pattern;
mod peer;
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
mod talk;
#[cfg(test)]
pub(crate) mod tests;
mod tns;
mod websocket;

use std::path::PathBuf;

pub use apache_status::{ApacheStatus, STATES as WORKER_STATES, WorkerLimit};
pub use digest::Checksum;
pub use error::ProtocolError;
pub(crate) use error::plain;
pub use http::Http;
pub use login::Login;
pub(crate) use pattern::unfit;
pub use pattern::{Pattern, Quoted};
pub use peer::{Carrier, Peer, Stream, leave, line, say};
pub use pgsql::Pgsql;
pub use websocket::Websocket;

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
        login: Option<Login>,
    },
    /// `smtps`
    Smtps {
        /// The login, if there is to be one.
        login: Option<Login>,
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
