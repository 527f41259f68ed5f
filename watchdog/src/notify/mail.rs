//! Handing one mail to the first mail server that takes it (SMTP, RFC 5321).
//!
//! Not here: connecting, TLS and the login (`open`), what the mail says (`render`), when it is
//! tried again (`queue`).

mod open;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::time::timeout;

use super::letter::{domain, shortened};
use crate::service::Mail;

/// The mail servers of one configuration.
pub(super) struct Post {
    pub(super) mail: Mail,
    hello: ClientId,
    /// Built when first needed: the certificates of all authorities take memory and time.
    tls: Mutex<HashMap<usize, TlsParameters>>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This server has taken the mail.
    Sent(String),
    /// A server refused the mail or its recipient for good; why.
    Refused(String),
    /// No server took it; why, for each.
    Later(String),
}

/// Why one server did not take the mail.
#[derive(Debug)]
enum Failure {
    /// It never will: 5xx to the sender, the recipient or the text.
    Refused(String),
    /// Another server, or another time, may.
    Server(String),
}

/// A polite good-bye is not worth more: the mail is delivered.
const GOODBYE: Duration = Duration::from_secs(1);

impl Post {
    pub(super) fn new(mail: Mail, host: &str) -> Self {
        let hello = ClientId::Domain(domain(mail.name(host)).to_owned());
        Self { mail, hello, tls: Mutex::new(HashMap::new()) }
    }

    /// Tries the servers in order. Ends within the number of servers times `mail.timeout`.
    pub(super) async fn deliver(&self, message: &Message) -> Verdict {
        let mut reasons = Vec::new();
        for (index, server) in self.mail.servers.iter().enumerate() {
            let name = format!("{}:{}", server.host, server.port);
            // Around everything: the client's own time limit covers the connecting only.
            let reason = match timeout(self.mail.timeout, self.hand_over(index, message)).await {
                Ok(Ok(mut connection)) => {
                    let _ = timeout(GOODBYE, connection.quit()).await;
                    return Verdict::Sent(name);
                }
                Ok(Err(Failure::Refused(reason))) => {
                    return Verdict::Refused(format!("{name}: {reason}"));
                }
                Ok(Err(Failure::Server(reason))) => reason,
                Err(_) => format!("no answer within {} s", self.mail.timeout.as_secs_f64()),
            };
            reasons.push(format!("{name}: {reason}"));
        }
        if reasons.is_empty() {
            reasons.push("no mail server is configured".to_owned());
        }
        Verdict::Later(reasons.join("; "))
    }

    async fn hand_over(
        &self,
        index: usize,
        message: &Message,
    ) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = self.open(index).await.map_err(Failure::Server)?;
        let envelope = message.envelope();
        let mut options = Vec::new();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failure::Server("offers no SMTPUTF8 for this address".to_owned()));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = MailFrom::new(envelope.from().cloned(), options);
        connection.command(from).await.map_err(|error| judged("sender", &error))?;
        for to in envelope.to() {
            let to = Rcpt::new(to.clone(), Vec::new());
            connection.command(to).await.map_err(|error| judged("recipient", &error))?;
        }
        connection.command(Data).await.map_err(|error| judged("data", &error))?;
        let text = message.formatted();
        connection.message(&text).await.map_err(|error| judged("text", &error))?;
        Ok(connection)
    }
}

/// Whether an answer to one of the mail's own commands is about the mail, or about us and the
/// server (RFC 5321 section 4.2.3, RFC 4954 section 6).
fn judged(step: &str, error: &Error) -> Failure {
    let about_us = [421, 500, 502, 503, 521, 530, 534, 535, 538];
    let code = error.status().map(u16::from);
    if error.is_permanent() && code.is_none_or(|code| !about_us.contains(&code)) {
        Failure::Refused(said(step, error))
    } else {
        Failure::Server(said(step, error))
    }
}

fn said(step: &str, error: &Error) -> String {
    let mut text = format!("{step}: {error}");
    // The library's own words end where the cause begins.
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    shortened(&text, 300).to_owned()
}
