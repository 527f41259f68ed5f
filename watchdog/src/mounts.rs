//! The mount table (`/proc/self/mountinfo`, proc_pid_mountinfo(5)), line by line.
//!
//! Read as bytes: a user may mount something under any name. Not here: what is looked for in it.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;

/// The file.
pub(crate) const TABLE: &str = "/proc/self/mountinfo";

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Number of the mount.
    pub(crate) id: u64,
    /// Major and minor number of the file system's device; major 0 where it has none.
    pub(crate) device: (u32, u32),
    /// Which part of the file system is seen.
    pub(crate) root: OsString,
    /// Where.
    pub(crate) place: OsString,
    /// Options of the mount.
    pub(crate) options: String,
    /// Type of the file system.
    pub(crate) kind: String,
    /// What is mounted.
    pub(crate) source: OsString,
    /// Options of the file system.
    pub(crate) super_options: String,
}

impl Mount {
    /// Of a line; none where it is none of a mount table.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        // 41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let text = |at: usize| fields.get(at).map(|field| String::from_utf8_lossy(field));
        let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
        let device = text(2)?;
        let (major, minor) = device.split_once(':')?;
        Some(Self {
            id: text(0)?.trim().parse().ok()?,
            device: (major.parse().ok()?, minor.parse().ok()?),
            root: unescape(fields.get(3)?),
            place: unescape(fields.get(4)?),
            options: text(5)?.into_owned(),
            kind: text(dash + 1)?.into_owned(),
            source: unescape(fields.get(dash + 2)?),
            super_options: text(dash + 3)?.into_owned(),
        })
    }
}

/// Everything that is mounted, later mounts behind earlier ones.
///
/// # Errors
/// Where the table cannot be read.
pub(crate) fn mounts() -> io::Result<Vec<Mount>> {
    std::fs::read(TABLE).map(|table| parse(&table))
}

/// The same of a table's text.
pub(crate) fn parse(table: &[u8]) -> Vec<Mount> {
    table.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect()
}

/// The table writes space, tab, line feed and backslash as three octal digits.
pub(crate) fn unescape(field: &[u8]) -> OsString {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let byte = octal.and_then(|digits| {
            digits.iter().try_fold(0_u32, |sum, digit| {
                (b'0'..=b'7').contains(digit).then(|| sum * 8 + u32::from(digit - b'0'))
            })
        });
        match byte.and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => {
                path.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                path.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(path)
}
