//! Handing one mail to the first mail server that takes it (SMTP, RFC 5321).
//!
//! Not here: what the mail says (`render`), when it is tried again (`queue`).

use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::letter::{domain, shortened};
use super::wire::Wire;
use crate::service::{Mail, MailServer, MailTls};

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
        let hello = ClientId::Domain(domain(host).to_owned());
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

    /// Connects, encrypts and logs in as the server's entry says.
    async fn open(&self, index: usize) -> Result<AsyncSmtpConnection, String> {
        let server = &self.mail.servers[index];
        if server.tls == MailTls::Wrapped {
            let tls = self.tls(index).await?;
            let address = (server.host.as_str(), server.port);
            let mut connection =
                AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, Some(tls), None)
                    .await
                    .map_err(|error| said("connecting", &error))?;
            login(&mut connection, server).await?;
            return Ok(connection);
        }
        let stream = connect(server, self.mail.timeout)
            .await
            .map_err(|error| format!("connecting: {error}"))?;
        let local = stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback());
        let wire = Box::new(Wire::new(stream));
        let mut connection = AsyncSmtpConnection::connect_with_transport(wire, &self.hello)
            .await
            .map_err(|error| said("greeting", &error))?;
        match server.tls {
            MailTls::Required if !connection.can_starttls() => {
                return Err("offers no STARTTLS, and `tls: required` is set".to_owned());
            }
            MailTls::Required | MailTls::Opportunistic if connection.can_starttls() => {
                let tls = self.tls(index).await?;
                let switched = connection.starttls(tls, &self.hello).await;
                switched.map_err(|error| said("STARTTLS", &error))?;
            }
            // Whoever can drop the server's STARTTLS line would read the password.
            MailTls::Opportunistic if server.user.is_some() && !local => {
                return Err("offers no STARTTLS, and the password is not sent in the clear; \
                            `tls: none` would allow it"
                    .to_owned());
            }
            _ => {}
        }
        login(&mut connection, server).await?;
        Ok(connection)
    }

    async fn tls(&self, index: usize) -> Result<TlsParameters, String> {
        let known = self.tls.lock().unwrap_or_else(PoisonError::into_inner).get(&index).cloned();
        if let Some(tls) = known {
            return Ok(tls);
        }
        let server = self.mail.servers[index].clone();
        // It reads some hundred files.
        let built = tokio::task::spawn_blocking(move || build_tls(server)).await;
        let tls = built.map_err(|error| error.to_string()).flatten()?;
        let mut all = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.entry(index).or_insert(tls).clone())
    }
}

fn build_tls(server: MailServer) -> Result<TlsParameters, String> {
    // RFC 7435: where a plain connection would do as well, an unknown certificate is still better
    // than none (a fresh Debian's own mail server has one). With a password at stake it is not.
    let unverified =
        server.tls == MailTls::Opportunistic && server.user.is_none() && server.ca_file.is_none();
    let mut tls = TlsParameters::builder(server.host);
    if server.insecure || unverified {
        tls = tls.certificate_store(CertificateStore::None).dangerous_accept_invalid_certs(true);
    } else if let Some(path) = &server.ca_file {
        let problem = |error: &dyn Display| format!("{}: {error}", path.display());
        let pem = std::fs::read(path).map_err(|error| problem(&error))?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| problem(&e))?);
    }
    tls.build_rustls().map_err(|error| said("TLS", &error))
}

/// The first of the server's addresses that answers; each gets its share of the time, so that one
/// that swallows packets does not use up all of it.
async fn connect(server: &MailServer, whole: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host((server.host.as_str(), server.port)).await?.collect();
    let share = whole / u32::try_from(addresses.len() + 1).unwrap_or(u32::MAX);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

async fn login(connection: &mut AsyncSmtpConnection, server: &MailServer) -> Result<(), String> {
    let Some(user) = &server.user else { return Ok(()) };
    let password = server.password.as_ref().map_or("", |secret| secret.0.as_str());
    let credentials = Credentials::new(user.clone(), password.to_owned());
    let answer = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
    answer.map(drop).map_err(|error| said("login", &error))
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
