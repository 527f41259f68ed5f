//! The client of the control socket: one request, one answer, inside a time.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Exit, Failure};
use crate::status::ACCOUNT;
use crate::status::problem::Problem;
use crate::status::view::Document;

/// More than this is no answer of ours (bytes).
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// For questions that the daemon answers at once. It gives up on its engine before.
pub const SHORTLY: Duration = Duration::from_secs(10);

/// For actions: more than the daemon itself waits.
pub const PATIENTLY: Duration = Duration::from_secs(3700);

/// The way to the daemon.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client; nothing is connected yet.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The body of a good answer. `path` is percent-coded.
    ///
    /// # Errors
    /// With the exit code that the contract has for it; the text is the problem's detail.
    pub async fn ask(&self, method: Method, path: &str, wait: Duration) -> Result<Bytes, Failure> {
        match timeout(wait, self.exchange(method, path)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Failure::failed("the daemon does not answer in time")),
        }
    }

    /// As [`Self::ask`], by GET and read as JSON.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let body = self.ask(Method::GET, path, SHORTLY).await?;
        read(&body)
    }

    /// The status document.
    pub async fn document(&self) -> Result<Document, Failure> {
        self.get("/api/v1/status").await
    }

    /// Whether something listens on the socket.
    pub async fn is_running(&self) -> bool {
        UnixStream::connect(&self.socket).await.is_ok()
    }

    /// The daemon's process; none where it cannot be told from here (another pid namespace).
    pub async fn process(&self) -> Option<OwnedFd> {
        let stream = UnixStream::connect(&self.socket).await.ok()?;
        let pid = Pid::from_raw(stream.peer_cred().ok()?.pid()?)?;
        pidfd_open(pid, PidfdFlags::empty()).ok()
    }

    async fn exchange(&self, method: Method, path: &str) -> Result<Bytes, Failure> {
        let stream =
            UnixStream::connect(&self.socket).await.map_err(|error| self.unreachable(&error))?;
        let (mut requests, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        // It ends with the answer, or is dropped with the runtime.
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .body(Empty::new())
            .map_err(|error| Failure::failed(error.to_string()))?;
        let answer = requests.send_request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| Failure::failed(format!("the daemon's answer breaks off: {error}")))?
            .to_bytes();
        connection.abort();
        if status.is_success() { Ok(body) } else { Err(refused(status, &body)) }
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let socket = self.socket.display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure {
                exit: Exit::NotRunning,
                text: format!("the daemon is not running ({socket}: {error})"),
            },
            io::ErrorKind::PermissionDenied => Failure {
                exit: Exit::NotAllowed,
                text: format!("{socket}: only root and the group {ACCOUNT} may ask the daemon"),
            },
            _ => Failure::failed(format!("{socket}: {error}")),
        }
    }
}

/// JSON of the daemon's.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::failed(format!("the daemon's answer is not readable: {error}")))
}

fn broken(error: &hyper::Error) -> Failure {
    // A daemon that has no place left closes the connection without a word.
    Failure::failed(format!("the daemon closed the connection: {error}"))
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let exit = match status {
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Exit::NotAllowed,
        StatusCode::UNPROCESSABLE_ENTITY => Exit::BadConfig,
        _ => Exit::Failed,
    };
    let text = serde_json::from_slice::<Problem>(body)
        .map_or_else(|_| status.to_string(), |problem| problem.detail);
    Failure { exit, text }
}

/// Runs a command's questions.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(runtime.block_on(future))
}
