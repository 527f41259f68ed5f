//! TLS: certificates that are good, of nobody known, for another name, expired, or not there at all.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::protocol::Checksum;

/// A certificate authority, with its file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), own.pem()).expect("written");
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// Serves TLS that greets as SSH does, with a certificate of this name until the end of this year.
    /// Gives port and MD5 of the certificate.
    fn serve(&self, name: &str, until: i32) -> (u16, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.not_after = date_time_ymd(until, 12, 31);
        let own = params.signed_by(&key, &self.issuer).expect("a certificate");
        let der = own.der().clone();
        let of_this_length = Checksum::parse(&"0".repeat(32)).expect("a checksum");
        let sum = of_this_length.of(&der).to_string();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![der], key)
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
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
}

#[test]
fn certificates_are_looked_at() {
    let authority = Authority::new();
    let (good, sum) = authority.serve("127.0.0.1", 2090);
    let (other, _) = authority.serve("www.example.org", 2090);
    let (expired, _) = authority.serve("127.0.0.1", 2020);
    let plain = server("SSH-2.0-x\r\n");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("its number").port();
    let with = format!("tls with options {{ ca_file: {} }}", authority.file());
    let named =
        format!("tls with options {{ ca_file: {}, name: www.example.org }}", authority.file());
    let any = "tls with options { verify: false }";
    let made = outcomes(&[
        format!("failed port {good} {with} protocol ssh"),
        format!("failed port {good} {with} certificate checksum {sum}"),
        format!("failed port {other} {named} protocol ssh"),
        format!("failed port {expired} {any} protocol ssh"),
        format!("failed port {good} {any}"),
        // Nobody on this host knows the authority.
        format!("failed port {good} tls with options {{ ca_file: {}.missing }}", authority.file()),
        format!("failed port {other} {with}"),
        format!("failed port {expired} {with} certificate valid > 30 days"),
        format!("failed port {good} {any} certificate checksum {}", "0".repeat(32)),
        format!("failed port {plain} {any}"),
        format!("failed port {silent_port} {any} timeout 300 ms"),
    ]);
    for conversation in &made[..5] {
        assert_eq!(conversation.outcome, Outcome::Succeeded, "{conversation:?}");
    }
    assert_eq!(made[0].at, format!("[127.0.0.1]:{good} [TCP/IP TLS]"));
    let days = |place: usize| made[place].certificate.expect("a certificate").days();
    assert!(days(0) > 365 && days(3) < -365, "{made:?}");
    assert!(matches!(&made[5].outcome, Outcome::Unknown(why) if why.contains(".missing")));
    assert!(failed(&made[6]).contains("not valid for name"), "{:?}", made[6]);
    assert!(failed(&made[7]).starts_with("TLS certificate expired "), "{:?}", made[7]);
    assert!(days(7) < -365);
    assert!(failed(&made[8]).starts_with(&format!("TLS certificate checksum is {sum}")));
    assert!(failed(&made[9]).starts_with("TLS connection error: "), "{:?}", made[9]);
    assert_eq!(failed(&made[10]), "no TLS within 0.3 s");
}

#[test]
fn an_authority_that_nobody_knows_is_none() {
    let (one, another) = (Authority::new(), Authority::new());
    let (good, _) = one.serve("127.0.0.1", 2090);
    let file = another.file();
    let made = outcomes(&[format!("failed port {good} tls with options {{ ca_file: {file} }}")]);
    assert!(failed(&made[0]).starts_with("TLS connection error: invalid peer"), "{:?}", made[0]);
    assert!(made[0].certificate.is_some());
}
