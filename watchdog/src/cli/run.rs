//! `run`: the daemon, in the foreground.

use std::path::Path;

use super::{Done, Exit, Failure};

/// Runs until told to end.
pub fn run(_config: &Path) -> Done {
    // CALL SITE of the daemon.
    Err(Failure { exit: Exit::Usage, text: "`run` is not supported yet".to_owned() })
}
