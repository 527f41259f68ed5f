//! `reload`, `validate` and `quit`: orders to the daemon as a whole.

use std::os::fd::OwnedFd;
use std::time::Duration;

use hyper::Method;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::client::{Client, block_on, read};
use super::print::{failure, output};
use super::{Done, Exit, Failure};

/// More than the daemon itself waits for its engine.
const WAIT: Duration = Duration::from_secs(70);

/// How long `quit` waits before it says so, and how long then.
const SOON: Duration = Duration::from_secs(1);
const FAREWELL: Duration = Duration::from_secs(60);

/// What the daemon says of an order.
#[derive(Debug, Deserialize)]
struct Carried {
    result: String,
}

/// Reads the rule file again. A bad one is exit code 78, and the old rules stay in force.
pub fn reload(client: &Client) -> Done {
    block_on(order(client, "/api/v1/reload"))?
}

/// Judges all rules now.
pub fn validate(client: &Client) -> Done {
    block_on(order(client, "/api/v1/validate"))?
}

/// Ends the daemon and waits until it is gone, and with it what keeps another from running.
pub fn quit(client: &Client, no_wait: bool) -> Done {
    let process = block_on(async {
        // Before the order: a pid is somebody else's as soon as its process is gone.
        let process = client.process().await;
        order(client, "/api/v1/quit").await.map(|_| process)
    })??;
    if no_wait {
        return Ok(Exit::Ok);
    }
    let gone = |within| match &process {
        Some(process) => has_ended(process, within),
        None => block_on(is_silent(client, within)),
    };
    if gone(SOON)? {
        return Ok(Exit::Ok);
    }
    failure("waiting for the daemon to end: it finishes what is under way and its mail");
    if gone(FAREWELL)? {
        return Ok(Exit::Ok);
    }
    let text = format!("the daemon has not ended within {} s", FAREWELL.as_secs());
    Err(Failure::failed(text))
}

/// Whether the process ends within the time.
fn has_ended(process: &OwnedFd, within: Duration) -> Result<bool, Failure> {
    let limit = Timespec { tv_sec: within.as_secs().cast_signed(), tv_nsec: 0 };
    // A pidfd is readable from the end on (pidfd_open(2)).
    let mut ended = [PollFd::new(process, PollFlags::IN)];
    match poll(&mut ended, Some(&limit)) {
        Ok(ready) => Ok(ready > 0),
        Err(error) => Err(Failure::failed(format!("cannot wait for the daemon: {error}"))),
    }
}

/// Whether nobody listens on the socket any more within the time: where the process cannot be told from
/// here.
async fn is_silent(client: &Client, within: Duration) -> bool {
    let silent = async {
        while client.is_running().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(within, silent).await.is_ok()
}

async fn order(client: &Client, path: &str) -> Done {
    let body = client.ask(Method::POST, path, WAIT).await?;
    let carried: Carried = read(&body)?;
    for line in carried.result.lines() {
        output(format!("{}\n", crate::escape::one_line(line)))?;
    }
    Ok(Exit::Ok)
}
