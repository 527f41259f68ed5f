//! A TCP connection to a mail server that a hostile server cannot abuse.
//!
//! It hands out one line at a time, so that nothing read before STARTTLS can be taken for an
//! answer given after it (the buffer of the SMTP client outlives the switch to TLS; see
//! CVE-2011-0411 for the attack), and it ends after a bounded number of bytes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A server may say so many bytes within one conversation. An answer is a line or two.
const MOST: usize = 256 << 10;

/// The connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    held: Vec<u8>,
    given: usize,
    left: usize,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, held: Vec::new(), given: 0, left: MOST }
    }

    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the server says too much");
            return Poll::Ready(Err(error));
        }
        self.given = 0;
        self.held.resize(4096.min(self.left), 0);
        let mut buffer = ReadBuf::new(&mut self.held);
        let result = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
        let count = buffer.filled().len();
        self.held.truncate(count);
        self.left -= count;
        result
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given == self.held.len() {
            ready!(self.fill(cx))?;
        }
        let rest = &self.held[self.given..];
        let line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let count = line.min(out.remaining());
        out.put_slice(&rest[..count]);
        self.given += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        (Wire::new(ours.expect("connected")), theirs.expect("accepted").0)
    }

    #[tokio::test]
    async fn lines_come_one_at_a_time() {
        let (mut wire, mut server) = pair().await;
        server.write_all(b"220 ready\r\n250 injected\r\nrest").await.expect("written");
        drop(server);
        let mut buffer = [0; 100];
        for line in ["220 ready\r\n", "250 injected\r\n", "rest", ""] {
            let count = wire.read(&mut buffer).await.expect("read");
            assert_eq!(&buffer[..count], line.as_bytes());
        }
    }

    #[tokio::test]
    async fn a_server_that_never_ends_a_line_is_cut_off() {
        let (mut wire, mut server) = pair().await;
        let talker =
            tokio::spawn(async move { while server.write_all(&[b'x'; 4096]).await.is_ok() {} });
        let mut all = Vec::new();
        assert!(wire.read_to_end(&mut all).await.is_err());
        assert_eq!(all.len(), MOST);
        drop(wire);
        talker.await.expect("ends");
    }
}
