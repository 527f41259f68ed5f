//! A certificate authority of a test's own, with its certificates as PEM files.
//!
//! Not here: who shows them.

use std::path::PathBuf;
use std::time::Duration;

use ebpf_watchdog::clock::wall_now;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

use crate::scratch::Scratch;

const DAY: Duration = Duration::from_secs(86_400);

/// An authority, whose certificate is `ca.pem` in the folder.
pub struct Authority<'a> {
    issuer: Issuer<'static, KeyPair>,
    scratch: &'a Scratch,
}

/// Files of a certificate, its key, and both in one that only root can read.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key, which every user of the host can read: servers are not root.
    pub key: PathBuf,
    /// Both, mode 0600.
    pub both: PathBuf,
}

impl<'a> Authority<'a> {
    /// A new one.
    ///
    /// # Panics
    /// If its file cannot be written.
    pub fn new(scratch: &'a Scratch) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let own = params.self_signed(&key).expect("a certificate");
        scratch.write("ca.pem", &own.pem(), 0o644);
        Self { issuer: Issuer::new(params, key), scratch }
    }

    /// Its certificate's file.
    pub fn file(&self) -> PathBuf {
        self.scratch.at("ca.pem")
    }

    /// A certificate for this name, for servers and clients, that ends in so many days; negative: has
    /// ended.
    ///
    /// # Panics
    /// If its files cannot be written.
    pub fn issue(&self, name: &str, days: i64) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let now = u64::try_from(wall_now().as_second()).expect("after 1970");
        let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now);
        // Half a day more, so that it does not matter when one looks.
        let distance = DAY * u32::try_from(days.unsigned_abs()).expect("not so long") + DAY / 2;
        params.not_before = now - 1000 * DAY;
        params.not_after = if days < 0 { now - distance } else { now + distance };
        let own = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        let key = key.serialize_pem();
        let write =
            |end: &str, text: &str, mode| self.scratch.write(&format!("{name}.{end}"), text, mode);
        Issued {
            certificate: write("pem", &own, 0o644),
            key: write("key", &key, 0o644),
            both: write("both", &(own.clone() + &key), 0o600),
        }
    }
}
