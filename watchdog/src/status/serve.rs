//! The control socket itself: made safely, its callers counted, its file taken away at the end.
//!
//! Not here: what a request means (`routes`) and who may ask it (`peer`).

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Core;
use super::connection::{HEAD_WAIT, converse};
use super::peer::{self, Peer, Rights};
use super::routes::{Caller, answer};

/// Connections of readers at once; what comes above is closed.
const READERS: usize = 48;

/// Connections of root at once: readers can never lock it out.
const ACTORS: usize = 16;

/// How long requests under way may take to end after the daemon's.
const FAREWELL: Duration = Duration::from_secs(5);

/// The bound control socket.
#[derive(Debug)]
pub struct Socket {
    listener: StdListener,
    path: PathBuf,
    /// Device and inode of the file we made: we take away no other.
    made: (u64, u64),
    readers: Option<u32>,
}

/// Binds the control socket: mode 0660 for root and the group of readers, 0600 where the host has
/// no such group. Its folder is made (0755) if missing.
///
/// # Errors
/// `AddrInUse` where another daemon answers there, `AlreadyExists` where the path is no socket.
pub fn bind(path: &Path) -> io::Result<Socket> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    }
    clear(path)?;
    let socket = unix_socket()?;
    // Before `bind`, this is the mode the file is born with (Linux): no moment is open to others.
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(0o600))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let readers = peer::readers();
    if let Some(group) = readers {
        let root = Some(Uid::from_raw(rustix::process::geteuid().as_raw()));
        rustix::fs::chown(path, root, Some(Gid::from_raw(group)))?;
        rustix::fs::chmod(path, Mode::from_raw_mode(0o660))?;
    }
    rustix::net::listen(&socket, 64)?;
    let file = fs::symlink_metadata(path)?;
    let made = (file.dev(), file.ino());
    Ok(Socket { listener: StdListener::from(socket), path: path.to_owned(), made, readers })
}

/// Takes away a socket that nobody listens on any more.
fn clear(path: &Path) -> io::Result<()> {
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !file.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the path is not a socket"));
    }
    match rustix::net::connect(&unix_socket()?, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        // EAGAIN: its queue is full, so somebody holds it.
        Ok(()) | Err(Errno::AGAIN) => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers there"))
        }
        Err(error) => Err(error.into()),
    }
}

fn unix_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

impl Socket {
    /// Answers requests until `stop` turns true; then those under way are ended within 5 s and the
    /// file is taken away. Runs on the daemon's tokio runtime.
    pub async fn serve(self, core: Arc<Core>, stop: watch::Receiver<bool>) -> io::Result<()> {
        let listener = UnixListener::from_std(self.listener)?;
        let own_uid = rustix::process::geteuid().as_raw();
        let (readers, actors) =
            (Arc::new(Semaphore::new(READERS)), Arc::new(Semaphore::new(ACTORS)));
        let mut connections = JoinSet::new();
        let mut ending = stop.clone();
        loop {
            let accepted = tokio::select! {
                _ = ending.wait_for(|stopped| *stopped) => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(_out_of_descriptors) => {
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(peer) = Peer::of(&stream) else { continue };
            let rights = peer.rights(own_uid, self.readers);
            let places = if rights == Rights::Act { &actors } else { &readers };
            let Ok(place) = Arc::clone(places).try_acquire_owned() else { continue };
            let caller = Caller { core: Arc::clone(&core), rights, stop: stop.clone() };
            connections.spawn(async move {
                // A broken connection is the peer's loss; there is nobody to tell.
                let _ = serve_stream(stream, caller, Some(HEAD_WAIT)).await;
                drop(place);
            });
        }
        // First the name, then the listener: who is refused finds no file left either.
        remove_own(&self.path, self.made);
        drop(listener);
        let _ = timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
        Ok(())
    }
}

/// Answers the requests of one connected stream. The web front's private connection is served by
/// this as well, with rights to read and no limit between requests.
pub async fn serve_stream(
    stream: UnixStream,
    caller: Caller,
    head_wait: Option<Duration>,
) -> hyper::Result<()> {
    let stop = caller.stop.clone();
    converse(stream, head_wait, stop, |request| {
        let caller = caller.clone();
        async move { answer(&caller, request.map(drop)).await }
    })
    .await
}

fn remove_own(path: &Path, made: (u64, u64)) {
    // A next daemon may have replaced the file already.
    if fs::symlink_metadata(path).is_ok_and(|file| (file.dev(), file.ino()) == made) {
        // It is stale from now on in any case, and the next daemon clears it.
        let _ = fs::remove_file(path);
    }
}
