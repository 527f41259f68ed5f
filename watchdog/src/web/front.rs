//! The web front's process.

use crate::cli::{Done, Exit, Failure};

/// Runs the front.
pub fn run() -> Done {
    Err(Failure { exit: Exit::Usage, text: "`web` is not supported yet".to_owned() })
}
