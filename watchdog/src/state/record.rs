//! The state file's form: JSON with version, boot and checksum. What is read is hostile.
//!
//! The form is canonical: a file counts only if writing what was read gives the same bytes. So a
//! flipped bit is seen wherever it is, also in white space.
//!
//! Not here: writing it (`written`).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::changes::apply;
use crate::message::SavedState;

/// Raised when an older daemon could misread the file.
pub(super) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    version: u32,
    boot: Cow<'a, str>,
    crc32: u32,
    state: Cow<'a, SavedState>,
}

/// Where the state at start comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// There was none.
    Fresh,
    /// A former run within this boot: processes may be looked up by their identity.
    SameBoot,
    /// An earlier boot: only what people set and what was counted is kept.
    OtherBoot,
    /// It was there but cannot be believed, and was moved aside: why.
    Damaged(String),
}

/// As [`super::written`] writes it. Plain data with string keys: it has no way to fail.
fn json(record: &Record<'_>) -> Vec<u8> {
    serde_json::to_vec_pretty(record).unwrap_or_default()
}

/// The state in a file's bytes, as far as it may be believed.
/// `changes`: what was appended since, if anything.
pub(super) fn decode(bytes: &[u8], changes: &[u8], boot: &str) -> (SavedState, Origin) {
    match read(bytes).and_then(|mut record| {
        apply(changes, record.crc32, record.state.to_mut())?;
        Ok(record)
    }) {
        Err(why) => (SavedState::default(), Origin::Damaged(why)),
        Ok(record) if record.boot == boot => (record.state.into_owned(), Origin::SameBoot),
        Ok(record) => {
            let mut state = record.state.into_owned();
            for service in state.services.values_mut() {
                // Processes and programs of another boot are none.
                service.main = None;
                service.acting = None;
                service.turn = None;
                service.brake = None;
                service.attempts = 0;
                service.tried = None;
            }
            state.seen = None;
            state.rebooted = true;
            (state, Origin::OtherBoot)
        }
    }
}

fn read(bytes: &[u8]) -> Result<Record<'static>, String> {
    let mut record: Record<'static> =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if record.version != VERSION {
        return Err(format!("version {} (this daemon knows {VERSION})", record.version));
    }
    let claimed = std::mem::take(&mut record.crc32);
    let found = crc32fast::hash(&json(&record));
    record.crc32 = claimed;
    if claimed != found || json(&record) != bytes {
        return Err("the checksum does not fit".to_owned());
    }
    Ok(record)
}
