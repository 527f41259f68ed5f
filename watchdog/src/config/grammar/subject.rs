//! The kinds of services, and by which words the tests of each begin.
//!
//! Not here: how those sentences go on (a file each).

use super::metric::first_words;

/// Which kind of service the sentence is about: it decides which tests there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The host.
    System,
    /// A process with its descendants.
    Process,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A mounted file system.
    Filesystem,
    /// A host on the network.
    Host,
    /// A network interface.
    Network,
    /// A program that is run.
    Program,
}

impl Subject {
    /// All kinds, and the key words that name them.
    pub const ALL: [(&'static str, Self); 9] = [
        ("system", Self::System),
        ("process", Self::Process),
        ("file", Self::File),
        ("directory", Self::Directory),
        ("fifo", Self::Fifo),
        ("filesystem", Self::Filesystem),
        ("host", Self::Host),
        ("network", Self::Network),
        ("program", Self::Program),
    ];

    /// The kind of a key word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, subject)| *subject)
    }

    /// The key word that names it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, subject)| *subject == self).map_or("", |(name, _)| name)
    }

    /// Whether it is something that may be there or not.
    pub(in crate::config) fn may_be_missing(self) -> bool {
        !matches!(self, Self::System | Self::Host | Self::Network | Self::Program)
    }

    /// First words of its tests, for suggestions and the reference.
    pub(in crate::config) fn tests(self) -> Vec<&'static str> {
        let others: &[&str] = match self {
            Self::System => &[],
            Self::Process => &[
                "does not exist",
                "exists",
                "exits",
                "killed",
                "crashed",
                "oom killed",
                "member exits",
                "restarts",
                "failed port",
                "failed unixsocket",
                "failed url",
                "failed uid",
                "failed euid",
                "failed gid",
                "failed security attribute",
                "security attribute",
                "changed pid",
                "changed ppid",
            ],
            Self::File => &[
                "does not exist",
                "exists",
                "failed permission",
                "failed uid",
                "failed gid",
                "failed checksum",
                "failed type",
                "changed permission",
                "changed size",
                "changed timestamp",
                "changed checksum",
                "changed hardlink",
                "size",
                "timestamp",
                "atime",
                "ctime",
                "mtime",
                "hardlink",
                "content",
            ],
            Self::Directory | Self::Fifo => &[
                "does not exist",
                "exists",
                "failed permission",
                "failed uid",
                "failed gid",
                "failed type",
                "changed permission",
                "changed timestamp",
                "changed hardlink",
                "timestamp",
                "atime",
                "ctime",
                "mtime",
                "hardlink",
            ],
            Self::Filesystem => &[
                "does not exist",
                "exists",
                "space",
                "inodes",
                "failed permission",
                "failed uid",
                "failed gid",
                "changed permission",
                "changed fsflags",
                "read",
                "write",
                "service time",
                "does not answer",
            ],
            Self::Program => {
                &["status", "changed status", "content", "content changed", "does not run"]
            }
            Self::Host => &["failed port", "failed unixsocket", "failed url", "failed ping"],
            Self::Network => &[
                "link down",
                "link up",
                "changed link",
                "saturation",
                "download",
                "upload",
                "total downloaded",
                "total uploaded",
            ],
        };
        [first_words(self), others].concat()
    }
}
