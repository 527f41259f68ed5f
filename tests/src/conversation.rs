//! One conversation with a real server, as whoever makes connections would have it.
//!
//! Not here: the servers (`debian`).

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ebpf_watchdog::protocol::{Carrier, Peer, Protocol};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UdpSocket, UnixStream};

use crate::until::until;

/// More than any server here needs to start: some make a database first.
const LONG: Duration = Duration::from_secs(180);
/// More than most answers take: a connection that was taken and forgotten by a server that just
/// begins is then made anew.
const ANSWER: Duration = Duration::from_secs(20);
/// Datagrams that a server may have missed are sent again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Where a server listens.
#[derive(Debug, Clone)]
pub enum At {
    /// A port of loopback.
    Tcp(u16),
    /// A port of loopback, by datagrams.
    Udp(u16),
    /// A socket.
    Unix(PathBuf),
}

/// Datagrams as a stream: each write is one, each read gives one.
struct Datagrams(UdpSocket);

impl AsyncRead for Datagrams {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.0.poll_recv(context, buffer)
    }
}

impl AsyncWrite for Datagrams {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.poll_send(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.poll_flush(context)
    }
}

/// The protocol of a name, without options.
///
/// # Panics
/// Where none is called so.
pub fn named(name: &str) -> Protocol {
    Protocol::named(name).expect("a protocol of this name")
}

/// One conversation. `password` is said as over TLS.
///
/// # Errors
/// What the protocol says of the server.
///
/// # Panics
/// Without a runtime.
pub fn talk(protocol: &Protocol, at: &At, password: Option<&str>) -> Result<(), String> {
    converse(protocol, at, password, password.is_some(), LONG)
}

/// One conversation that others may read.
///
/// # Errors
/// What the protocol says of the server.
///
/// # Panics
/// Without a runtime.
pub fn talk_in_clear(protocol: &Protocol, at: &At, password: &str) -> Result<(), String> {
    converse(protocol, at, Some(password), false, LONG)
}

fn converse(
    protocol: &Protocol,
    at: &At,
    password: Option<&str>,
    private: bool,
    patience: Duration,
) -> Result<(), String> {
    let conversation = async {
        let (port, carrier) = match at {
            At::Tcp(port) => (*port, Carrier::Stream),
            At::Udp(port) => (*port, Carrier::Datagram),
            At::Unix(_) => (0, Carrier::Stream),
        };
        let mut peer = Peer::new("127.0.0.1", port, carrier);
        (peer.private, peer.password) = (private, password);
        let told = match at {
            At::Tcp(port) => {
                protocol.talk(&mut TcpStream::connect(("127.0.0.1", *port)).await?, &peer).await
            }
            At::Udp(port) => {
                let socket = UdpSocket::bind("127.0.0.1:0").await?;
                socket.connect(("127.0.0.1", *port)).await?;
                protocol.talk(&mut Datagrams(socket), &peer).await
            }
            At::Unix(path) => protocol.talk(&mut UnixStream::connect(path).await?, &peer).await,
        };
        told.map_err(|error| std::io::Error::other(error.to_string()))
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let told = runtime.block_on(async { tokio::time::timeout(patience, conversation).await });
    told.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())
}

/// The server comes to answer, and is taken for alive.
///
/// # Panics
/// If it is not.
pub fn answers(protocol: &Protocol, at: &At) {
    answers_to(protocol, at, None);
}

/// The same of one who has a password.
///
/// # Panics
/// If it is not.
pub fn answers_to(protocol: &Protocol, at: &At, password: Option<&str>) {
    // What was sent before the server listened is never answered: it is asked again soon.
    let patience = if matches!(at, At::Udp(_)) { AGAIN } else { ANSWER };
    let once = || converse(protocol, at, password, password.is_some(), patience).ok();
    if until(LONG, once).is_none() {
        panic!("{protocol}: {:?}", talk(protocol, at, password));
    }
}
