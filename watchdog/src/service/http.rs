//! The web front as it is configured.
//!
//! Not here: serving it (`crate::web`).

use std::net::{IpAddr, SocketAddr};

use super::Secret;

/// `http:` of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Loopback only in this version.
    pub listen: SocketAddr,
    /// Networks that may connect; empty: loopback.
    pub allow: Vec<ipnet::IpNet>,
    /// Users with bcrypt hashes.
    pub users: Vec<WebUser>,
}

impl Http {
    /// Whether the address may talk to us at all.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if self.allow.is_empty() {
            peer.is_loopback()
        } else {
            self.allow.iter().any(|net| net.contains(&peer))
        }
    }
}

/// A user of the web front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUser {
    /// Login name.
    pub name: String,
    /// bcrypt, as `ebpf-watchdog hash-password` or `htpasswd -B` writes it.
    pub password_hash: Secret,
    /// May this user act (later work) or only look.
    pub operator: bool,
}
