//! One HTTP/1.1 connection inside its limits: header size and time, and time for writing.
//!
//! Used by the control socket and by the web front. Not here: how many connections there may be.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, rt};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use super::problem::Answer;

/// The head of a request may be so big (bytes); more is answered 431.
pub const HEAD_BYTES: usize = 8 * 1024;

/// A request may have so many header fields; more is answered 431.
pub const HEAD_FIELDS: usize = 64;

/// From the moment a head is waited for until it is complete; so an idle connection ends as well.
pub const HEAD_WAIT: Duration = Duration::from_secs(5);

/// How long a peer may take nothing of what is written to it.
pub const WRITE_WAIT: Duration = Duration::from_secs(10);

/// Answers the requests of one connection until it ends, breaks a limit, or `stop` turns true
/// (then the request under way is still answered). `head_wait` of none is for a peer that is ours.
pub async fn converse<S, A, F>(
    stream: S,
    head_wait: Option<Duration>,
    mut stop: watch::Receiver<bool>,
    answer: A,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Answer>,
{
    let io: Patient<S> = Patient { stream, patience: None };
    let service = service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_wait)
        .max_headers(HEAD_FIELDS)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(2 * HEAD_BYTES)
        .serve_connection(TokioIo::new(io), service);
    serve_until(connection, &mut stop).await
}

async fn serve_until<I, S>(
    connection: http1::Connection<I, S>,
    stop: &mut watch::Receiver<bool>,
) -> hyper::Result<()>
where
    I: rt::Read + rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = http_body_util::Full<hyper::body::Bytes>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        // An error means that nobody is left who could say stop: then it is time as well.
        _ = stop.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// A stream that fails with `TimedOut` when the peer takes nothing for [`WRITE_WAIT`].
struct Patient<S> {
    stream: S,
    /// Runs while a write is held up.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Patient<S> {
    fn write_with<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = write(Pin::new(&mut self.stream), context) {
            self.patience = None;
            return Poll::Ready(result);
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(WRITE_WAIT)));
        ready!(patience.as_mut().poll(context));
        patience.as_mut().reset(Instant::now() + WRITE_WAIT);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_with(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_with(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_with(context, |stream, context| stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(context, |stream, context| stream.poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
