//! A certificate authority, servers with certificates of its own, and certificates for clients.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ResolvesServerCertUsingSni, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::super::*;
use crate::protocol::Checksum;

pub(super) const V12: &[&SupportedProtocolVersion] = &[&TLS12];
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
pub(super) const V13: &[&SupportedProtocolVersion] = &[&TLS13];

/// What a server shows and wants.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) name: &'a str,
    /// The end of this year.
    pub(super) until: i32,
    /// The certificate signs itself, as `openssl req -x509` makes it.
    pub(super) itself: bool,
    pub(super) versions: &'static [&'static SupportedProtocolVersion],
    /// Only whoever asks for the name gets the certificate.
    pub(super) by_name: bool,
    /// Only clients with a certificate by the authority are served.
    pub(super) clients: bool,
}

impl<'a> Shown<'a> {
    pub(super) fn named(name: &'a str) -> Self {
        let versions = BOTH;
        Self { name, until: 2090, itself: false, versions, by_name: false, clients: false }
    }
}

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = tempfile::tempdir().expect("a folder");
        // No two have the same name.
        let name = format!("authority {}", folder.path().display());
        params.distinguished_name.push(DnType::CommonName, name);
        let own = params.self_signed(&key).expect("a certificate");
        std::fs::write(folder.path().join("ca.pem"), own.pem()).expect("written");
        Self { der: own.der().clone(), issuer: Issuer::new(params, key), folder }
    }

    pub(super) fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// The certificate of the server on a port.
    pub(super) fn file_of(&self, port: u16) -> String {
        self.folder.path().join(format!("{port}.pem")).display().to_string()
    }

    /// As [`Authority::serve_as`], with what is usual.
    pub(super) fn serve(&self, name: &str, until: i32) -> (u16, String) {
        self.serve_as(&Shown { until, ..Shown::named(name) })
    }

    /// Serves TLS that greets as SSH does. Gives port and MD5 of the certificate.
    pub(super) fn serve_as(&self, shown: &Shown<'_>) -> (u16, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![shown.name.to_owned()]).expect("parameters");
        params.not_after = date_time_ymd(shown.until, 12, 31);
        let own = if shown.itself {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.self_signed(&key)
        } else {
            params.signed_by(&key, &self.issuer)
        };
        let own = own.expect("a certificate");
        let der = own.der().clone();
        let of_this_length = Checksum::parse(&"0".repeat(32)).expect("a checksum");
        let sum = of_this_length.of(&der).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        std::fs::write(self.file_of(port), own.pem()).expect("written");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let acceptor = TlsAcceptor::from(Arc::new(self.config(shown, der, key)));
        std::thread::spawn(move || {
            run(async move {
                listener.set_nonblocking(true).expect("set");
                let listener = tokio::net::TcpListener::from_std(listener).expect("a port");
                loop {
                    let (stream, _) = listener.accept().await.expect("a stream");
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        let Ok(mut stream) = acceptor.accept(stream).await else { return };
                        let _ = stream.write_all(b"SSH-2.0-x\r\n").await;
                        let mut space = [0; 1000];
                        while stream.read(&mut space).await.is_ok_and(|read| read > 0) {}
                    });
                }
            });
        });
        (port, sum)
    }

    fn config(
        &self,
        shown: &Shown<'_>,
        own: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(shown.versions)
            .expect("versions");
        let config = if shown.clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.der.clone()).expect("an authority");
            let clients =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
            config.with_client_cert_verifier(clients.build().expect("a verifier"))
        } else {
            config.with_no_client_auth()
        };
        if !shown.by_name {
            return config.with_single_cert(vec![own], key).expect("a certificate");
        }
        let mut names = ResolvesServerCertUsingSni::new();
        let own = CertifiedKey::from_der(vec![own], key, &provider).expect("a certificate");
        names.add(shown.name, own).expect("its name");
        config.with_cert_resolver(Arc::new(names))
    }

    /// A client's certificate (`own.pem`, `secret.pem`), its key (`own.key`), and both in one (`both.pem`, and
    /// `open.pem` that others may read). None: this folder is not root's alone.
    pub(super) fn client(&self) -> Option<tempfile::TempDir> {
        if !rustix::process::getuid().is_root() {
            return None;
        }
        let folder = tempfile::tempdir_in("/var/lib").expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["client".to_owned()]).expect("parameters");
        let own = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        let both = own.clone() + &key.serialize_pem();
        let key = key.serialize_pem();
        for (name, text, mode) in [
            ("own.pem", &own, 0o644),
            ("secret.pem", &own, 0o600),
            ("own.key", &key, 0o600),
            ("both.pem", &both, 0o600),
            ("open.pem", &both, 0o644),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
        }
        Some(folder)
    }
}
