//! `check [--json]`: whether the rule file is right.

use std::path::Path;

use super::{Done, Exit, Failure};

/// Reads the file and prints what is wrong with it. Exit code 78 if something is.
pub fn run(_config: &Path, _json: bool) -> Done {
    // CALL SITE of the configuration module.
    Err(Failure { exit: Exit::Usage, text: "`check` is not supported yet".to_owned() })
}
