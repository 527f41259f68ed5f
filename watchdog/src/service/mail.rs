//! Mail as it is configured.
//!
//! Not here: sending it (`crate::notify`).

use std::path::PathBuf;
use std::time::Duration;

use super::{EventWord, Secret};

/// `mail:` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Tried in order.
    pub servers: Vec<MailServer>,
    /// The sender's address; `$HOST` is already replaced.
    pub from: String,
    /// `reply_to:`.
    pub reply_to: Option<String>,
    /// `subject:` with Monit's macros ($EVENT $SERVICE $DATE $HOST $ACTION $DESCRIPTION).
    pub subject: Option<String>,
    /// `message:` with Monit's macros.
    pub message: Option<String>,
    /// The whole conversation with one server is inside this. Default 30 s.
    pub timeout: Duration,
}

/// One mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Name or address.
    pub host: String,
    /// Default 25 (465 with `tls: wrapped`).
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Login name; the password beside it.
    pub user: Option<String>,
    /// Password, already read from `password: { file: … }`. Never printed.
    pub password: Option<Secret>,
    /// Do not verify the server's certificate (`verify: false`).
    pub insecure: bool,
    /// PEM file of a certificate authority to trust besides the system's (`ca_file:`).
    pub ca_file: Option<PathBuf>,
}

/// How a mail connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// Never (`tls: none`).
    None,
    /// STARTTLS where the server offers it (the default, `tls: opportunistic`).
    Opportunistic,
    /// STARTTLS or no mail (`tls: required`).
    Required,
    /// TLS from the first byte (`tls: wrapped`).
    Wrapped,
}

/// One receiver of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Mail address.
    pub mail: String,
    /// Only these events; empty: all.
    pub only: Vec<EventWord>,
    /// Not these events.
    pub not: Vec<EventWord>,
    /// Again every so many failing cycles (`reminder: 10 cycles`).
    pub reminder: Option<u32>,
}
