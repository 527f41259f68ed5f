//! Apache's page of its workers' states, and limits of how many may be in each (`mod_status` in Apache's
//! manual, its page for machines: `?auto`).
//!
//! Not here: the request, which is `http`'s.

use std::fmt;
use std::path::Path;

use crate::metric::Operator;

use super::conversation::{Converse, Talking};
use super::http::{Http, document};
use super::{Conversation, Definition, Peer, ProtocolError, Stream};

pub(super) const PROTOCOLS: &[Definition] = &[Definition {
    name: "apache-status",
    title: "APACHESTATUS",
    port: 80,
    tls: false,
    conversation: Conversation::ApacheStatus(ApacheStatus::PLAIN),
}];

/// Where the page is unless told.
const PAGE: &str = "/server-status?auto";

/// What workers do: the word of its limit, and its letter on the page.
pub const STATES: [(&str, char); 10] = [
    ("cleanuplimit", 'I'),
    ("closelimit", 'C'),
    ("dnslimit", 'D'),
    ("gracefullimit", 'G'),
    ("keepalivelimit", 'K'),
    ("loglimit", 'L'),
    ("replylimit", 'W'),
    ("requestlimit", 'R'),
    ("startlimit", 'S'),
    ("waitlimit", '_'),
];

/// A share of the workers at which it is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerLimit {
    /// Of [`STATES`].
    pub word: &'static str,
    /// How the share stands to the limit where all is not well.
    pub operator: Operator,
    /// In percent.
    pub percent: u16,
}

/// The page and the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApacheStatus {
    /// How the page is asked for.
    pub http: Http,
    /// None: that the page is there is enough.
    pub limits: Vec<WorkerLimit>,
}

impl ApacheStatus {
    /// Only that the page is there.
    pub const PLAIN: Self = Self { http: Http::PLAIN, limits: Vec::new() };
}

impl fmt::Display for ApacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.http.fmt(f)?;
        for WorkerLimit { word, operator, percent } in &self.limits {
            write!(f, " {word} {operator} {percent}%")?;
        }
        Ok(())
    }
}

impl Converse for ApacheStatus {
    fn talk<'a>(&'a self, stream: &'a mut dyn Stream, peer: &'a Peer<'a>) -> Talking<'a> {
        Box::pin(talk(self, stream, peer))
    }

    fn password_file(&self) -> Option<&Path> {
        self.http.password_file()
    }
}

/// Asks and judges.
async fn talk(
    status: &ApacheStatus,
    stream: &mut dyn Stream,
    peer: &Peer<'_>,
) -> Result<(), ProtocolError> {
    let mut http = status.http.clone();
    if http.request.is_empty() {
        PAGE.clone_into(&mut http.request);
    }
    let page = document(&http, stream, peer).await?;
    let page = String::from_utf8_lossy(&page);
    let Some(board) = page.lines().find_map(|line| line.strip_prefix("Scoreboard: ")) else {
        return Err(ProtocolError::new(
            "APACHE-STATUS: no scoreboard (is the path that of `?auto`?)",
        ));
    };
    let count = |wanted: char| board.chars().filter(|state| *state == wanted).count();
    // Open slots have no worker.
    let workers = board.trim_end().chars().count() - count('.');
    if workers == 0 {
        return Err(ProtocolError::new("APACHE-STATUS: no worker"));
    }
    for WorkerLimit { word, operator, percent } in &status.limits {
        let letter = STATES.iter().find(|(own, _)| own == word).map_or('?', |(_, letter)| *letter);
        let share = 100.0 * count(letter) as f64 / workers as f64;
        if operator.holds(share, f64::from(*percent)) {
            let text =
                format!("APACHE-STATUS: {share:.1}% of the workers [{word} {operator} {percent}%]");
            return Err(ProtocolError::new(text));
        }
    }
    Ok(())
}
