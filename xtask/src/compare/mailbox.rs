//! A mail server on loopback that takes everything and keeps the subjects.
//!
//! No more of SMTP than a client needs to hand over a mail. The tests use a real server.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use anyhow::Result;

/// An open mailbox. Its thread ends with the program.
#[derive(Debug)]
pub(super) struct Mailbox {
    port: u16,
    subjects: Arc<Mutex<Vec<String>>>,
}

impl Mailbox {
    pub(super) fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let subjects = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&subjects);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Each tool sends one after another; a broken conversation is its own loss.
                let _broken = converse(&stream, &kept);
            }
        });
        Ok(Self { port, subjects })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The subjects so far.
    pub(super) fn subjects(&self) -> Vec<String> {
        self.subjects.lock().map(|kept| kept.clone()).unwrap_or_default()
    }
}

fn converse(mut stream: &TcpStream, kept: &Mutex<Vec<String>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30)))?;
    stream.write_all(b"220 mailbox\r\n")?;
    let mut in_data = false;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if in_data {
            if let Some(subject) = line.strip_prefix("Subject: ")
                && let Ok(mut kept) = kept.lock()
            {
                kept.push(subject.to_owned());
            }
            in_data = line != ".";
            if in_data {
                continue;
            }
        }
        let answer: &[u8] = match line.to_ascii_uppercase().get(..4) {
            Some("DATA") => {
                in_data = true;
                b"354 go on\r\n"
            }
            Some("QUIT") => return stream.write_all(b"221 bye\r\n"),
            _ => b"250 mailbox\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
