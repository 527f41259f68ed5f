//! `reload`, `validate` and `quit`: orders to the daemon as a whole.

use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::client::{Client, block_on, read};
use super::print::output;
use super::{Done, Exit, Failure};

/// More than the daemon itself waits for its engine.
const WAIT: Duration = Duration::from_secs(70);

/// How long `quit` waits for the socket to go.
const FAREWELL: Duration = Duration::from_secs(30);

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

/// Ends the daemon and waits until it is gone.
pub fn quit(client: &Client) -> Done {
    block_on(async {
        order(client, "/api/v1/quit").await?;
        let gone = timeout(FAREWELL, async {
            while client.is_running().await {
                sleep(Duration::from_millis(50)).await;
            }
        });
        match gone.await {
            Ok(()) => Ok(Exit::Ok),
            Err(_elapsed) => Err(Failure::failed("the daemon has not ended within 30 s")),
        }
    })?
}

async fn order(client: &Client, path: &str) -> Done {
    let body = client.ask(Method::POST, path, WAIT).await?;
    let carried: Carried = read(&body)?;
    for line in carried.result.lines() {
        output(format!("{}\n", crate::escape::one_line(line)))?;
    }
    Ok(Exit::Ok)
}
