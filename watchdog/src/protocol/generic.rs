//! A conversation as the sentence has it: `send "…" expect "…"`, for servers whose protocol has no name.
//!
//! Texts are Monit's: `\r`, `\n`, `\t` and `\0xFF` stand for the bytes; what is expected is a pattern, and
//! a zero byte of the answer is looked for as `\0`.

use std::fmt;
use std::time::Duration;

use regex::bytes::{Regex, RegexBuilder};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::{ProtocolError, Quoted, Stream, say};

/// What is read of one answer at most; the rest of a longer one is not waited for.
const READ: usize = 64 * 1024;
/// An answer that pauses for so long is over, if it fits.
const PAUSE: Duration = Duration::from_millis(200);
/// One that does not fit may pause for so long before it is wrong.
const PATIENCE: Duration = Duration::from_secs(1);
/// A pattern that needs more memory is an accident.
const SIZE: usize = 1 << 20;

/// The steps in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script(pub Vec<Step>);

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Say this; as written.
    Send(String),
    /// The answer must match; as written.
    Expect(String),
}

impl Step {
    /// Whether it can be carried out.
    ///
    /// # Errors
    /// One line: what is wrong with the pattern.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Send(_) => Ok(()),
            Self::Expect(pattern) => compile(pattern).map(drop),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            let (word, text) = match step {
                Step::Send(text) => ("send", text),
                Step::Expect(text) => ("expect", text),
            };
            write!(f, "{gap}{word} {}", Quoted(text))?;
        }
        Ok(())
    }
}

/// Carries the steps out. So many bytes are kept of one answer: Monit's `sendExpectBuffer`.
///
/// # Errors
/// An answer that does not match, or none.
pub async fn talk(
    stream: &mut dyn Stream,
    script: &Script,
    kept: usize,
) -> Result<(), ProtocolError> {
    for (index, step) in script.0.iter().enumerate() {
        match step {
            Step::Send(text) => say(stream, &bytes(text)).await?,
            Step::Expect(pattern) => {
                let pattern = compile(pattern).map_err(ProtocolError::new)?;
                // Behind the last answer there is nobody whom the rest of it could disturb.
                let last = index + 1 == script.0.len();
                expect(stream, &pattern, kept, last).await?;
            }
        }
    }
    Ok(())
}

/// Reads one answer until it matches and is over.
async fn expect(
    stream: &mut dyn Stream,
    pattern: &Regex,
    kept: usize,
    last: bool,
) -> Result<(), ProtocolError> {
    let mut heard = Vec::new();
    let (mut all, mut matched) = (0, false);
    loop {
        let mut chunk = [0; 1024];
        let pause = if matched { PAUSE } else { PATIENCE };
        let read = match heard.is_empty() {
            // Whoever asked waits no longer than the connection's own time.
            true => stream.read(&mut chunk).await?,
            false => match timeout(pause, stream.read(&mut chunk)).await {
                Ok(read) => read?,
                Err(_) => 0,
            },
        };
        if read == 0 {
            break;
        }
        all += read;
        let room = kept.saturating_sub(heard.len());
        heard.extend(chunk.iter().take(read.min(room)).copied());
        matched = pattern.is_match(&escaped(&heard));
        if (matched && last) || all >= READ {
            break;
        }
    }
    if matched {
        return Ok(());
    }
    if heard.is_empty() {
        return Err(ProtocolError::new("the server hung up"));
    }
    let text = escaped(&heard);
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    Err(ProtocolError::new(format!(
        "GENERIC: received unexpected data [{text}] -- expected [{pattern}]"
    )))
}

/// A zero byte as the two signs by which a pattern can name it.
fn escaped(heard: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(heard.len());
    for byte in heard {
        match byte {
            0 => escaped.extend(b"\\0"),
            other => escaped.push(*other),
        }
    }
    escaped
}

fn compile(pattern: &str) -> Result<Regex, String> {
    // `\0xFF` is Monit's and one byte; `\xFF` is that in a pattern of bytes only.
    let (unicode, byte) = if pattern.is_ascii() { (false, r"\x$1") } else { (true, r"(?-u:\x$1)") };
    let hex = Regex::new(r"\\0x([0-9A-Fa-f]{2})").map_err(|error| error.to_string())?;
    let pattern = hex.replace_all(pattern.as_bytes(), byte.as_bytes());
    let pattern = String::from_utf8_lossy(&pattern);
    let built = RegexBuilder::new(&pattern).unicode(unicode).size_limit(SIZE).build();
    built.map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
}

