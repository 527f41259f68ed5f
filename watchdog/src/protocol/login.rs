//! Who logs in to a server, as sentences have it.
//!
//! Not here: what is said for it, which is each protocol's.

use std::fmt;
use std::path::PathBuf;

use super::Quoted;

/// A user, perhaps with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The file of root's with the password.
    pub password: Option<PathBuf>,
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " username {}", Quoted(&self.username))?;
        match &self.password {
            Some(path) => write!(f, " password file {}", Quoted(&path.to_string_lossy())),
            None => Ok(()),
        }
    }
}
