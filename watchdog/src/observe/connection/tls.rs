//! Encryption of a connection (TLS 1.2 and 1.3), and the certificate that the server shows.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_rustls::TlsConnector;
use x509_cert::der::Decode;

use super::aside::{FILES, aside};
use super::{Progress, Trouble};
use crate::check::connection::{Certificate, Tls};
use crate::clock::{BootTime, boot_now, wall_now};
use crate::protocol::{Stream, plain};

/// The host's authorities are read anew after this: they are some hundred files.
const FRESH: Duration = Duration::from_secs(600);

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
    let verifier = match options.verify {
        true => {
            let file = options.ca_file.clone();
            Some(aside(&FILES, move || verifier(file.as_deref())).await?.map_err(Trouble::Ours)?)
        }
        false => None,
    };
    let provider = Arc::new(ring::default_provider());
    let witness = Arc::new(Witness { verifier, provider, seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::clone(&witness.provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Ours(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
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
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let expired = matches!(
        inner,
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. }
        ))
    );
    match certificate {
        Some(certificate) if expired => {
            let days = certificate.left.unsigned_abs() / 86_400;
            format!("TLS certificate expired {days} days ago")
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

/// Notes the certificate before it is judged, or lets each pass.
#[derive(Debug)]
struct Witness {
    verifier: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = own.clone().into_owned();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        match &self.verifier {
            Some(verifier) => verifier.verify_server_cert(own, others, name, ocsp, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// By the authorities of the host and those of a file.
fn verifier(file: Option<&Path>) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut roots = hosts_roots();
    if let Some(path) = file {
        let own = Arc::make_mut(&mut roots);
        for certificate in read(path)? {
            own.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    if roots.is_empty() {
        return Err("this host knows no certificate authorities".to_owned());
    }
    WebPkiServerVerifier::builder_with_provider(roots, Arc::new(ring::default_provider()))
        .build()
        .map_err(|error| error.to_string())
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let all = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    if all.is_empty() { Err(wrong(&"no certificate in it")) } else { Ok(all) }
}

/// What the host trusts, read now and then.
fn hosts_roots() -> Arc<RootCertStore> {
    static KNOWN: Mutex<Option<(BootTime, Arc<RootCertStore>)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read, roots)) = &*known
        && boot_now().since(*read) < FRESH
    {
        return Arc::clone(roots);
    }
    let mut roots = RootCertStore::empty();
    // Single files that cannot be read do not spoil the rest.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let roots = Arc::new(roots);
    *known = Some((boot_now(), Arc::clone(&roots)));
    roots
}
