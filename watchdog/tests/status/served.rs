//! A front inside the test's process, and requests to it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use crate::fake;
use ebpf_watchdog::status::Core;
use ebpf_watchdog::status::peer::Rights;
use ebpf_watchdog::status::routes::Caller;
use ebpf_watchdog::status::serve::serve_stream;
use ebpf_watchdog::web::answer::Front;
use ebpf_watchdog::web::{Login, Settings, front};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

/// ann:secret
pub(crate) const ANN: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
/// ann:wrong
pub(crate) const WRONG: &str = "Authorization: Basic YW5uOndyb25n\r\n";

pub(crate) fn settings(listen: &str) -> Settings {
    Settings {
        listen: listen.parse().expect("an address"),
        allow: Vec::new(),
        users: vec![Login {
            name: "ann".into(),
            hash: ebpf_watchdog::web::password::hash("secret", 4).expect("a hash"),
            operator: false,
        }],
        hosts: vec!["web1".into()],
    }
}

/// A front inside the test's process, on a port of its own.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) fn start(core: &Arc<Core>, settings: &Settings) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (told, address) = mpsc::channel();
        let front = Front::new(settings).expect("good settings");
        let core = Arc::clone(core);
        let thread = std::thread::spawn(move || {
            fake::runtime().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                told.send(listener.local_addr().expect("its address")).expect("waited for");
                let (ours, theirs) = UnixStream::pair().expect("a pair");
                let caller = Caller { core, rights: Rights::Read, stop: stopped.clone() };
                let mut stopped = stopped;
                tokio::select! {
                    _ = front::serve(theirs, listener, front) => {}
                    _ = serve_stream(ours, caller, None) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
        });
        let address = address.recv().expect("the front listens");
        Self { address, stop, thread: Some(thread) }
    }

    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        raw(self.address, bytes)
    }

    pub(crate) fn get(&self, path: &str, more: &str) -> (u16, String) {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
        let text = self.raw(head.as_bytes());
        (code(&text), text)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("the front listens");
    let _ = stream.write_all(bytes);
    let mut got = Vec::new();
    // A refusal may leave a part of the request unread: its close is a reset then.
    let _ = stream.read_to_end(&mut got);
    String::from_utf8(got).expect("UTF-8")
}

pub(crate) fn code(text: &str) -> u16 {
    text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}
