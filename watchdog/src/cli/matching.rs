//! `match PATTERN`: which processes a pattern matches, and which one a service would take.

use super::{Done, Exit, Failure};

/// Looks through the processes of this host and prints what matches.
pub fn run(pattern: &str, _json: bool) -> Done {
    regex::Regex::new(pattern)
        .map_err(|error| Failure { exit: Exit::Usage, text: error.to_string() })?;
    // CALL SITE of the finder: its candidates for `Match { args: pattern }`.
    Err(Failure { exit: Exit::Usage, text: "`match` is not supported yet".to_owned() })
}
