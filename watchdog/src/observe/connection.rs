//! Connections: each of a service's is made once, side by side, every attempt within its time.
//!
//! Not here: what is said (`protocol`) and whether a test holds (`check::connection`).

mod aside;
mod attempt;
mod datagram;
mod open;
mod secret;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::check::connection::{Connection, Conversation, Outcome, To};
use crate::check::{Check, CheckTest};
use crate::clock::{BootTime, boot_now};
use crate::identity::{NANOSECONDS_PER_TICK, ProcessKey};
use crate::protocol::Carrier;
use crate::service::{ProcessService, Service};

use attempt::attempt;

/// Connections of all services at the same time; each takes a descriptor or two.
const AT_ONCE: usize = 256;
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

/// How far an attempt has come: what did not happen in time.
#[derive(Clone, Copy)]
enum Stage {
    Name,
    Connection,
    Answer,
}

/// Where an attempt stands, for whoever ends it.
#[derive(Default)]
struct Progress(AtomicU8);

impl Progress {
    fn reached(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    fn missing(&self) -> &'static str {
        match self.0.load(Ordering::Relaxed) {
            0 => "the name was not resolved",
            1 => "no connection",
            _ => "no answer",
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
    let mut running = JoinSet::new();
    for (place, (with, connection)) in connections(service).into_iter().enumerate() {
        let address = Arc::clone(&address);
        running.spawn(async move { (place, converse(with, &connection, &address).await) });
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
async fn converse(with: String, connection: &Connection, address: &str) -> Conversation {
    // Never closed, so the error cannot happen.
    let _place = PLACES.acquire().await;
    let mut conversation =
        Conversation { with, at: place(&connection.to, address), ..Conversation::default() };
    for _ in 0..connection.retry.max(1) {
        let (begin, progress) = (boot_now(), Progress::default());
        let attempt = attempt(connection, address, begin, &progress);
        let ended = timeout(connection.timeout, attempt).await;
        let seconds = boot_now().since(begin).as_secs_f64();
        conversation.outcome = match ended {
            Ok(Ok(())) => Outcome::Succeeded,
            Ok(Err(Trouble::Ours(why))) => Outcome::Unknown(why),
            Ok(Err(Trouble::Theirs(why))) => Outcome::Failed(why),
            Err(_) => {
                let (missing, limit) = (progress.missing(), connection.timeout.as_secs_f64());
                Outcome::Failed(format!("{missing} within {limit} s"))
            }
        };
        if conversation.outcome == Outcome::Succeeded {
            conversation.seconds = Some(seconds);
            break;
        }
    }
    conversation
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
            format!("[{host}]:{} [{carrier}/IP]", port.number)
        }
        To::Unix(unix) => unix.path.display().to_string(),
    }
}

#[cfg(test)]
mod tests;
