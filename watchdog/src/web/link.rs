//! The front's one connection to the core. Questions asked at the same time are one question.
//!
//! Not here: what the answer says; the front passes it on or shows it (`page`).

use std::collections::VecDeque;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// After this the core counts as stalled.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// More than this is no answer of the core's (bytes).
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// The core does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stalled;

type Answer = Result<Bytes, Stalled>;

/// What is asked, and where the answer goes.
#[derive(Debug)]
struct Question {
    target: String,
    reply: oneshot::Sender<Answer>,
}

/// The way to the core; as many as are needed.
#[derive(Debug, Clone)]
pub struct Link {
    questions: mpsc::Sender<Question>,
}

/// Connects. The future carries the conversation and ends with the core.
///
/// # Errors
/// Where the connection is broken from the start.
pub async fn open(stream: UnixStream) -> hyper::Result<(Link, impl Future<Output = ()>)> {
    let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let (questions, asked) = mpsc::channel(super::limits::PLACES);
    let conversation = async move {
        tokio::select! {
            _ = connection => {}
            () = carry(requests, asked) => {}
        }
    };
    Ok((Link { questions }, conversation))
}

impl Link {
    /// The status document as JSON: all of it, or one page.
    ///
    /// # Errors
    /// After [`PATIENCE`], or where the core itself says that its engine does not answer.
    pub async fn status(&self, page: Option<usize>) -> Answer {
        let all = "/api/v1/status";
        let target = page.map_or_else(|| all.to_owned(), |page| format!("{all}?page={page}"));
        let (reply, answer) = oneshot::channel();
        let asking = async {
            let question = Question { target, reply };
            self.questions.send(question).await.map_err(|_gone| Stalled)?;
            answer.await.map_err(|_gone| Stalled)?
        };
        timeout(PATIENCE, asking).await.unwrap_or(Err(Stalled))
    }
}

/// Asks once for all who wait for the same. An answer that comes too late is still awaited: the connection
/// carries one question at a time, and the next answer must be the next question's.
async fn carry(mut requests: SendRequest<Empty<Bytes>>, mut asked: mpsc::Receiver<Question>) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Some(first) = asked.recv().await else { return };
            waiting.push_back(first);
        }
        while let Ok(next) = asked.try_recv() {
            waiting.push_back(next);
        }
        // Who has gone away needs no answer.
        waiting.retain(|question: &Question| !question.reply.is_closed());
        let Some(target) = waiting.front().map(|question| question.target.clone()) else {
            continue;
        };
        let Ok(answer) = exchange(&mut requests, &target).await else { return };
        let (same, others): (VecDeque<_>, _) =
            waiting.into_iter().partition(|question| question.target == target);
        waiting = others;
        for question in same {
            let _ = question.reply.send(answer.clone());
        }
    }
}

async fn exchange(
    requests: &mut SendRequest<Empty<Bytes>>,
    target: &str,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let request = Request::get(target).header(HOST, "core").body(Empty::new())?;
    requests.ready().await?;
    let response = requests.send_request(request).await?;
    let good = response.status().is_success();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await?.to_bytes();
    Ok(if good { Ok(body) } else { Err(Stalled) })
}
