//! What is watched besides processes and the host's numbers: as configured, as observed, and whether a
//! test about it holds.
//!
//! Pure: facts in, verdicts and Monit's words out. One kind, one file. Not here: how it is observed
//! (`observe`), for how long a test must hold (`engine`), and the sentences (`config::grammar`).

pub mod attribute;
pub mod connection;
pub mod file;
pub mod filesystem;
pub mod host;
pub mod network;
pub mod program;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::service::{EventWord, Program, Service, ServiceKind, Test};

/// A service that is no process: what is checked, and the programs that bring it about.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What is checked.
    pub check: Check,
    /// The start program.
    pub start: Option<Box<Program>>,
    /// The stop program.
    pub stop: Option<Box<Program>>,
    /// A restart program in place of stop and start.
    pub restart: Option<Box<Program>>,
}

/// What is checked. One variant, one file.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// A file, directory or named pipe.
    File(file::File),
    /// A mounted file system.
    Filesystem(filesystem::Filesystem),
    /// Another host, or this one over the network.
    Host(host::Host),
    /// A network interface.
    Network(network::Network),
    /// A program that is run, and judged by how it ends and what it says.
    Program(program::Probe),
}

impl Check {
    /// The key word in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File(file) => file.what.word(),
            Self::Filesystem(_) => "filesystem",
            Self::Host(_) => "host",
            Self::Network(_) => "network",
            Self::Program(_) => "program",
        }
    }

    /// What names the thing: what was known of a thing of another name is not known of it.
    pub(crate) fn named(&self) -> String {
        match self {
            Self::File(file) => format!("{:?}", file.path),
            Self::Filesystem(filesystem) => format!("{:?}", filesystem.source),
            Self::Host(host) => format!("{:?}", host.address),
            Self::Network(network) => format!("{:?}", network.interface),
            Self::Program(probe) => format!("{:?}", probe.program.argv),
        }
    }
}

/// A test of a check's own kind: `failed permission 755`, `failed port 80 protocol http`.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckTest {
    /// Of a file, directory or named pipe.
    File(file::Test),
    /// Of a file system.
    Filesystem(filesystem::Test),
    /// Of a port, a Unix socket, a URL or a ping; in processes and hosts.
    Connection(connection::Test),
    /// Of a network interface.
    Network(network::Test),
    /// Of a program.
    Program(program::Test),
    /// Of whom a process belongs to and what it descends from.
    Attribute(attribute::Test),
}

/// How the events of a test are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventNames {
    /// Monit's filter word.
    pub word: EventWord,
    /// The title of an alert about its failure.
    pub failed: &'static str,
    /// The title of an alert about its recovery.
    pub succeeded: &'static str,
}

/// What a test is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The observation that is judged.
    pub now: &'a Observation,
    /// The last one of which the rule has told what changed, also of a former run.
    pub before: Option<&'a Observation>,
}

/// Whether a test holds, and how it is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// True: what the sentence says is so. None: not known.
    pub truth: Option<bool>,
    /// The number or text that it was judged by, with its unit; for programs' environments.
    pub value: Option<String>,
    /// What it was compared with.
    pub limit: Option<String>,
    /// What is told when it holds: Monit's words.
    pub failed: String,
    /// What is told when it holds no longer.
    pub succeeded: String,
}

impl Judged {
    /// Nothing can be said.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Whether it holds, and what is told then, for tests of the kinds.
    #[cfg(test)]
    fn words(self) -> (Option<bool>, String) {
        (self.truth, if self.truth == Some(true) { self.failed } else { self.succeeded })
    }
}

/// How Monit calls that a certificate is about to end.
const EXPIRY: EventNames = EventNames {
    word: EventWord::Timestamp,
    failed: "Timestamp failed",
    succeeded: "Timestamp succeeded",
};

impl CheckTest {
    /// Whether it holds. Pure; never fails: what was not observed is not known.
    pub fn judge(&self, seen: Seen<'_>) -> Judged {
        match self {
            Self::File(test) => test.judge(seen),
            Self::Filesystem(test) => test.judge(seen),
            Self::Connection(test) => test.judge(seen),
            Self::Network(test) => test.judge(seen),
            Self::Program(test) => test.judge(seen),
            Self::Attribute(test) => test.judge(seen),
        }
    }

    /// Whether it is about a change: told anew each time, not a state that lasts.
    pub fn is_change(&self) -> bool {
        match self {
            Self::File(test) => test.is_change(),
            Self::Filesystem(test) => *test == filesystem::Test::FlagsChanged,
            Self::Network(test) => *test == network::Test::CapacityChanged,
            Self::Program(test) => test.is_change(),
            Self::Attribute(test) => test.is_change(),
            Self::Connection(_) => false,
        }
    }

