//! Reads what was written to a file since it was read last: whole lines, a bounded part at a time.
//!
//! A file that is seen for the first time is read from its end; one that comes later, takes the place
//! of another or is cut short, from its start. Not here: which lines matter (`check::file::content`).

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::wanted;
use crate::check::file::content::{Content, Filter, Sight};
use crate::check::file::{Facts, File, Test};
use crate::observe::Scene;

/// Bytes read in one observation. With at most ten observations a second this is what a busy file
/// can cost.
const MOST_BYTES: usize = 1 << 20;
/// A file that has grown by more than this since is read on from so far before its end.
const MOST_BEHIND: u64 = 64 << 20;

fn filters(scene: &Scene) -> Vec<Filter> {
    wanted(scene, |test| match test {
        Test::Content(filter) => Some(filter.clone()),
        _ => None,
    })
}

/// There is no file: one that comes is read from its start.
pub(super) fn absent(scene: &Scene, facts: &mut Facts) {
    if facts.exists == Some(false) && !filters(scene).is_empty() {
        let content = facts.content.get_or_insert_default();
        (content.inode, content.offset, content.within) = (0, 0, false);
    }
}

/// Reads on. True where there is more.
pub(super) fn read(scene: &Scene, file: &File, facts: &mut Facts, data: &Metadata) -> bool {
    let filters = filters(scene);
    if filters.is_empty() {
        facts.content = None;
        return false;
    }
    let named: Vec<(String, &Filter)> =
        filters.iter().map(|filter| (filter.to_string(), filter)).collect();
    let sight = Sight {
        filters: &named,
        ignore: &file.ignore,
        longest: scene.service.control.sizes.file_content_buffer,
    };
    match go_on(&file.path, facts.content.as_ref(), &sight, data) {
        Ok((content, more)) => {
            facts.content = Some(content);
            more
        }
        Err(error) => {
            facts.trouble = Some(format!("it cannot be read: {error}"));
            false
        }
    }
}

fn go_on(
    path: &Path,
    former: Option<&Content>,
    sight: &Sight<'_>,
    data: &Metadata,
) -> io::Result<(Content, bool)> {
    let size = data.size();
    let mut content = former.cloned().unwrap_or_default();
    content.found.retain(|words, _| sight.filters.iter().any(|(known, _)| known == words));
    let first = former.is_none();
    let same = (content.device, content.inode) == (data.dev(), data.ino());
    if !first && same && content.offset == size {
        return Ok((content, false));
    }
    let open = open(path, data)?;
    if first {
        content.offset = size;
        let mut last = [b'\n'];
        if size > 0 {
            open.read_exact_at(&mut last, size - 1)?;
        }
        content.within = last != [b'\n'];
    } else if !same || content.offset > size {
        (content.offset, content.within) = (0, false);
    }
    (content.device, content.inode) = (data.dev(), data.ino());
    let behind = size.saturating_sub(content.offset);
    if behind > MOST_BEHIND {
        content.skipped += behind - MOST_BEHIND;
        (content.offset, content.within) = (size - MOST_BEHIND, true);
    }
    let length = usize::try_from(size - content.offset).unwrap_or(MOST_BYTES).min(MOST_BYTES);
    let mut buffer = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match open.read_at(rest, content.offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    content.take(buffer.get(..filled).unwrap_or_default(), sight);
    let more = filled == MOST_BYTES && content.offset < size;
    Ok((content, more))
}

/// Opens the very file that was looked at. Whoever may replace it cannot make us open anything else:
/// to open a device may do something (`/dev/watchdog` resets the host), and a pipe has another end.
/// So it is held first, which opens nothing, and read when it is known to be the file.
pub(super) fn open(path: &Path, data: &Metadata) -> io::Result<fs::File> {
    let flags = |flags: OFlags| i32::try_from(flags.bits()).unwrap_or_default();
    let held = OpenOptions::new().read(true).custom_flags(flags(OFlags::PATH)).open(path)?;
    let now = held.metadata()?;
    if (now.dev(), now.ino()) != (data.dev(), data.ino()) || !now.is_file() {
        return Err(io::Error::other("it was replaced meanwhile"));
    }
    let itself = format!("/proc/self/fd/{}", held.as_raw_fd());
    let reading = flags(OFlags::NONBLOCK | OFlags::NOCTTY);
    OpenOptions::new().read(true).custom_flags(reading).open(itself)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_that_was_looked_at_is_opened() {
        use std::io::Read;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("log"), "text").unwrap();
        let data = fs::metadata(at("log")).unwrap();
        let mut text = String::new();
        open(&at("log"), &data).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        fs::write(at("other"), "text").unwrap();
        assert!(open(&at("other"), &data).is_err());
        std::os::unix::fs::symlink("/dev/null", at("link")).unwrap();
        let device = fs::metadata(at("link")).unwrap();
        assert!(open(&at("link"), &device).is_err(), "no device, even if it was looked at");
    }
}
