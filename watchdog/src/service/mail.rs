//! Mail as it is configured.
//!
//! Not here: sending it (`crate::notify`).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{EventWord, Secret};
use crate::protocol::Checksum;

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
    /// By what name we greet servers and name mails (`hostname:`); none: the host's.
    pub hostname: Option<String>,
    /// The whole conversation with one server is inside this. Default 30 s.
    pub timeout: Duration,
}

impl Mail {
    /// By what name we greet servers and name mails.
    pub fn name<'a>(&'a self, host: &'a str) -> &'a str {
        self.hostname.as_deref().unwrap_or(host)
    }
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
    /// The one certificate that the server may show (`checksum:`). Never with a connection that may
    /// be in the clear.
    pub checksum: Option<Checksum>,
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
    /// Mails of its own look (`format:`).
    pub format: Option<Arc<MailFormat>>,
}

/// How mails to one receiver look; what it does not say is as in [`Mail`]. Kept with what waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailFormat {
    /// As [`Mail::from`], and so the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// See above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// See above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// See above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
