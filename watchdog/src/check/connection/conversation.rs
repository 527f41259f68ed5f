//! How a connection went: what tests are judged by.

use serde::{Deserialize, Serialize};

/// How one connection went. Which of the service's connections it was is told by the sentence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conversation {
    /// The connection's own sentence, without what is asked of it; equal ones are made once. A
    /// password may stand in it: it is shown to nobody and not saved.
    pub with: String,
    /// To what, in Monit's words: `[127.0.0.1]:80 [TCP/IP]`.
    pub at: String,
    /// The protocol in Monit's words: `HTTP`; none: a ping.
    pub protocol: Option<String>,
    /// How it went.
    pub outcome: Outcome,
    /// How long it took until the server had shown that it is alive, in seconds.
    pub seconds: Option<f64>,
    /// What is to be said of the attempts that failed before the last one; hostile text inside.
    pub attempts: Vec<String>,
    /// The server's certificate, where it has shown one.
    pub certificate: Option<Certificate>,
}

/// A certificate, as far as tests are about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificate {
    /// Its end, in seconds since 1970.
    pub expires: i64,
    /// How long it was still valid when it was seen, in seconds; negative: no longer.
    pub left: i64,
}

impl Certificate {
    /// Whole days that it is still valid, or (negative) is no longer.
    pub fn days(&self) -> i64 {
        self.left.div_euclid(86_400)
    }
}

/// How a connection went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It could not be made for a reason of our own, which says nothing of the server.
    Unknown(String),
    /// The server does not answer, or not as it should; hostile text inside.
    Failed(String),
    /// It is alive.
    #[default]
    Succeeded,
}

impl Conversation {
    pub(in crate::check) fn shown(&self) -> serde_json::Value {
        let (succeeded, error) = match &self.outcome {
            Outcome::Unknown(why) => (None, Some(why)),
            Outcome::Failed(why) => (Some(false), Some(why)),
            Outcome::Succeeded => (Some(true), None),
        };
        serde_json::json!({
            "to": self.at,
            "protocol": self.protocol,
            "succeeded": succeeded,
            "error": error,
            "response_seconds": self.seconds,
            "certificate_valid_seconds": self.certificate.map(|certificate| certificate.left),
        })
    }
}
