//! Whether a server's certificate is good: by an authority that is known, or one that is known itself.
//!
//! Not here: what the authorities are (`files`).

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_cert::der::Decode;

/// Who is believed.
#[derive(Debug)]
pub(super) struct Authorities {
    /// By their signatures; none: no authority is known.
    pub(super) verifier: Option<Arc<WebPkiServerVerifier>>,
    /// These certificates themselves too: a server's own may stand among the authorities, and one that
    /// signed itself as an authority does is refused by the library otherwise.
    pub(super) known: Vec<CertificateDer<'static>>,
    /// Every certificate that names itself as its authority.
    pub(super) self_signed: bool,
}

impl Authorities {
    fn verify(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.known.contains(own) || (self.self_signed && is_self_signed(own)?) {
            return for_name_and_time(own, name, now);
        }
        let unknown = Err(CertificateError::UnknownIssuer.into());
        let Some(verifier) = &self.verifier else { return unknown };
        match verifier.verify_server_cert(own, others, name, ocsp, now) {
            // That it is an authority's tells a user nothing: such are made by `openssl req -x509`.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if is_self_signed(own)? => {
                unknown
            }
            verified => verified,
        }
    }
}

fn parsed(own: &CertificateDer<'_>) -> Result<x509_cert::Certificate, Error> {
    x509_cert::Certificate::from_der(own).map_err(|_| CertificateError::BadEncoding.into())
}

/// Its signature is not looked at: whoever wants to can sign himself.
fn is_self_signed(own: &CertificateDer<'_>) -> Result<bool, Error> {
    let parsed = parsed(own)?;
    let own = parsed.tbs_certificate();
    Ok(own.issuer() == own.subject())
}

/// All but the authority. That the server has the key is shown by the handshake.
fn for_name_and_time(
    own: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let whole = parsed(own)?;
    let validity = whole.tbs_certificate().validity();
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
    Ok(ServerCertVerified::assertion())
}

/// Notes the certificate before it is judged; without authorities each passes.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) authorities: Option<Authorities>,
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) seen: Mutex<Option<CertificateDer<'static>>>,
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
        match &self.authorities {
            Some(authorities) => authorities.verify(own, others, name, ocsp, now),
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
