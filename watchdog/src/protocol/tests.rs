//! Conversations with servers that can be played byte by byte: right, wrong, cut short and spoiled answers.
//!
//! Not here: servers of lines of text (`scripted`), and real ones (`tests/tests/protocols.rs`).

mod database;
mod http;
mod message;
mod network;
mod spoiled;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{Carrier, Peer, Protocol, ProtocolError};

/// What a scripted server does next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Reads until this has been read.
    Hears(Vec<u8>),
    /// Reads so many bytes.
    Takes(usize),
    /// Writes.
    Says(Said, Edit),
}

/// What it writes.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// This.
    Bytes(Vec<u8>),
    /// Something made of what it has read last.
    Made(fn(&[u8]) -> Vec<u8>),
}

/// How what it writes is spoiled.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Not at all.
    None,
    /// So many quarters of it come.
    Quarters(usize),
    /// Other bytes from somewhere on.
    Splice(proptest::sample::Index, Vec<u8>),
}

impl Edit {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::None => {}
            Self::Quarters(quarters) => bytes.truncate(bytes.len() * quarters / 4),
            Self::Splice(at, with) => {
                let from = if bytes.is_empty() { 0 } else { at.index(bytes.len()) };
                let to = (from + with.len()).min(bytes.len());
                bytes.splice(from..to, with.iter().copied());
            }
        }
        bytes
    }
}

/// Reads until this has been read.
pub(super) fn hears(bytes: impl AsRef<[u8]>) -> Step {
    Step::Hears(bytes.as_ref().to_vec())
}

/// Writes.
pub(super) fn says(bytes: impl AsRef<[u8]>) -> Step {
    Step::Says(Said::Bytes(bytes.as_ref().to_vec()), Edit::None)
}

/// Writes what it makes of what it has read.
pub(super) fn replies(make: fn(&[u8]) -> Vec<u8>) -> Step {
    Step::Says(Said::Made(make), Edit::None)
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
        let peer = Peer::new("server.example", protocol.definition().port, Carrier::Stream);
        Self { protocol, peer: Peer { password: Some("secret"), ..peer }, steps }
    }

    /// Over datagrams.
    pub(super) fn datagram(mut self) -> Self {
        self.peer.carrier = Carrier::Datagram;
        self
    }

    /// Over a stream that nobody else reads.
    pub(super) fn private(mut self) -> Self {
        self.peer.private = true;
        self
    }

    /// `ok` or the reason.
    pub(super) fn verdict(&self) -> String {
        talk(&self.protocol, &self.peer, &self.steps).0.map_or_else(|e| e.0, |()| "ok".to_owned())
    }
}

/// One right conversation at least for each protocol: these are also cut short and spoiled.
pub(crate) fn examples() -> Vec<Example> {
    [http::examples(), database::examples(), message::examples(), network::examples()].concat()
}

async fn serve(mut stream: DuplexStream, steps: Vec<Step>) -> Vec<u8> {
    let (mut all, mut last) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Says(said, edit) => {
                let bytes = match said {
                    Said::Bytes(bytes) => bytes,
                    Said::Made(make) => make(&last),
                };
                if stream.write_all(&edit.apply(bytes)).await.is_err() {
                    break;
                }
                continue;
            }
            Step::Takes(count) => {
                last = vec![0; count];
                if stream.read_exact(&mut last).await.is_err() {
                    break;
                }
            }
            Step::Hears(what) => {
                last.clear();
                while !last.windows(what.len()).any(|window| window == what) {
                    match stream.read_u8().await {
                        Ok(byte) => last.push(byte),
                        Err(_) => return all,
                    }
                }
            }
        }
        all.extend(&last);
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
    Example::new(protocol.clone(), steps.to_vec()).verdict()
}

#[test]
fn right_servers_are_alive() {
    for example in examples() {
        assert_eq!(example.verdict(), "ok", "{example:?}");
    }
}

/// No protocol takes the first part of what a server says for enough.
#[test]
fn a_server_that_hangs_up_is_not_alive() {
    for mut example in examples() {
        let says = |step: &Step| matches!(step, Step::Says(..));
        let last = example.steps.iter().rposition(says).expect("a server says something");
        example.steps.truncate(last + 1);
        for quarters in 0..3 {
            if let Step::Says(_, edit) = &mut example.steps[last] {
                *edit = Edit::Quarters(quarters);
            }
            let told = example.verdict();
            assert!(told != "ok" && told != "both sides wait", "{told}: {example:?}");
        }
    }
}
