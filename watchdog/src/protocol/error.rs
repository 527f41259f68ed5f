//! Why a server is not taken for alive.

use std::fmt;

/// Why a server is not taken for alive. Hostile text inside: each sink escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError(pub String);

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ProtocolError {
    /// With this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The server has ended the connection.
    pub fn hang_up() -> Self {
        Self("the server hung up".to_owned())
    }

    /// Whether it is that.
    pub fn hung_up(&self) -> bool {
        *self == Self::hang_up()
    }
}

impl From<std::io::Error> for ProtocolError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset => Self::hang_up(),
            _ => Self(plain(&error)),
        }
    }
}

/// What went wrong, without the number that the standard library adds: as Monit logs it.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
