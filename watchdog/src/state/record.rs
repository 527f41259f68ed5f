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
pub(super) struct Decoded {
    pub(super) state: SavedState,
    pub(super) origin: Origin,
    /// What of the changes is not believed, and why.
    pub(super) refused: Option<String>,
}

/// `changes`: what was appended since, if anything, or why it cannot be read.
pub(super) fn decode(bytes: &[u8], changes: Result<&[u8], String>, boot: &str) -> Decoded {
    let (mut state, of, written_in) = match read(bytes) {
        Ok(record) => (record.state.into_owned(), record.crc32, record.boot),
        Err(why) => {
            let (state, origin) = (SavedState::default(), Origin::Damaged(why));
            return Decoded { state, origin, refused: None };
        }
    };
    let refused = changes.and_then(|changes| apply(changes, of, &mut state)).err();
    if refused.is_some() {
        // An older note than the last is safe to go by: processes are known by their identity, counts
        // and what was told may be behind. But what was to be done then may have been done since.
        state.services.values_mut().for_each(|service| service.turn = None);
    }
    if written_in == boot {
        return Decoded { state, origin: Origin::SameBoot, refused };
    }
    for service in state.services.values_mut() {
        // Processes and programs of another boot are none.
        service.main = None;
        service.death = None;
        service.unmonitored.iter_mut().for_each(|why| why.at = None);
        service.acting = None;
        service.turn = None;
        service.brake = None;
        service.attempts = 0;
        service.tried = None;
    }
    state.seen = None;
    state.rebooted = true;
    Decoded { state, origin: Origin::OtherBoot, refused }
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
