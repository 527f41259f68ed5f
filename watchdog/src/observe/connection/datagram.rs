//! A socket of datagrams as a stream: each write is one, and each read gives of one, in pieces where it
//! is asked for pieces.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{UdpSocket, UnixDatagram};

/// The largest datagram (RFC 768).
const LARGEST: usize = 65_535;

/// A connected socket.
pub(super) enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    fn poll_recv(&self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Udp(socket) => socket.poll_recv(context, into),
            Self::Unix(socket) => socket.poll_recv(context, into),
        }
    }

    /// Until it has an error: the runtime wakes no reader for that alone.
    async fn error(self: Arc<Self>) {
        let _ = match &*self {
            Self::Udp(socket) => socket.ready(Interest::ERROR).await,
            Self::Unix(socket) => socket.ready(Interest::ERROR).await,
        };
    }

    /// The error, which is forgotten; none: the runtime was mistaken, and will wait for the next.
    fn take_error(&self) -> io::Result<()> {
        let none = || io::Error::from(io::ErrorKind::WouldBlock);
        let taken = |taken: io::Result<Option<io::Error>>| Err(taken?.unwrap_or_else(none));
        let taken: io::Result<()> = match self {
            Self::Udp(socket) => socket.try_io(Interest::ERROR, || taken(socket.take_error())),
            Self::Unix(socket) => socket.try_io(Interest::ERROR, || taken(socket.take_error())),
        };
        match taken {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }
}

/// It with what is left of the datagram that came last.
pub(super) struct Datagrams {
    socket: Arc<Socket>,
    buffer: Vec<u8>,
    read: usize,
    error: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Datagrams {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket: Arc::new(socket), buffer: Vec::new(), read: 0, error: None }
    }

    /// The next datagram into the buffer.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut whole = vec![0; LARGEST];
        let mut space = ReadBuf::new(&mut whole);
        if let Poll::Ready(read) = self.socket.poll_recv(context, &mut space) {
            (self.buffer, self.read) = (space.filled().to_vec(), 0);
            return Poll::Ready(read);
        }
        loop {
            let error =
                self.error.get_or_insert_with(|| Box::pin(Arc::clone(&self.socket).error()));
            if error.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.error = None;
            if let Err(error) = self.socket.take_error() {
                return Poll::Ready(Err(error));
            }
        }
    }
}

impl AsyncRead for Datagrams {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // An empty one would look like the end.
        while this.read >= this.buffer.len() {
            match this.poll_next(context) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        let left = this.buffer.get(this.read..).unwrap_or_default();
        let piece = left.get(..into.remaining()).unwrap_or(left);
        into.put_slice(piece);
        this.read += piece.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Datagrams {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &*self.socket {
            Socket::Udp(socket) => socket.poll_send(context, from),
            Socket::Unix(socket) => socket.poll_send(context, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
