//! The front's process: settings in, a TCP listener, one task per connection.
//!
//! Not here: what a request gets (`answer`), and who starts this process (`spawn`).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::answer::{Front, answer};
use super::limits::{Place, Places};
use super::{Settings, confine, link, source_of};
use crate::status::connection::{HEAD_WAIT, converse};

/// How long the core may take to tell us our settings.
const SETTINGS_WAIT: Duration = Duration::from_secs(10);

/// Why the front ends.
#[derive(Debug)]
pub enum FrontError {
    /// Nobody told it its settings: it was not started by the core.
    NotOurs(io::Error),
    /// It cannot give up its rights, or cannot listen.
    Failed(io::Error),
}

impl From<io::Error> for FrontError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The front, on the socket pair that is our standard input, until the core is gone.
///
/// # Errors
/// As [`FrontError`] says.
pub fn run() -> Result<(), FrontError> {
    let (stream, settings) = from_core().map_err(FrontError::NotOurs)?;
    let front = Front::new(&settings)?;
    confine::confine()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| {
            io::Error::other(format!("cannot listen on {}: {error}", settings.listen))
        })?;
        serve(UnixStream::from_std(stream)?, listener, front).await
    })?;
    Ok(())
}

fn from_core() -> io::Result<(StdStream, Settings)> {
    let mut stream = StdStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_read_timeout(Some(SETTINGS_WAIT))?;
    let settings = Settings::receive(&mut stream)?;
    stream.set_nonblocking(true)?;
    Ok((stream, settings))
}

/// Serves until the core is gone.
///
/// # Errors
/// Where the connection to the core is broken from the start.
pub async fn serve(core: UnixStream, listener: TcpListener, front: Front) -> io::Result<()> {
    let (link, conversation) = link::open(core).await.map_err(io::Error::other)?;
    let front = Arc::new(front.with(link));
    tokio::select! {
        () = conversation => {}
        () = accept(&listener, &front) => {}
    }
    Ok(())
}

async fn accept(listener: &TcpListener, front: &Arc<Front>) {
    let places = Places::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // No place: closed without a word, which costs least.
                if let Some(place) = places.take(source_of(peer)) {
                    tokio::spawn(converse_with(stream, peer, place, Arc::clone(front)));
                }
            }
            Err(_out_of_descriptors) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse_with(stream: TcpStream, peer: SocketAddr, place: Place, front: Arc<Front>) {
    // Ends with the process; nobody says stop before.
    let (_keep, stop) = watch::channel(false);
    let source = source_of(peer);
    let conversation = converse(stream, Some(HEAD_WAIT), stop, |request| {
        // A body is not looked at: `answer` refuses a request that announces one.
        let request = request.map(drop);
        let (front, place) = (&front, &place);
        async move {
            let (answer, known) = answer(front, source, &request).await;
            if known {
                place.keep();
            }
            answer
        }
    });
    tokio::select! {
        // A broken connection is the browser's loss.
        _ = conversation => {}
        () = place.lost() => {}
    }
}
