//! `start`, `stop`, `restart`, `monitor` and `unmonitor` of services, waiting for each outcome.

use hyper::Method;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::arguments::Which;
use super::client::{Client, PATIENTLY, SHORTLY, block_on, read};
use super::names;
use super::print::{failure, output};
use super::{Done, Exit, Failure};
use crate::escape::one_line;
use crate::message::CommandVerb;
use crate::status::path::encode;

/// So many requests are under way at once: the daemon keeps places for other users.
const AT_ONCE: usize = 8;

/// What the daemon says of an action.
#[derive(Debug, Deserialize)]
struct Acted {
    result: Option<String>,
}

/// Sends the action to every service and prints each outcome as it comes.
pub fn run(client: &Client, verb: CommandVerb, which: &Which) -> Done {
    block_on(act_on_all(client, verb, which))?
}

async fn act_on_all(client: &Client, verb: CommandVerb, which: &Which) -> Done {
    let names = chosen(client, verb, which).await?;
    let mut waiting = names.into_iter();
    let mut under_way = JoinSet::new();
    let mut worst = Exit::Ok;
    loop {
        while under_way.len() < AT_ONCE {
            let Some(name) = waiting.next() else { break };
            let client = client.clone();
            let wait = !which.no_wait;
            under_way.spawn(async move {
                let result = act(&client, verb, &name, wait).await;
                (name, result)
            });
        }
        let Some(ended) = under_way.join_next().await else { return Ok(worst) };
        let (name, result) = ended.map_err(|error| Failure::failed(error.to_string()))?;
        match result {
            Ok(done) => output(format!("'{}' {}\n", one_line(&name), one_line(&done)))?,
            Err(error) if error.exit == Exit::NotRunning => return Err(error),
            Err(error) => {
                failure(&format!("'{name}' {}", error.text));
                if worst != Exit::NotAllowed {
                    worst = error.exit;
                }
            }
        }
    }
}

/// The services meant. Where a group, a pattern or all are meant, those that cannot be started or
/// stopped (the system) are left out of such actions.
async fn chosen(client: &Client, verb: CommandVerb, which: &Which) -> Result<Vec<String>, Failure> {
    let services = client.document().await?.services;
    let mut names = names::chosen(&services, &which.names, which.group.as_deref())?;
    let starts = matches!(verb, CommandVerb::Start | CommandVerb::Stop | CommandVerb::Restart);
    if starts {
        let is_host = |name: &String| {
            services.iter().any(|service| service.name == *name && service.kind == "system")
        };
        names.retain(|name| which.names.contains(name) || !is_host(name));
    }
    Ok(names)
}

async fn act(
    client: &Client,
    verb: CommandVerb,
    name: &str,
    wait: bool,
) -> Result<String, Failure> {
    let query = if wait { "" } else { "?wait=0" };
    let path = format!("/api/v1/services/{}/actions/{}{query}", encode(name), verb.word());
    let limit = if wait { PATIENTLY } else { SHORTLY };
    let body = client.ask(Method::POST, &path, limit).await?;
    let acted: Acted = read(&body)?;
    Ok(acted.result.unwrap_or_else(|| format!("{} is under way", verb.word())))
}
