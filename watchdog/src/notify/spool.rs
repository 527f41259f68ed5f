//! Undelivered letters on disk: one file each, in `state_dir/queue`.
//!
//! A file is there whole or not at all (temporary name, fsync, rename), and carries its version,
//! length and checksum so that a torn one is known. Not here: how many, and which (`queue`).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::letter::Letter;

/// First bytes of a file: what it is, and the version of what follows.
const MAGIC: [u8; 4] = *b"EWL\x01";
/// Magic, length of the text and its CRC-32, both little-endian.
const HEAD: usize = 12;
/// No letter is larger, so no larger file is read.
const LARGEST: u64 = 4 << 20;
/// Files kept aside at most.
const ASIDE: usize = 32;

/// The folder of waiting letters. Every method does blocking input and output.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    folder: PathBuf,
}

/// What was found in the folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Letters with their numbers, in order.
    pub(super) letters: Vec<(u64, Letter)>,
    /// Files that could not be understood; they were moved aside.
    pub(super) torn: u64,
}

/// Why a file is moved aside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aside {
    /// It could not be understood.
    Torn,
    /// A mail server refused the letter for good.
    Refused,
}

impl Spool {
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("queue") }
    }

    /// Reads all letters; removes what an interrupted write left behind.
    ///
    /// # Errors
    /// The folder exists and cannot be listed. A file that cannot be read is none: it is torn.
    pub(super) fn read(&self) -> io::Result<Found> {
        let mut found = Found::default();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            other => other?,
        };
        for entry in entries {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            if name.ends_with(".tmp") {
                let _ = fs::remove_file(self.folder.join(&name));
                continue;
            }
            let Some(number) = number_of(&name) else { continue };
            match self.letter(number) {
                Some(letter) => found.letters.push((number, letter)),
                None => {
                    found.torn += 1;
                    self.set_aside(number, Aside::Torn);
                }
            }
        }
        found.letters.sort_by_key(|(number, _)| *number);
        Ok(found)
    }

    fn letter(&self, number: u64) -> Option<Letter> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.path(number))
            .ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).ok()?;
        decode(&bytes)
    }

    /// Writes one letter, whole and on disk; [`Spool::sync`] makes its name last too.
    ///
    /// # Errors
    /// Any of the steps. Nothing is left behind then: after a failed fsync the file's pages may be
    /// lost without another error, so the next try must be a new file.
    pub(super) fn store(&self, number: u64, letter: &Letter) -> io::Result<()> {
        let temporary = self.folder.join(format!("{number:016x}.tmp"));
        let result = self
            .create(&temporary)
            .and_then(|mut file| {
                file.write_all(&encode(letter)?)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&temporary, self.path(number)));
        if result.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let open = || {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)
        };
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
                open()
            }
            other => other,
        }
    }

    /// Makes the names of stored letters last.
    ///
    /// # Errors
    /// The folder cannot be opened or synced.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    /// Forgets a letter. One that comes back after a power failure is sent twice, with one id.
    pub(super) fn remove(&self, number: u64) {
        let _ = fs::remove_file(self.path(number));
    }

    /// Moves a file to `queue/aside`, for a human to look at, and removes the oldest ones there.
    pub(super) fn set_aside(&self, number: u64, why: Aside) {
        let word = match why {
            Aside::Torn => "torn",
            Aside::Refused => "refused",
        };
        let aside = self.folder.join("aside");
        let _ = DirBuilder::new().mode(0o700).create(&aside);
        let moved = fs::rename(self.path(number), aside.join(format!("{number:016x}.{word}")));
        if moved.is_err() {
            // What cannot be moved must not be read again at every start, either.
            self.remove(number);
        }
        let Ok(entries) = fs::read_dir(&aside) else { return };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        names.sort();
        let surplus = names.len().saturating_sub(ASIDE);
        for name in &names[..surplus] {
            let _ = fs::remove_file(name);
        }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:016x}.letter"))
    }
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".letter").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

fn encode(letter: &Letter) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(letter)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(HEAD + text.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&text).to_le_bytes());
    bytes.extend_from_slice(&text);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<Letter> {
    let (head, text) = bytes.split_at_checked(HEAD)?;
    let word = |at: usize| head[at..at + 4].try_into().map(u32::from_le_bytes).ok();
    let whole = head[..4] == MAGIC
        && usize::try_from(word(4)?) == Ok(text.len())
        && word(8)? == crc32fast::hash(text);
    if whole { serde_json::from_slice(text).ok() } else { None }
}

#[cfg(test)]
mod tests;
