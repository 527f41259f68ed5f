//! Connections: each of a service's is made once, side by side, every attempt within its time.
//!
//! Not here: what is said (`protocol`) and whether a test holds (`check::connection`).

mod aside;
mod attempt;
mod datagram;
mod open;
mod ping;
mod progress;
mod secret;
mod tls;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::check::connection::{Connection, Conversation, Outcome, To};
use crate::check::{Check, CheckTest};
use crate::clock::{BootTime, boot_now};
use crate::identity::{NANOSECONDS_PER_TICK, ProcessKey};
use crate::protocol::Carrier;
use crate::secrets::hidden;
use crate::service::{ProcessService, Service, Sizes};

use attempt::attempt;
use progress::{Progress, Stage};

/// Connections of all services at the same time; each takes a descriptor or two.
const AT_ONCE: usize = 256;
/// So much is told of why a conversation failed, in bytes.
const LONGEST: usize = 512;
static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// Why there was no conversation, or none that shows that the server is alive.
pub(super) enum Trouble {
    /// For want of something that we need ourselves: it says nothing of the server.
    Ours(String),
    /// The server's.
    Theirs(String),
}

impl Trouble {
    /// Of a system call.
    fn of(error: &std::io::Error) -> Self {
        use rustix::io::Errno;
        let text = crate::protocol::plain(error);
        let ours = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
        match ours.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) {
            true => Self::Ours(text),
            false => Self::Theirs(text),
        }
    }
}

/// Makes every connection that the service's rules ask for. Of a process that may still be starting
/// none is made: nothing is known of them then.
pub(super) async fn observe(service: &Service, main: Option<ProcessKey>) -> Vec<Conversation> {
    if let (Some(process), Some(main)) = (service.process(), main)
        && is_starting(process, main, boot_now())
    {
        return Vec::new();
    }
    let address: Arc<str> = match service.checked().map(|checked| &checked.check) {
        Some(Check::Host(host)) => host.address.as_str().into(),
        _ => "localhost".into(),
    };
    let sizes = service.control.sizes;
    let mut running = JoinSet::new();
    for (place, (with, connection)) in connections(service).into_iter().enumerate() {
        let address = Arc::clone(&address);
        running.spawn(async move { (place, converse(with, &connection, &address, sizes).await) });
    }
    let mut made = Vec::new();
    while let Some(ended) = running.join_next().await {
        // One that panicked (a bug of ours) is not known.
        made.extend(ended.ok());
    }
    made.sort_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, conversation)| conversation).collect()
}

/// Each connection once, with its sentence.
fn connections(service: &Service) -> Vec<(String, Arc<Connection>)> {
    let mut wanted: Vec<(String, Arc<Connection>)> = Vec::new();
    service.for_each_check_test(|test| {
        if let CheckTest::Connection(test) = test {
            let with = test.connection.to_string();
            if wanted.iter().all(|(known, _)| *known != with) {
                wanted.push((with, Arc::clone(&test.connection)));
            }
        }
    });
    wanted
}

/// Whether the process is no older than the time that its start may take.
fn is_starting(process: &ProcessService, main: ProcessKey, now: BootTime) -> bool {
    let born = BootTime(main.start.saturating_mul(NANOSECONDS_PER_TICK));
    let start = process.start.as_ref().or(process.restart.as_ref());
    start.is_some_and(|start| now.since(born) <= start.timeout)
}

/// Makes one connection, as often as it may be tried.
async fn converse(
    with: String,
    connection: &Connection,
    address: &str,
    sizes: Sizes,
) -> Conversation {
    // Never closed, so the error cannot happen.
    let _place = PLACES.acquire().await;
    let mut conversation = Conversation {
        with,
        at: place(&connection.to, address),
        protocol: match &connection.to {
            To::Port(port) => Some(port.talk.title().to_owned()),
            To::Unix(unix) => Some(unix.talk.title().to_owned()),
            To::Ping(_) => None,
        },
        ..Conversation::default()
    };
    for number in 1..=connection.retry.max(1) {
        let (begin, progress) = (boot_now(), Progress::default());
        let attempt = attempt(connection, address, begin, sizes, &progress);
        let ended = timeout(connection.timeout, attempt).await;
        let stage = progress.stage();
        conversation.certificate = progress.certificate();
        (conversation.outcome, conversation.seconds) = match ended {
            Ok(Ok(seconds)) => (Outcome::Succeeded, seconds),
            Ok(Err(Trouble::Ours(why))) => (Outcome::Unknown(why), None),
            Ok(Err(Trouble::Theirs(why))) => (Outcome::Failed(shortened(why)), None),
            Err(_) => (stage.within(connection.timeout), None),
        };
        match &conversation.outcome {
            Outcome::Succeeded => break,
            Outcome::Failed(why) if number < connection.retry => {
                let said = connection.attempted(&conversation.at, why, number);
                conversation.attempts.push(said);
            }
            Outcome::Failed(_) | Outcome::Unknown(_) => {}
        }
    }
    conversation
}

/// A server may say tens of kilobytes: no line of a log or a mail is to be as long.
fn shortened(mut why: String) -> String {
    if why.len() > LONGEST {
        why.truncate(why.floor_char_boundary(LONGEST));
        why.push('…');
    }
    why
}

/// The other end in Monit's words.
fn place(to: &To, address: &str) -> String {
    match to {
        To::Port(port) => {
            let host = port.host.as_deref().unwrap_or(address);
            let carrier = match port.carrier {
                Carrier::Stream => "TCP",
                Carrier::Datagram => "UDP",
            };
            let tls = if port.tls.is_some() { " TLS" } else { "" };
            format!("[{host}]:{}{} [{carrier}/IP{tls}]", port.number, hidden(port.talk.request()))
        }
        To::Unix(unix) => unix.path.display().to_string(),
        To::Ping(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests;
