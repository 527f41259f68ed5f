//! How a connection is to be encrypted, and how a sentence says so.
//!
//! Pure. Not here: encrypting it (`observe::connection::tls`).

use std::fmt;
use std::path::{Path, PathBuf};

use crate::protocol::{Checksum, Quoted};

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whether the certificate must be good: by an authority that is known, for this name, of today.
    pub verify: bool,
    /// A certificate by no authority but itself will do, if it is for the name and of today.
    pub self_signed: bool,
    /// Only this version.
    pub version: Option<TlsVersion>,
    /// PEM file with authorities that are known besides the host's, or with the server's certificate
    /// itself.
    pub ca_file: Option<PathBuf>,
    /// Folder of such files, as `openssl rehash` leaves it.
    pub ca_path: Option<PathBuf>,
    /// PEM file with a certificate of ours, and those between it and its authority.
    pub client_cert: Option<PathBuf>,
    /// PEM file with the key to that; none: it stands in the same file.
    pub client_key: Option<PathBuf>,
    /// The name that the certificate must be for, and that the server is asked for, in place of the
    /// host's.
    pub name: Option<String>,
    /// The certificate must be this one.
    pub checksum: Option<Checksum>,
}

/// A version of the protocol. There is none below: those can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    V12,
    /// RFC 8446.
    V13,
}

impl TlsVersion {
    /// Monit's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::V12 => "tlsv12",
            Self::V13 => "tlsv13",
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            verify: true,
            self_signed: false,
            version: None,
            ca_file: None,
            ca_path: None,
            client_cert: None,
            client_key: None,
            name: None,
            checksum: None,
        }
    }
}

impl Tls {
    /// Where the key to `client_cert` stands, if there is one.
    pub fn key_file(&self) -> Option<&Path> {
        self.client_key.as_deref().or(self.client_cert.as_deref())
    }

    /// `implied`: the protocol's name says already that there is encryption.
    pub(super) fn options(&self, f: &mut fmt::Formatter<'_>, implied: bool) -> fmt::Result {
        let mut options = Vec::new();
        if !self.verify {
            options.push("verify: false".to_owned());
        }
        if self.self_signed {
            options.push("self_signed: allow".to_owned());
        }
        if let Some(version) = self.version {
            options.push(format!("version: {}", version.word()));
        }
        for (name, path) in [
            ("ca_file", &self.ca_file),
            ("ca_path", &self.ca_path),
            ("client_cert", &self.client_cert),
            ("client_key", &self.client_key),
        ] {
            if let Some(path) = path {
                options.push(format!("{name}: {}", Quoted(&path.to_string_lossy())));
            }
        }
        if let Some(name) = &self.name {
            options.push(format!("name: {}", Quoted(name)));
        }
        match options.as_slice() {
            [] if implied => {}
            [] => f.write_str(" tls")?,
            options => write!(f, " tls with options {{ {} }}", options.join(", "))?,
        }
        match &self.checksum {
            Some(checksum) => write!(f, " certificate checksum {checksum}"),
            None => Ok(()),
        }
    }
}
