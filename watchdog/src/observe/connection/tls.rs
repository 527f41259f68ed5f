//! Encryption of a connection (TLS 1.2 and 1.3), and the certificate that the server shows.
//!
//! Not here: whose certificates are good (`verify`), and the files of authorities and of our own
//! (`files`).

mod files;
mod verify;

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, InvalidMessage,
    SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;
use x509_cert::der::Decode;

use super::aside::{FILES, aside};
use super::{Progress, Stage, Trouble};
use crate::check::connection::{Certificate, Tls, TlsVersion};
use crate::clock::wall_now;
use crate::protocol::{Stream, plain};
use files::Files;
use verify::Witness;

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// Encrypts a stream. What certificate the server shows is noted, whether it is good or not.
pub(super) async fn encrypt(
    stream: Box<dyn Stream>,
    options: &Tls,
    host: &str,
    progress: &Progress,
) -> Result<Box<dyn Stream>, Trouble> {
    let name = options.name.as_deref().unwrap_or(host);
    // The zone of an address of the link is ours, not the server's.
    let name = name.split_once('%').map_or(name, |(address, _)| address).to_owned();
    let name = ServerName::try_from(name)
        .map_err(|_| Trouble::Theirs(format!("[{host}] is no name that a certificate can have")))?;
    let (wanted, what) = (options.clone(), Files::named(options));
    let stage = progress.reached(Stage::Files);
    let read = aside(&FILES, &what, progress, move || Files::read(&wanted)).await?;
    let Files { authorities, own } = read.map_err(Trouble::Ours)?;
    progress.reached(stage);
    let ours = |error: Error| Trouble::Ours(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let witness = Arc::new(Witness { authorities, provider, seen: Mutex::default() });
    let versions = match options.version {
        None => BOTH,
        Some(TlsVersion::V12) => &[&TLS12],
        Some(TlsVersion::V13) => &[&TLS13],
    };
    let config = ClientConfig::builder_with_provider(Arc::clone(&witness.provider))
        .with_protocol_versions(versions)
        .map_err(ours)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>);
    let config = match own {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config.with_client_auth_cert(chain, key).map_err(|error| {
            let file = options.client_cert.as_deref().unwrap_or("".as_ref()).display();
            Trouble::Ours(format!("client certificate {file}: {error}"))
        })?,
    };
    let encrypted = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let seen = witness.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let certificate = seen.as_ref().and_then(certificate);
    progress.shown(certificate);
    let stream = encrypted.map_err(|error| Trouble::Theirs(wrong(&error, certificate.as_ref())))?;
    if let (Some(wanted), Some(seen)) = (&options.checksum, &seen) {
        let got = wanted.of(seen);
        if got != *wanted {
            let words = format!("TLS certificate checksum is {got}, expected {wanted}");
            return Err(Trouble::Theirs(words));
        }
    }
    Ok(Box::new(stream))
}

/// Why there is no encryption.
fn wrong(error: &std::io::Error, certificate: Option<&Certificate>) -> String {
    use CertificateError as Bad;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let days = certificate.map_or(0, |certificate| certificate.left.unsigned_abs() / 86_400);
    match inner {
        Some(Error::InvalidCertificate(bad)) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => {
                format!("TLS certificate expired {days} days ago")
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "TLS certificate is not valid yet".to_owned()
            }
            Bad::UnknownIssuer => "TLS certificate is of no authority that is known".to_owned(),
            Bad::NotValidForNameContext { expected, presented } => {
                let (wanted, names) = (expected.to_str(), presented.join(", "));
                format!("TLS certificate is not for [{wanted}], only for {names}")
            }
            bad => format!("TLS certificate is not good: {bad}"),
        },
        Some(Error::AlertReceived(AlertDescription::CertificateRequired)) => {
            "the server wants a certificate of ours (client_cert)".to_owned()
        }
        Some(
            Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_),
        ) => {
            format!("no version or cipher of TLS in common: {}", plain(error))
        }
        // Its first bytes are none of TLS: most often a plain protocol's greeting or error.
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            format!("TLS connection error: the server does not speak TLS ({})", plain(error))
        }
        _ => format!("TLS connection error: {}", plain(error)),
    }
}

/// What tests are about.
fn certificate(der: &CertificateDer<'static>) -> Option<Certificate> {
    let parsed = x509_cert::Certificate::from_der(der).ok()?;
    let end = parsed.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
    let expires = i64::try_from(end).ok()?;
    Some(Certificate { expires, left: expires - wall_now().as_second() })
}