/// What a text to send means.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        bytes.extend(before.as_bytes());
        let hex = escape.strip_prefix("\\0x").and_then(|hex| hex.get(..2));
        let (byte, length) = match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (byte, 5),
            None => match escape.as_bytes().get(1) {
                Some(b'r') => (b'\r', 2),
                Some(b'n') => (b'\n', 2),
                Some(b't') => (b'\t', 2),
                Some(b'\\') => (b'\\', 2),
                _ => (b'\\', 1),
            },
        };
        bytes.push(byte);
        rest = escape.get(length..).unwrap_or_default();
    }
    bytes.extend(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    use super::*;

    fn script(steps: &[(&str, &str)]) -> Script {
        let step = |(word, text): &(&str, &str)| match *word {
            "send" => Step::Send((*text).to_owned()),
            _ => Step::Expect((*text).to_owned()),
        };
        Script(steps.iter().map(step).collect())
    }

    type Steps = [(&'static str, &'static str)];
    type Pieces = [(u64, &'static [u8])];

    /// The server says each piece after a pause (in ms) and hangs up; what it heard comes back too.
    /// The clock is tokio's own and waits for nobody.
    fn play(steps: &[(&str, &str)], pieces: &[(u64, &[u8])]) -> (Result<(), String>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let script = script(steps);
        runtime.block_on(async {
            let (mut ours, theirs) = duplex(1 << 20);
            let (mut hears, mut says) = tokio::io::split(theirs);
            let server = async {
                for (pause, piece) in pieces {
                    sleep(Duration::from_millis(*pause)).await;
                    let _ = says.write_all(piece).await;
                }
                let _ = says.shutdown().await;
            };
            let client = async {
                let told = talk(&mut ours, &script, 256).await;
                let _ = ours.shutdown().await;
                drop(ours);
                told
            };
            let mut heard = Vec::new();
            let listener = hears.read_to_end(&mut heard);
            let ((), told, _) = tokio::join!(server, client, listener);
            (told.map_err(|error| error.0), heard)
        })
    }

    #[test]
    fn answers_are_compared_with_patterns() {
        let hung_up = "the server hung up";
        let cases: [(&Steps, &Pieces, &str); 11] = [
            (&[("expect", "^220.*")], &[(0, b"220 hello\r\n")], ""),
            (&[("expect", "^220.*hello")], &[(0, b"22"), (150, b"0 hel"), (150, b"lo\r\n")], ""),
            // Slower than a pause, sooner than our patience.
            (&[("expect", "hello")], &[(0, b"220 "), (900, b"hello")], ""),
            (
                &[("expect", "hello")],
                &[(0, b"220 "), (1100, b"hello")],
                "[220] -- expected [hello]",
            ),
            (&[("expect", "^220")], &[(0, b"554 go\0away\r\n")], "unexpected data [554 go\\0away]"),
            (&[("expect", "220")], &[], hung_up),
            (&[("expect", "^[\\\\]0x")], &[(0, b"\0x")], ""),
            (&[("expect", "^\\0xFF\\0xfe")], &[(0, b"\xff\xfe")], ""),
            (&[("expect", "^\\0xFFä")], &[(0, b"\xff\xc3\xa4")], ""),
            // The rest of one answer is no part of the next.
            (
                &[("expect", "^220"), ("send", "HELO\\r\\n"), ("expect", "^250")],
                &[(0, b"220 a"), (100, b" long greeting\r\n"), (1000, b"250 ok\r\n")],
                "",
            ),
            (
                &[("expect", "^220"), ("send", "x"), ("expect", "^250")],
                &[(0, b"220\r\n"), (500, b"500 no\r\n")],
                "[500 no] -- expected [^250]",
            ),
        ];
        for (steps, pieces, error) in cases {
            let (told, _) = play(steps, pieces);
            match told {
                Ok(()) => assert_eq!(error, "", "{steps:?} {pieces:?}"),
                Err(why) => assert!(!error.is_empty() && why.contains(error), "{steps:?}: {why}"),
            }
        }
    }

    #[test]
    fn what_is_sent_is_in_monits_escapes() {
        for (text, sent) in [
            ("QUIT\\r\\n", b"QUIT\r\n".as_slice()),
            ("\\0xFF\\0x00get", b"\xff\0get"),
            ("\\t\\\\ \\x \\0xZZ \\0x\u{e4} \\", b"\t\\ \\x \\0xZZ \\0x\xc3\xa4 \\"),
            ("", b""),
        ] {
            let (told, heard) = play(&[("send", text)], &[]);
            assert_eq!((told, heard.as_slice()), (Ok(()), sent), "{text}");
        }
    }

    #[test]
    fn an_endless_answer_ends() {
        let much = vec![b'x'; 200 * 1024];
        let (told, _) = play(&[("expect", "y")], &[(0, &much)]);
        assert!(told.is_err_and(|why| why.len() < 356));
        // What fits is taken from the beginning, as much as is kept.
        let (told, _) = play(&[("expect", "^x{256}$")], &[(0, &much)]);
        assert_eq!(told, Ok(()));
    }

    #[test]
    fn a_pattern_is_checked_before_it_is_needed() {
        assert!(Step::Expect("(".into()).check().is_err());
        assert!(Step::Expect("x{1000}{1000}".into()).check().is_err());
        assert!(Step::Send("(".into()).check().is_ok());
    }
}
