//! The web front: a process of its own without any right, between browsers and the core.
//!
//! `spawn` is the core's side: it starts the front and keeps it running. All else runs in the front:
//! it is told its settings and asks for status over one private socket pair (its standard input),
//! so it opens no file and needs no place in the control socket's group. Not here: what status means.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::service::Http;

pub mod answer;
pub mod auth;
pub mod confine;
pub mod front;
pub mod gate;
pub mod limits;
pub mod link;
pub mod page;
pub mod password;
pub mod running;
pub mod spawn;
pub mod throttle;

/// The settings in one line may be so long (bytes).
const LONGEST_SETTINGS: usize = 1 << 20;

/// All that the front is told.
#[derive(Clone, Serialize, Deserialize)]
pub struct Settings {
    /// Where to listen; loopback.
    pub listen: SocketAddr,
    /// Networks that may connect; empty: loopback.
    pub allow: Vec<String>,
    /// Who may log in.
    pub users: Vec<Login>,
    /// Host names that a browser may use for us, besides `localhost` and addresses.
    pub hosts: Vec<String>,
}

/// A user of the front.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// Login name.
    pub name: String,
    /// bcrypt.
    pub hash: String,
    /// May act (later work).
    pub operator: bool,
}

impl Settings {
    /// The front's part of the configuration.
    pub fn of(http: &Http, host: &str) -> Self {
        let users = http.users.iter().map(|user| Login {
            name: user.name.clone(),
            hash: user.password_hash.0.clone(),
            operator: user.operator,
        });
        Self {
            listen: http.listen,
            allow: http.allow.iter().map(ToString::to_string).collect(),
            users: users.collect(),
            hosts: vec![host.to_ascii_lowercase()],
        }
    }

    /// Writes them in one line.
    pub fn send(&self, into: &mut impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        into.write_all(&line)
    }

    /// Reads them, and not a byte more: what follows is HTTP.
    pub fn receive(from: &mut impl Read) -> io::Result<Self> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            from.read_exact(&mut byte)?;
            if byte[0] == b'\n' {
                return Ok(serde_json::from_slice(&line)?);
            }
            if line.len() >= LONGEST_SETTINGS {
                return Err(io::ErrorKind::InvalidData.into());
            }
            line.push(byte[0]);
        }
    }

    /// The networks of `allow`.
    ///
    /// # Errors
    /// One that is no network: the configuration was validated, so this is a fault of ours.
    pub fn networks(&self) -> Result<Vec<ipnet::IpNet>, ipnet::AddrParseError> {
        self.allow.iter().map(|network| network.parse()).collect()
    }
}

/// An address as it is counted and compared: an IPv4 address in IPv6 clothes is IPv4.
pub fn source_of(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}
