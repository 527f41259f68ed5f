//! Answers: JSON, and errors as problem documents (RFC 9457).

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};

/// An answer with its whole body.
pub type Answer = Response<Full<Bytes>>;

/// A problem document. Without `type` it is `about:blank`: the status says what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time; may have several lines; not escaped.
    pub detail: String,
}

/// The body with a type.
pub fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// `value` as JSON in one line, with its line end.
pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            answer(status, "application/json", body)
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// An error.
pub fn problem(status: StatusCode, detail: impl Into<String>) -> Answer {
    let document = Problem {
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail: detail.into(),
    };
    // Two strings and a number: this cannot fail, and an empty body would still carry the status.
    let body = serde_json::to_vec(&document).unwrap_or_default();
    answer(status, "application/problem+json", body)
}
