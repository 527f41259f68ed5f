//! How a service stands to others and to us: on what it depends, when it is checked, and whether it is
//! touched.
//!
//! Plain data. Not here: keeping to it (`engine`).

use std::time::Duration;

use super::Recipient;
use super::every::Every;
use crate::check::connection::Connection;

/// What every kind of service may say about how it is treated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Control {
    /// `depends_on:`: names of other services, as those write them; without loops.
    pub depends_on: Vec<String>,
    /// `mode: passive`: rules alert where they would start, stop or restart.
    pub passive: bool,
    /// `every:`: when it is checked; none: in each cycle.
    pub every: Option<Every>,
    /// `alert:`: told of this service; in place of an entry of `alerts` with the same address.
    pub alert: Vec<Recipient>,
    /// `noalert:`: addresses of `alerts` that are not told of it.
    pub noalert: Vec<String>,
    /// `onreboot:` of the service, else of the file.
    pub onreboot: OnReboot,
    /// `limits:` of the file.
    pub sizes: Sizes,
}

/// Whether a service is monitored after a boot of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnReboot {
    /// Yes.
    #[default]
    Start,
    /// No.
    NoStart,
    /// As before.
    LastState,
}

impl OnReboot {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::NoStart => "nostart",
            Self::LastState => "laststate",
        }
    }
}

/// `limits:` of the file: what holds where a service says nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// A `program` service.
    pub program_timeout: Duration,
    /// A start program, with the appearance of its process.
    pub start_timeout: Duration,
    /// A stop program, and the time between TERM and KILL.
    pub stop_timeout: Duration,
    /// A restart program.
    pub restart_timeout: Duration,
    /// A program of a rule.
    pub exec_timeout: Duration,
    /// A connection or a ping whose sentence names no `timeout`.
    pub network_timeout: Duration,
    /// What is kept of texts from outside.
    pub sizes: Sizes,
}

/// How much of a text from outside is kept, in bytes. Monit's names and its defaults, but for the
/// file's content (511 there).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// Of what a `program` service says: it is told, shown and noted.
    pub program_output: usize,
    /// Of one answer that `expect` looks at.
    pub send_expect_buffer: usize,
    /// Of a line of a file that is looked at.
    pub file_content_buffer: usize,
    /// Of a page whose content or checksum is asked for.
    pub http_content_buffer: usize,
    /// A longer file has no checksum.
    pub checksum_size: u64,
}

impl Sizes {
    /// The most that the first three may be: ten thousand services note as much each.
    pub const LONGEST_TEXT: usize = 64 << 10;
    /// The most that a page may be: 256 of them are read at the same time at most.
    pub const LONGEST_PAGE: usize = 8 << 20;
    /// The most that a file may be: read for a day.
    pub const LONGEST_FILE: u64 = 16 << 40;
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            program_output: 512,
            send_expect_buffer: 256,
            file_content_buffer: 4096,
            http_content_buffer: 1 << 20,
            // Some minutes of reading. `/proc/kcore` and a sparse file may be exabytes.
            checksum_size: 64 << 30,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            program_timeout: seconds(300),
            start_timeout: seconds(30),
            stop_timeout: seconds(30),
            restart_timeout: seconds(30),
            exec_timeout: seconds(300),
            network_timeout: Connection::TIMEOUT,
            sizes: Sizes::default(),
        }
    }
}
