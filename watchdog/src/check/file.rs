//! Files, directories and named pipes: what they are, as configured and as observed.
//!
//! Pure. Not here: the tests about that (`test`), their words (`words`), what was read of the content
//! (`content`, `patterns`), and reading (`observe::file`).

pub mod content;
mod judge;
pub mod patterns;
pub mod test;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use content::{Content, Filter};
pub use test::Test;

/// What is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// What it has to be.
    pub what: FileType,
    /// Where it is.
    pub path: PathBuf,
    /// Lines that tests of the content pass over.
    pub ignore: Vec<Filter>,
}

/// What a path has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// A regular file; as in Monit a socket counts as one.
    File,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// Anything else, such as a device. No service wants it.
    Other,
}

impl FileType {
    /// The key word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Fifo => "fifo",
            Self::Other => "other",
        }
    }
}

/// Checksums. The names are those of Monit's sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// RFC 1321; only against accidents.
    Md5,
    /// RFC 3174; only against accidents.
    Sha1,
    /// FIPS 180-4. Meant where nothing is said.
    Sha256,
}

impl Algorithm {
    /// All, the strongest first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha1, Self::Md5];

    /// The word in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// Hexadecimal digits of a sum.
    pub fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }
}

/// By what a file's content is known to be the same without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Device and inode number.
    pub device: u64,
    /// See there.
    pub inode: u64,
    /// Length in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime: i64,
    /// Change time, nanoseconds since 1970. No user can set it.
    pub ctime: i64,
}

/// A checksum.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// In lower-case hexadecimal digits.
    pub hex: String,
    /// The first that was made: what `failed checksum` without a sum of its own expects.
    pub first: String,
    /// What it was made of.
    pub of: Fingerprint,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// The path; links in it were followed.
    pub path: String,
    /// Whether it exists; `None`: could not be told.
    pub exists: Option<bool>,
    /// Why it could not be told, or not all of it, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What is not looked at because of what it is, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub what: Option<FileType>,
    /// What it has to be, where it is something else: nothing below is then judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<FileType>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Bytes.
    pub size: Option<u64>,
    /// Hard links.
    pub links: Option<u64>,
    /// Device and inode number.
    pub device: Option<u64>,
    /// See there.
    pub inode: Option<u64>,
    /// Last read, nanoseconds since 1970.
    pub atime: Option<i64>,
    /// Last change of content or attributes, nanoseconds since 1970.
    pub ctime: Option<i64>,
    /// Last change of content, nanoseconds since 1970.
    pub mtime: Option<i64>,
    /// Wall time of the observation, nanoseconds since 1970.
    pub at: Option<i64>,
    /// Seconds of local time ahead of UTC, for texts.
    pub zone: i32,
    /// Numbers of the users that rules name; `None`: there is none of this name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, Option<u32>>,
    /// Numbers of the groups that rules name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Option<u32>>,
    /// The checksums that rules ask for, as far as they are made.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<Algorithm, Sum>,
    /// What was read of the content, where a rule asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

impl Facts {
    pub(super) fn present(&self) -> Option<bool> {
        self.exists
    }

    /// Whether nothing but the time of the look has changed.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let timeless = |facts: &Self| Self { at: None, zone: 0, ..facts.clone() };
        timeless(self) == timeless(other)
    }

    /// By what the content is known, where it is there.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        Some(Fingerprint {
            device: self.device?,
            inode: self.inode?,
            size: self.size?,
            mtime: self.mtime?,
            ctime: self.ctime?,
        })
    }

    /// A checksum of the content as it is now, if it is made yet.
    fn sum(&self, algorithm: Algorithm) -> Option<&Sum> {
        self.sums.get(&algorithm).filter(|sum| Some(sum.of) == self.fingerprint())
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        let time = |time: Option<i64>| -> serde_json::Value {
            let time = time.and_then(|ns| jiff::Timestamp::from_nanosecond(ns.into()).ok());
            time.map(|time| format!("{time:.0}")).into()
        };
        let mut shown = vec![
            ("exists", self.exists.into()),
            ("type", self.what.map(FileType::word).into()),
            ("permission", self.mode.map(|mode| format!("{mode:04o}")).into()),
            ("uid", self.uid.into()),
            ("gid", self.gid.into()),
        ];
        if self.what == Some(FileType::File) {
            shown.push(("size_bytes", self.size.into()));
        }
        shown.extend([
            ("hardlinks", self.links.into()),
            ("access_time", time(self.atime)),
            ("change_time", time(self.ctime)),
            ("modification_time", time(self.mtime)),
        ]);
        for algorithm in self.sums.keys() {
            let sum = self.sum(*algorithm).map(|sum| sum.hex.clone());
            shown.push((algorithm.word(), sum.into()));
        }
        if let Some(content) = &self.content {
            shown.push(("content_offset_bytes", content.offset.into()));
            shown.push(("content_skipped_bytes", content.skipped.into()));
        }
        if let Some(trouble) = self.trouble.as_ref().or(self.refused.as_ref()) {
            shown.push(("trouble", trouble.clone().into()));
        }
        shown
    }
}