    /// Why it holds, where that can be another while it goes on holding. What is only a number that
    /// moves is none.
    pub(crate) fn cause(&self, judged: &Judged) -> Option<String> {
        match self {
            // That something answers has no other cause.
            Self::Connection(test) => (!test.succeeded).then(|| connection::cause(judged)),
            Self::Program(test) => test.cause(judged),
            Self::File(test) => test.cause(judged),
            // An interface that is down, and one that is not there.
            Self::Network(network::Test::Link { .. }) => Some(judged.failed.clone()),
            Self::Network(_) | Self::Filesystem(_) | Self::Attribute(_) => None,
        }
    }

    /// Whether what fails is another event than the test's own: a certificate that ends, not the
    /// connection.
    pub(crate) fn is_other_event(&self, judged: &Judged) -> bool {
        match self {
            Self::Connection(test) => test.is_about_expiry(judged),
            _ => false,
        }
    }

    /// How its events are called; `other`: its other event, where it has two.
    pub fn event(&self, other: bool) -> EventNames {
        match self {
            Self::Connection(test) if other && test.valid_days.is_some() => EXPIRY,
            Self::File(test) => test.event(),
            Self::Filesystem(test) => test.event(),
            Self::Connection(test) => test.event(),
            Self::Network(test) => test.event(),
            Self::Program(test) => test.event(),
            Self::Attribute(test) => test.event(),
        }
    }
}

/// The sentence that means it: what the grammar reads back as the same.
impl fmt::Display for CheckTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(test) => test.fmt(f),
            Self::Filesystem(test) => test.fmt(f),
            Self::Connection(test) => test.fmt(f),
            Self::Network(test) => test.fmt(f),
            Self::Program(test) => test.fmt(f),
            Self::Attribute(test) => test.fmt(f),
        }
    }
}

/// What was observed of one service at one time. Kept over a restart of the daemon, so that what
/// changed meanwhile is noticed; hostile text inside is escaped by each sink.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Observation {
    /// What the service itself is.
    pub facts: Facts,
    /// How the connections that its rules ask for went, each once.
    pub conversations: Vec<connection::Conversation>,
}

impl Observation {
    /// What status shows.
    pub fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        let mut shown = self.facts.shown();
        if !self.conversations.is_empty() {
            let all = self.conversations.iter().map(connection::Conversation::shown).collect();
            shown.push(("connections", serde_json::Value::Array(all)));
        }
        shown
    }
}

/// What a service itself was observed to be. One variant, one file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// Nothing to observe besides connections, or nothing could be observed.
    #[default]
    None,
    /// Of a file, directory or named pipe.
    File(Box<file::Facts>),
    /// Of a file system.
    Filesystem(Box<filesystem::Facts>),
    /// Of a network interface.
    Network(Box<network::Facts>),
    /// Of a program.
    Program(program::Facts),
    /// Of a process.
    Attribute(attribute::Facts),
}

impl Facts {
    /// Whether the thing is there; `None`: not known, or a thing that always is.
    pub fn present(&self) -> Option<bool> {
        match self {
            Self::File(facts) => facts.present(),
            Self::Filesystem(facts) => facts.present(),
            Self::None | Self::Network(_) | Self::Program(_) | Self::Attribute(_) => None,
        }
    }

    /// How a program service's program ended last; -1 where it could not be run to its end.
    pub(crate) fn program_status(&self) -> Option<i32> {
        match self {
            Self::Program(facts) => facts.status(),
            _ => None,
        }
    }

    /// What is not observed because of what the thing is: news when it begins.
    pub(crate) fn refused(&self) -> Option<&str> {
        match self {
            Self::File(facts) => facts.refused.as_deref(),
            _ => None,
        }
    }

    /// Whether nothing but the time has changed: then there is nothing to note.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(facts), Self::File(other)) => facts.is_like(other),
            (Self::Filesystem(facts), Self::Filesystem(other)) => facts.is_like(other),
            (Self::Network(facts), Self::Network(other)) => facts.is_like(other),
            (facts, other) => facts == other,
        }
    }

    /// What status shows, in the form and order of the document: snake_case names, base units.
    pub fn shown(&self) -> Vec<(&'static str, serde_json::Value)> {
        match self {
            Self::None => Vec::new(),
            Self::File(facts) => facts.shown(),
            Self::Filesystem(facts) => facts.shown(),
            Self::Network(facts) => facts.shown(),
            Self::Program(facts) => facts.shown(),
            Self::Attribute(facts) => facts.shown(),
        }
    }
}

impl Service {
    /// The check, where it is no process and not the host.
    pub fn checked(&self) -> Option<&Checked> {
        match &self.kind {
            ServiceKind::Checked(checked) => Some(checked),
            ServiceKind::System | ServiceKind::Process(_) => None,
        }
    }

    /// Calls `visit` for each test of a check's kind, in the order of the rules.
    pub fn for_each_check_test(&self, mut visit: impl FnMut(&CheckTest)) {
        for rule in &self.rules {
            rule.condition.for_each_test(&mut |test| {
                if let Test::Check(test) = test {
                    visit(test);
                }
            });
        }
    }

    /// Whether something has to be observed for it that no kernel event tells.
    pub fn is_observed(&self) -> bool {
        let mut asked = self.checked().is_some();
        self.for_each_check_test(|_| asked = true);
        asked
    }
}
