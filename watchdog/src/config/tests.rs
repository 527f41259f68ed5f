//! Tests of loading: the seed's example, everything that is refused, any bytes.

mod bad;
mod conditions;
mod connections;
mod good;
mod includes;
mod manual;
pub(super) mod noise;
mod patterns;
mod sentences;

use super::*;

/// As a user's `check` on a laptop: nothing of the host is asked for.
fn lenient() -> LoadOptions {
    LoadOptions {
        trust: Trust::Skip,
        host_checks: HostChecks::Warn,
        host: "box.example.org".to_owned(),
    }
}

pub(super) fn load_text(text: &str) -> Result<Loaded, Diagnostics> {
    load_str("/etc/test.yaml", text, lenient())
}
