//! What the tests of mail stand on: a notifier, servers and alerts to send.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebpf_watchdog::clock;
use ebpf_watchdog::message::{Alert, Level, LogLine, Receiver};
use ebpf_watchdog::notify::{Notifier, NotifyStats, Parts};
use ebpf_watchdog::service::{EventWord, Mail, MailServer, MailTls, Secret, Severity};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use tokio::runtime::Runtime;
use watchdog_tests::smtp::{Received, USER};

/// A wait this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// For servers that never answer; those that do are to be quicker on a busy machine too.
pub(crate) const SHORT: Duration = Duration::from_secs(5);

/// A notifier on a runtime of its own, as in the daemon.
pub(crate) struct Sender {
    pub(crate) notifier: Notifier,
    log: Arc<Mutex<Vec<LogLine>>>,
    pub(crate) runtime: Runtime,
}

impl Sender {
    pub(crate) fn new(state_dir: &Path, servers: Vec<MailServer>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let parts = Parts {
            host: "invhost".to_owned(),
            mail: Some(mail(servers)),
            state_dir: state_dir.to_owned(),
            slots: 1000,
            log: Arc::new(move |line| lines.lock().expect("the log").push(line)),
        };
        let notifier = Notifier::start(parts, runtime.handle());
        Self { notifier, log, runtime }
    }

    pub(crate) fn send(&self, alert: Alert) -> &Self {
        self.notifier.send(alert);
        self
    }

    /// Runs until everything is delivered.
    pub(crate) fn drained(&self) -> NotifyStats {
        let done = self.runtime.block_on(self.notifier.drain(LONG));
        assert!(done, "{:?} {:#?}", self.notifier.stats(), self.said());
        self.notifier.stats()
    }

    /// Runs until the counters are as wanted.
    pub(crate) fn until(&self, wanted: impl Fn(&NotifyStats) -> bool) -> NotifyStats {
        self.runtime.block_on(async {
            for _ in 0..6000 {
                let stats = self.notifier.stats();
                if wanted(&stats) {
                    return stats;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("{:?} {:#?}", self.notifier.stats(), self.said());
        })
    }

    pub(crate) fn said(&self) -> Vec<(Level, String)> {
        let log = self.log.lock().expect("the log");
        log.iter().map(|line| (line.level, line.text.clone())).collect()
    }

    pub(crate) fn assert_said(&self, level: Level, part: &str) {
        let said = self.said();
        assert!(said.iter().any(|(at, text)| *at == level && text.contains(part)), "{said:#?}");
    }
}

pub(crate) fn mail(servers: Vec<MailServer>) -> Mail {
    Mail {
        servers,
        from: "watchdog@invhost".to_owned(),
        reply_to: None,
        subject: None,
        message: None,
        hostname: None,
        // More than a server takes that answers, on any machine: what is not sent is counted.
        timeout: LONG,
    }
}

pub(crate) fn server(port: u16, tls: MailTls) -> MailServer {
    MailServer {
        host: "127.0.0.1".to_owned(),
        port,
        tls,
        user: None,
        password: None,
        insecure: false,
        ca_file: None,
        checksum: None,
    }
}

pub(crate) fn login(port: u16, password: &str) -> MailServer {
    MailServer {
        user: Some(USER.to_owned()),
        password: Some(Secret(password.to_owned())),
        ..server(port, MailTls::None)
    }
}

pub(crate) fn alert(number: u64, to: &[&str]) -> Alert {
    Alert {
        number,
        at: clock::boot_now(),
        service: format!("apache{number}"),
        event: EventWord::Resource,
        title: "Resource limit matched".to_owned(),
        action: "restart".to_owned(),
        description: "total mem amount of 1981.4 MB matches resource limit \
                      [total mem amount > 1800 MB]"
            .to_owned(),
        detail: vec!["pid 812 apache2: 900.1 MB".to_owned()],
        severity: Severity::Warning,
        to: to.iter().map(|to| receiver(to)).collect(),
        survey: None,
    }
}

pub(crate) fn receiver(mail: &str) -> Receiver {
    Receiver { mail: mail.to_owned(), format: None }
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A port on which nobody listens, and nobody else can while this lives.
pub(crate) struct Closed {
    pub(crate) port: u16,
    _bound: OwnedFd,
}

impl Closed {
    pub(crate) fn new() -> Self {
        let bound = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let own = SocketAddr::try_from(getsockname(&bound).expect("its name")).expect("an address");
        Self { port: own.port(), _bound: bound }
    }
}

pub(crate) fn only(mails: &[Received]) -> &Received {
    assert_eq!(mails.len(), 1, "{mails:#?}");
    &mails[0]
}

pub(crate) fn queue_is_empty(state_dir: &Path) -> bool {
    std::fs::read_dir(state_dir.join("queue")).is_ok_and(|mut files| files.next().is_none())
}
