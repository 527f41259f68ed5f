//! A site of the seed's, at a port of its own: what it answers may be changed.

use std::io::{Read, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex};

/// Answers every request alike, for as long as the test runs.
pub(super) struct Site {
    pub(super) port: u16,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Site {
    /// All is well there.
    pub(super) fn new(address: impl ToSocketAddrs) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let answer = Arc::new(Mutex::new((200, "ok".to_owned())));
        let answers = Arc::clone(&answer);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (status, body) = answers.lock().expect("nobody panics with it").clone();
                // Who asks may be gone already.
                let _asked = stream.read(&mut [0; 4096]);
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n");
                let _answered =
                    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
            }
        });
        Self { port, answer }
    }

    /// What it answers from now on.
    pub(super) fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().expect("nobody panics with it") = (status, body.to_owned());
    }
}
