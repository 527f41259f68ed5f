//! A connection to a mail server, ready for a mail: connected, encrypted, logged in.

use std::fmt::Display;
use std::io::{self, Read};
use std::sync::PoisonError;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::super::wire::Wire;
use super::{Post, said};
use crate::service::{MailServer, MailTls};
use crate::trust::open_authorities;

impl Post {
    /// Connects, encrypts and logs in as the server's entry says.
    pub(super) async fn open(&self, index: usize) -> Result<AsyncSmtpConnection, String> {
        let server = &self.mail.servers[index];
        if server.tls == MailTls::Wrapped {
            let tls = self.tls(index).await?;
            let address = (server.host.as_str(), server.port);
            let mut connection =
                AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, Some(tls), None)
                    .await
                    .map_err(|error| said("connecting", &error))?;
            known(&connection, server)?;
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
        known(&connection, server)?;
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

/// Whether the server has shown the one certificate that it may, where there is one. The TLS library
/// has verified that it has the key to it, whoever has signed it.
fn known(connection: &AsyncSmtpConnection, server: &MailServer) -> Result<(), String> {
    let Some(wanted) = &server.checksum else { return Ok(()) };
    let seen = connection.peer_certificate().map_err(|error| said("certificate", &error))?;
    let got = wanted.of(&seen);
    if got == *wanted {
        return Ok(());
    }
    Err(format!("TLS certificate checksum is {got}, expected {wanted}"))
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
        let mut file = open_authorities(path).map_err(|error| error.to_string())?;
        let mut pem = Vec::new();
        file.read_to_end(&mut pem).map_err(|error| problem(&error))?;
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
