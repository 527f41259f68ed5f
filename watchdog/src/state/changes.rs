//! What has changed since the state file was written, appended to a file beside it.
//!
//! A note stands before each deed, and the state of ten thousand services is megabytes: a note of one of
//! them is a line here. Each line has a checksum that goes on from the one before, the first names the
//! state file that all are about: lines about another are none, and what follows a lost or damaged line is
//! not believed. What stands before it is. Not here: the state file (`record`, `written`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::message::{Changes, SavedService, SavedState};

/// The file's name in the state directory.
pub(super) const CHANGES: &str = "state.changes";
/// Where a file of which a line cannot be believed is moved.
pub(super) const BAD_CHANGES: &str = "state.changes.bad";

/// One line's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Line {
    /// The checksum of the state file.
    #[serde(rename = "of")]
    Of(u32),
    #[serde(rename = "changed")]
    Changed {
        services: BTreeMap<String, SavedService>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
}

/// The file, open for another line.
#[derive(Debug)]
pub(super) struct Appended {
    file: File,
    sum: u32,
    /// Bytes in it.
    pub(super) length: usize,
}

impl Appended {
    /// An empty file of changes to the state file with this checksum; the first is written with the
    /// first line.
    pub(super) fn begin(folder: &Folder, of: u32) -> io::Result<Self> {
        let file = folder.append(CHANGES)?;
        // Changes of another: they would be taken for these.
        file.set_len(0)?;
        let mut new = Self { file, sum: 0, length: 0 };
        let first = new.line(&Line::Of(of));
        new.write(&first)?;
        Ok(new)
    }

    /// Appends what has changed. After a failure nothing may be appended any more.
    pub(super) fn add(&mut self, changes: Changes) -> io::Result<()> {
        let Changes { services, seen } = changes;
        let text = self.line(&Line::Changed { services, seen });
        self.write(&text)
    }

    fn line(&mut self, line: &Line) -> Vec<u8> {
        // Plain data with string keys: it has no way to fail.
        let json = serde_json::to_string(line).unwrap_or_default();
        self.sum = sum(self.sum, json.as_bytes());
        format!("{:08x} {json}\n", self.sum).into_bytes()
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.length += text.len();
        self.file.write_all(text)
    }
}

/// Takes what was appended into a state that was read from the file with this checksum. An end without
/// its line break was cut short, and its deed never done.
///
/// # Errors
/// Which line is not to be believed, and none behind it, and why; those before it were taken in.
pub(super) fn apply(bytes: &[u8], of: u32, state: &mut SavedState) -> Result<(), String> {
    let mut former = 0;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    for (nth, text) in lines.enumerate() {
        let refused = |why: &str| Err(format!("line {}: {why}", nth + 1));
        let Some((line, sum)) = read(text, former) else {
            return refused("the checksum does not fit");
        };
        former = sum;
        match line {
            Line::Of(other) if nth == 0 && other == of => {}
            // Of a state file that was replaced since: what they say is in this one.
            Line::Of(_) if nth == 0 => return Ok(()),
            Line::Changed { services, seen } if nth > 0 => {
                state.services.extend(services);
                state.seen = seen.or(state.seen);
            }
            _ => return refused("it is not in its place"),
        }
    }
    Ok(())
}

/// A line and its checksum; none where it is damaged.
fn read(text: &[u8], former: u32) -> Option<(Line, u32)> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
    let (claimed, json) = text.split_once(' ')?;
    let found = sum(former, json.as_bytes());
    (claimed == format!("{found:08x}")).then_some(())?;
    Some((serde_json::from_str(json).ok()?, found))
}

fn sum(former: u32, json: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new_with_initial(former);
    sum.update(json);
    sum.finalize()
}
