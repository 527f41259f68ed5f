//! SCRAM-SHA-256 (RFC 5802, RFC 7677): both sides prove to know a password, and nobody says it.
//!
//! Without channel binding, and without SASLprep: a password in other than ASCII is taken as it is
//! written. Not here: who carries the messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::ProtocolError;
use super::bytes::random;
use super::digest::{hex, hmac_sha256, sha256};

/// More rounds than any server is set up with; a hostile one must not have us calculate for ever.
const MOST_ROUNDS: u32 = 1_000_000;
/// Others have their turn after so many.
const ROUNDS_AT_ONCE: u32 = 4096;

/// One login.
#[derive(Debug, Default)]
pub(super) struct Scram {
    nonce: String,
    /// What the server must say at last.
    expected: Option<[u8; 32]>,
    verified: bool,
}

impl Scram {
    /// Begun, and the server has not yet proved to know the password.
    pub(super) fn is_open(&self) -> bool {
        !self.nonce.is_empty() && !self.verified
    }

    /// Our first message.
    pub(super) fn first(&mut self) -> Result<String, ProtocolError> {
        self.nonce = hex(&random::<18>()?);
        Ok(format!("n,,n=,r={}", self.nonce))
    }

    /// Our second, to the server's first.
    pub(super) async fn second(
        &mut self,
        said: &[u8],
        password: &str,
    ) -> Result<String, ProtocolError> {
        let bad = || ProtocolError::new("SCRAM: the server's first message is wrong");
        let said = std::str::from_utf8(said).map_err(|_| bad())?;
        let field = |name: &str| said.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = field("r=").ok_or_else(bad)?;
        let salt = field("s=").and_then(|salt| STANDARD.decode(salt).ok()).ok_or_else(bad)?;
        let rounds = field("i=").and_then(|rounds| rounds.parse().ok()).ok_or_else(bad)?;
        let ours = !self.nonce.is_empty() && nonce.starts_with(&self.nonce);
        if !ours || nonce.len() == self.nonce.len() || !(1..=MOST_ROUNDS).contains(&rounds) {
            return Err(bad());
        }
        let salted = salted(password.as_bytes(), &salt, rounds).await;
        let client = hmac_sha256(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={nonce}");
        let all = format!("n=,r={},{said},{without_proof}", self.nonce);
        let signature = hmac_sha256(&sha256(&[&client]), all.as_bytes());
        let proof: Vec<u8> = client.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        self.expected = Some(hmac_sha256(&hmac_sha256(&salted, b"Server Key"), all.as_bytes()));
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server knows the password, by its last message.
    pub(super) fn verify(&mut self, said: &[u8]) -> Result<(), ProtocolError> {
        let proof = said.strip_prefix(b"v=").and_then(|proof| STANDARD.decode(proof).ok());
        let right = match (&self.expected, &proof) {
            (Some(expected), Some(proof)) => bool::from(expected.as_slice().ct_eq(proof)),
            _ => false,
        };
        if !right {
            return Err(ProtocolError::new("SCRAM: the server does not know the password"));
        }
        self.verified = true;
        Ok(())
    }
}

/// `Hi` of RFC 5802, which is PBKDF2 with one block.
async fn salted(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut last = hmac_sha256(password, &[salt, &1_u32.to_be_bytes()].concat());
    let mut sum = last;
    for round in 1..rounds {
        last = hmac_sha256(password, &last);
        for (sum, byte) in sum.iter_mut().zip(last) {
            *sum ^= byte;
        }
        if round % ROUNDS_AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
    }
    sum
}
