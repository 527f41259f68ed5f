//! Hashes that protocols are made of, and checksums of what servers send.
//!
//! MD5 and SHA-1 stand here because the protocols want them; nothing of ours rests on them. Not here:
//! how a protocol puts them together.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// MD5 of the parts, one behind the other.
pub(super) fn md5(parts: &[&[u8]]) -> [u8; 16] {
    hash::<Md5>(parts).into()
}

/// SHA-1 of the parts, one behind the other.
pub(super) fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    hash::<Sha1>(parts).into()
}

/// SHA-256 of the parts, one behind the other.
pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    hash::<Sha256>(parts).into()
}

fn hash<D: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut state = D::new();
    for part in parts {
        state.update(part);
    }
    state.finalize()
}

/// HMAC-SHA-256 (RFC 2104).
pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// HMAC-MD5 (RFC 2104).
pub(super) fn hmac_md5(key: &[u8], text: &[u8]) -> [u8; 16] {
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else { return [0; 16] };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// In hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A checksum as configured; its length says which hash made it. In lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum(String);

impl Checksum {
    /// Of MD5 (32 digits), SHA-1 (40) or SHA-256 (64).
    pub fn parse(text: &str) -> Option<Self> {
        let fits = matches!(text.len(), 32 | 40 | 64);
        let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (fits && hexadecimal).then(|| Self(text.to_ascii_lowercase()))
    }

    /// That of other bytes, made by the same hash.
    pub fn of(&self, bytes: &[u8]) -> Self {
        Self(match self.0.len() {
            32 => hex(&md5(&[bytes])),
            40 => hex(&sha1(&[bytes])),
            _ => hex(&sha256(&[bytes])),
        })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
