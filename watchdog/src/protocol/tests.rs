//! Conversations with scripted servers: right, wrong, cut short and hostile answers.

mod http;
mod spoiled;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{Carrier, Peer, Protocol, ProtocolError};

/// What a scripted server does next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Reads until this has been read.
    Hears(Vec<u8>),
    /// Writes.
    Says(Vec<u8>),
}

/// Reads until this has been read.
pub(super) fn hears(bytes: impl AsRef<[u8]>) -> Step {
    Step::Hears(bytes.as_ref().to_vec())
}

/// Writes.
pub(super) fn says(bytes: impl AsRef<[u8]>) -> Step {
    Step::Says(bytes.as_ref().to_vec())
}

/// A protocol with its options, the other end, and what a right server does.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) protocol: Protocol,
    pub(super) peer: Peer<'static>,
    pub(super) steps: Vec<Step>,
}

impl Example {
    /// With a password, over a stream that others may read.
    pub(super) fn new(protocol: Protocol, steps: Vec<Step>) -> Self {
        let peer = Peer::new("server.example", protocol.port(), Carrier::Stream);
        Self { protocol, peer: Peer { password: Some("secret"), ..peer }, steps }
    }
}

/// One right conversation at least for each protocol: these are also cut short and spoiled.
pub(crate) fn examples() -> Vec<Example> {
    [http::examples()].concat()
}

async fn serve(mut stream: DuplexStream, steps: Vec<Step>) -> Vec<u8> {
    let mut all = Vec::new();
    for step in steps {
        match step {
            Step::Says(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            Step::Hears(what) => {
                let mut heard = Vec::new();
                while !heard.windows(what.len()).any(|window| window == what) {
                    match stream.read_u8().await {
                        Ok(byte) => heard.push(byte),
                        Err(_) => return all,
                    }
                }
                all.extend(heard);
            }
        }
    }
    all
}

/// The verdict about a server that does this and then hangs up, and what it has heard.
pub(super) fn talk(
    protocol: &Protocol,
    peer: &Peer<'_>,
    steps: &[Step],
) -> (Result<(), ProtocolError>, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (mut ours, theirs) = tokio::io::duplex(1 << 21);
        let client = async move {
            let talk = protocol.talk(&mut ours, peer);
            // The clock stands still while anybody has something to do.
            let judged = tokio::time::timeout(Duration::from_secs(60), talk).await;
            judged.unwrap_or_else(|_| Err(ProtocolError::new("both sides wait")))
        };
        tokio::join!(client, serve(theirs, steps.to_vec()))
    })
}

/// As [`talk`], for a table: `ok` or the reason.
pub(super) fn verdict(protocol: &Protocol, steps: &[Step]) -> String {
    let example = Example::new(protocol.clone(), steps.to_vec());
    match talk(protocol, &example.peer, steps).0 {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn right_servers_are_alive() {
    for example in examples() {
        let (judged, _) = talk(&example.protocol, &example.peer, &example.steps);
        assert_eq!(judged, Ok(()), "{example:?}");
    }
}

/// No protocol takes the first half of what a server says for enough.
#[test]
fn a_server_that_hangs_up_is_not_alive() {
    for example in examples() {
        let last = example.steps.iter().rposition(|step| matches!(step, Step::Says(_)));
        let last = last.expect("a server says something");
        for part in [0, 1, 2] {
            let mut steps = example.steps[..=last].to_vec();
            let Step::Says(bytes) = &mut steps[last] else { unreachable!() };
            bytes.truncate(bytes.len() * part / 4);
            let (judged, _) = talk(&example.protocol, &example.peer, &steps);
            let error = judged.expect_err(&format!("{part}/4 of {example:?}")).to_string();
            assert!(error != "both sides wait", "{part}/4 of {example:?}");
        }
    }
}
