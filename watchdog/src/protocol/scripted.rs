//! The other end of a conversation in tests: it says and hears what a script has, then hangs up.
//!
//! A script's lines: `<text` is said with CR and LF, `<.text` without; `>text` is a line that we must
//! say, or at least begin so.

use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream,
};

use super::{Carrier, Peer, Protocol};

/// More than any conversation here.
const ROOM: usize = 1 << 20;

/// The protocol of a name, without options.
pub(super) fn named(name: &str) -> Protocol {
    Protocol::named(name).expect("a protocol of this name")
}

/// Each script ends as expected: with an error that holds this text, or well where it is empty.
pub(super) fn check(protocol: &Protocol, cases: &[(&str, &str)]) {
    check_from(&stream(), protocol, cases);
}

/// The same with another way to the server.
pub(super) fn check_from(peer: &Peer<'_>, protocol: &Protocol, cases: &[(&str, &str)]) {
    for (script, expected) in cases {
        let (ours, theirs) = tokio::io::duplex(ROOM);
        let (told, played) =
            run(async { tokio::join!(converse(protocol, peer, ours), play(script, theirs)) });
        judge(&told, expected, script);
        // What failed need not be heard to the end.
        if told.is_ok() {
            assert_eq!(played, Ok(()), "{script}");
        }
    }
}

/// The server hears `asked`, byte for byte, and answers this.
pub(super) fn check_bytes(protocol: &Protocol, asked: &[u8], answer: &[u8], expected: &str) {
    let (ours, mut theirs) = tokio::io::duplex(ROOM);
    let server = async move {
        let mut heard = vec![0; asked.len()];
        theirs.read_exact(&mut heard).await.map(|_| assert_eq!(heard, asked))?;
        theirs.write_all(answer).await
    };
    let peer = stream();
    let (told, _) = run(async { tokio::join!(converse(protocol, &peer, ours), server) });
    judge(&told, expected, &String::from_utf8_lossy(answer));
}

/// The conversation with a server that says this whatever it hears, then hangs up.
pub(super) fn answered(protocol: &Protocol, peer: &Peer<'_>, answer: &[u8]) -> Result<(), String> {
    let (ours, mut theirs) = tokio::io::duplex(ROOM);
    let server = async move {
        let _ = theirs.write_all(answer).await;
        let _ = theirs.shutdown().await;
        let _ = tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await;
    };
    run(async { tokio::join!(converse(protocol, peer, ours), server) }).0
}

fn stream() -> Peer<'static> {
    Peer::new("server.example", 1234, Carrier::Stream)
}

async fn converse(
    protocol: &Protocol,
    peer: &Peer<'_>,
    mut ours: DuplexStream,
) -> Result<(), String> {
    protocol.talk(&mut ours, peer).await.map_err(|error| error.to_string())
}

async fn play(script: &str, theirs: DuplexStream) -> Result<(), String> {
    let mut theirs = BufReader::new(theirs);
    for line in script.lines() {
        if let Some(expected) = line.strip_prefix('>') {
            let mut heard = String::new();
            let read = theirs.read_line(&mut heard).await;
            if !matches!(read, Ok(1..)) || !heard.starts_with(expected) {
                return Err(format!("`{expected}` was to be said, not `{heard}`"));
            }
        } else if let Some(said) = line.strip_prefix("<.") {
            let _ = theirs.get_mut().write_all(said.as_bytes()).await;
        } else if let Some(said) = line.strip_prefix('<') {
            let _ = theirs.get_mut().write_all(format!("{said}\r\n").as_bytes()).await;
        } else {
            return Err(format!("no line of a script: {line}"));
        }
    }
    Ok(())
}

fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(what)
}

fn judge(told: &Result<(), String>, expected: &str, script: &str) {
    match told {
        Ok(()) => assert_eq!(expected, "", "taken for alive: {script}"),
        Err(error) => {
            assert!(!expected.is_empty() && error.contains(expected), "{error}: {script}");
        }
    }
}
