//! Alerts by mail, against a real SMTP server in good and in bad days.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebpf_watchdog::clock;
use ebpf_watchdog::message::{Alert, Level, LogLine, Receiver};
use ebpf_watchdog::notify::{Notifier, NotifyStats, Parts};
use ebpf_watchdog::protocol::Checksum;
use ebpf_watchdog::service::{EventWord, Mail, MailFormat, MailServer, MailTls, Secret, Severity};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use tokio::runtime::Runtime;
use watchdog_tests::need;
use watchdog_tests::smtp::{Mode, PASSWORD, Received, SelfMade, SmtpServer, USER};

/// A wait this long has failed.
const LONG: Duration = Duration::from_secs(60);
/// For servers that never answer; those that do are to be quicker on a busy machine too.
const SHORT: Duration = Duration::from_secs(2);

/// A notifier on a runtime of its own, as in the daemon.
struct Sender {
    notifier: Notifier,
    log: Arc<Mutex<Vec<LogLine>>>,
    runtime: Runtime,
}

impl Sender {
    fn new(state_dir: &Path, servers: Vec<MailServer>) -> Self {
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

    fn send(&self, alert: Alert) -> &Self {
        self.notifier.send(alert);
        self
    }

    /// Runs until everything is delivered.
    fn drained(&self) -> NotifyStats {
        let done = self.runtime.block_on(self.notifier.drain(LONG));
        assert!(done, "{:?} {:#?}", self.notifier.stats(), self.said());
        self.notifier.stats()
    }

    /// Runs until the counters are as wanted.
    fn until(&self, wanted: impl Fn(&NotifyStats) -> bool) -> NotifyStats {
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

    fn said(&self) -> Vec<(Level, String)> {
        let log = self.log.lock().expect("the log");
        log.iter().map(|line| (line.level, line.text.clone())).collect()
    }

    fn assert_said(&self, level: Level, part: &str) {
        let said = self.said();
        assert!(said.iter().any(|(at, text)| *at == level && text.contains(part)), "{said:#?}");
    }
}

fn mail(servers: Vec<MailServer>) -> Mail {
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

fn server(port: u16, tls: MailTls) -> MailServer {
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

fn login(port: u16, password: &str) -> MailServer {
    MailServer {
        user: Some(USER.to_owned()),
        password: Some(Secret(password.to_owned())),
        ..server(port, MailTls::None)
    }
}

fn alert(number: u64, to: &[&str]) -> Alert {
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

fn receiver(mail: &str) -> Receiver {
    Receiver { mail: mail.to_owned(), format: None }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A port on which nobody listens, and nobody else can while this lives.
struct Closed {
    port: u16,
    _bound: OwnedFd,
}

impl Closed {
    fn new() -> Self {
        let bound = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let own = SocketAddr::try_from(getsockname(&bound).expect("its name")).expect("an address");
        Self { port: own.port(), _bound: bound }
    }
}

fn only(mails: &[Received]) -> &Received {
    assert_eq!(mails.len(), 1, "{mails:#?}");
    &mails[0]
}

fn queue_is_empty(state_dir: &Path) -> bool {
    std::fs::read_dir(state_dir.join("queue")).is_ok_and(|mut files| files.next().is_none())
}

#[test]
fn one_mail_for_each_recipient_arrives_as_written() {
    let folder = folder();
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::Opportunistic)]);
    let stats = sender.send(alert(1, &["ops@example.test", "boss@example.test"])).drained();
    assert_eq!((stats.sent, stats.mails, stats.queued, stats.failed), (2, 2, 0, 0));

    let mails = smtp.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].to, ["ops@example.test"]);
    assert_eq!(mails[1].to, ["boss@example.test"]);
    assert_ne!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    let mail = &mails[0];
    assert_eq!(mail.from, "watchdog@invhost");
    let header = |name| mail.header(name).unwrap_or_default();
    assert_eq!(header("Subject"), "ebpf-watchdog alert -- Resource limit matched apache1");
    assert_eq!(header("To"), "ops@example.test");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("X-Auto-Response-Suppress"), "All");
    assert_eq!(header("Precedence"), "bulk");
    assert!(header("Message-ID").ends_with("@invhost>"), "{}", header("Message-ID"));
    for part in [
        "\tAction:      restart\r\n",
        "\tHost:        invhost\r\n",
        "\tDescription: total mem amount of 1981.4 MB matches",
        "\r\nWhat did it:\r\n\r\n\tpid 812 apache2: 900.1 MB\r\n",
    ] {
        assert!(mail.body().contains(part), "{part:?} in {:?}", mail.body());
    }
    assert!(queue_is_empty(folder.path()));
    // One line for all who got it, with the service's name before it.
    let line =
        "alert 'Resource limit matched' mailed to ops@example.test, boss@example.test by 127.";
    sender.assert_said(Level::Debug, line);
}

#[test]
fn a_hostile_name_changes_no_header_and_ends_no_mail() {
    let folder = folder();
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::None)]);
    sender.send(alert(1, &["ops@example.test"])).drained();
    let hostile = "a\r\nBcc: x@example.test\r\n.\r\nMAIL FROM:<x@example.test>";
    sender.send(Alert {
        service: hostile.to_owned(),
        title: hostile.to_owned(),
        detail: vec![".".to_owned(), hostile.to_owned()],
        ..alert(2, &["ops@example.test"])
    });
    sender.drained();
    let mails = smtp.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].header_names(), mails[0].header_names());
    assert_eq!(mails[1].to, mails[0].to);
    assert!(mails[1].body().contains("\r\n\t.\r\n"), "{:?}", mails[1].body());
    assert!(mails[1].body().trim_end().ends_with("ebpf-watchdog on invhost"));
}

#[test]
fn a_line_with_a_dot_from_a_template_is_text() {
    let folder = folder();
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), Vec::new());
    let servers = vec![server(smtp.port, MailTls::None)];
    let template = Some("before\n.\n..\nnaïve after $SERVICE".to_owned());
    sender.notifier.configure(Some(Mail { message: template, ..mail(servers) }), 10);
    sender.send(Alert { detail: Vec::new(), ..alert(1, &["ops@example.test"]) }).drained();
    let mails = smtp.mails();
    assert!(only(&mails).body().starts_with("before\r\n.\r\n..\r\nna"), "{:?}", mails[0].body());
}

#[test]
fn servers_are_tried_in_order_past_dead_ones_and_a_wrong_password() {
    let folder = folder();
    let strict = SmtpServer::start(folder.path(), Mode::Auth);
    let good = SmtpServer::start(folder.path(), Mode::Plain);
    let closed = Closed::new();
    let servers = vec![
        server(closed.port, MailTls::None),
        login(strict.port, "wrong"),
        server(good.port, MailTls::None),
    ];
    let sender = Sender::new(folder.path(), servers);
    let stats = sender.send(alert(1, &["ops@example.test"])).drained();
    assert_eq!((stats.sent, stats.failed), (1, 0));
    assert!(strict.mails().is_empty());
    only(&good.mails());
}

#[test]
fn a_login_is_used_and_a_missing_one_is_no_refusal() {
    let folder = folder();
    let smtp = SmtpServer::start(folder.path(), Mode::Auth);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::None)]);
    sender.send(alert(1, &["ops@example.test"])).until(|stats| stats.failed >= 1);
    sender.assert_said(Level::Warning, "530");
    sender.notifier.configure(Some(mail(vec![login(smtp.port, PASSWORD)])), 10);
    let stats = sender.drained();
    assert_eq!((stats.sent, stats.refused), (1, 0));
    assert_eq!(only(&smtp.mails()).user.as_deref(), Some(USER));
}

#[test]
fn starttls_is_used_where_offered_and_verified_where_required() {
    let folder = folder();
    let own = SelfMade::new(folder.path());
    let smtp = SmtpServer::start_with(folder.path(), Mode::Plain, None, Some(&own), 0);
    let required = server(smtp.port, MailTls::Required);

    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::Opportunistic)]);
    sender.send(alert(1, &["ops@example.test"])).drained();

    sender.notifier.configure(Some(mail(vec![required.clone()])), 10);
    sender.send(alert(2, &["ops@example.test"])).until(|stats| stats.failed >= 1);
    sender.assert_said(Level::Warning, "STARTTLS");

    let trusting = MailServer { ca_file: Some(own.certificate), ..required.clone() };
    sender.notifier.configure(Some(mail(vec![trusting])), 10);
    sender.drained();

    sender.notifier.configure(Some(mail(vec![MailServer { insecure: true, ..required }])), 10);
    sender.send(alert(3, &["ops@example.test"])).drained();

    let mails = smtp.mails();
    assert_eq!(mails.len(), 3);
    assert!(mails.iter().all(|mail| mail.tls), "{mails:#?}");
}

#[test]
fn the_one_certificate_that_a_server_may_show() {
    let folder = folder();
    let own = SelfMade::new(folder.path());
    let smtp = SmtpServer::start_with(folder.path(), Mode::Plain, None, Some(&own), 0);
    let right = Checksum::parse(&own.fingerprint()).expect("a checksum");
    let pinned =
        |checksum| MailServer { insecure: true, checksum, ..server(smtp.port, MailTls::Required) };
    let sender = Sender::new(folder.path(), vec![pinned(Checksum::parse(&"0".repeat(64)))]);
    sender.send(alert(1, &["ops@example.test"])).until(|stats| stats.failed >= 1);
    sender.assert_said(Level::Warning, &format!("TLS certificate checksum is {right}, expected 0"));
    assert!(smtp.mails().is_empty());
    sender.notifier.configure(Some(mail(vec![pinned(Some(right))])), 10);
    sender.drained();
    only(&smtp.mails());
}

#[test]
fn receivers_get_mails_of_their_own_look_also_after_a_restart() {
    let folder = folder();
    let closed = Closed::new();
    let looks = |subject: &str| MailFormat {
        from: Some(format!("{subject}@example.test")),
        subject: Some(format!("{subject} $SERVICE")),
        ..MailFormat::default()
    };
    let to = vec![
        Receiver { mail: "a@example.test".to_owned(), format: Some(looks("short").into()) },
        Receiver { mail: "b@example.test".to_owned(), format: Some(looks("long").into()) },
        receiver("c@example.test"),
    ];
    {
        let sender = Sender::new(folder.path(), vec![server(closed.port, MailTls::None)]);
        sender.send(Alert { to, ..alert(1, &[]) });
        let files = || std::fs::read_dir(folder.path().join("queue")).map_or(0, Iterator::count);
        sender.until(|stats| stats.failed >= 1 && files() == 3);
    }
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::None)]);
    sender.drained();
    let mut seen: Vec<_> = smtp
        .mails()
        .iter()
        .map(|mail| (mail.to.concat(), mail.from.clone(), mail.header("Subject")))
        .collect();
    seen.sort();
    let line = |to: &str, from: &str, subject: &str| {
        (to.to_owned(), from.to_owned(), Some(subject.to_owned()))
    };
    let usual = "ebpf-watchdog alert -- Resource limit matched apache1";
    assert_eq!(
        seen,
        [
            line("a@example.test", "short@example.test", "short apache1"),
            line("b@example.test", "long@example.test", "long apache1"),
            line("c@example.test", "watchdog@invhost", usual),
        ]
    );
}

#[test]
fn servers_are_greeted_by_the_name_that_is_configured() {
    let folder = folder();
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), Vec::new());
    let servers = vec![server(smtp.port, MailTls::None)];
    let hostname = Some("mail.example.test".to_owned());
    sender.notifier.configure(Some(Mail { hostname, ..mail(servers) }), 10);
    sender.send(alert(1, &["ops@example.test"])).drained();
    let mails = smtp.mails();
    let mail = only(&mails);
    assert_eq!(mail.hello.as_deref(), Some("mail.example.test"));
    let id = mail.header("Message-ID").unwrap_or_default();
    assert!(id.ends_with("@mail.example.test>"), "{id}");
}

#[test]
fn what_waits_is_on_disk_before_it_is_said_to_be() {
    let folder = folder();
    let closed = Closed::new();
    let sender = Sender::new(folder.path(), vec![server(closed.port, MailTls::None)]);
    for number in 1..=50 {
        sender.send(alert(number, &["ops@example.test", "boss@example.test"]));
    }
    let secure = sender.runtime.block_on(sender.notifier.secure(Duration::from_secs(60)));
    let names = std::fs::read_dir(folder.path().join("queue")).expect("a queue").flatten();
    let letters = names.filter(|entry| entry.path().extension().is_some_and(|e| e == "letter"));
    assert_eq!((secure, letters.count()), (true, 100), "{:#?}", sender.said());
}

#[test]
fn required_means_no_mail_in_the_clear() {
    let folder = folder();
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::Required)]);
    sender.send(alert(1, &["ops@example.test"])).until(|stats| stats.failed >= 1);
    sender.assert_said(Level::Warning, "offers no STARTTLS");
    assert!(smtp.mails().is_empty());
}

#[test]
fn wrapped_tls_from_the_first_byte() {
    let folder = folder();
    let own = SelfMade::new(folder.path());
    let smtp = SmtpServer::start_with(folder.path(), Mode::Wrapped, None, Some(&own), 0);
    let wrapped =
        MailServer { ca_file: Some(own.certificate), ..server(smtp.port, MailTls::Wrapped) };
    let sender = Sender::new(folder.path(), vec![wrapped]);
    sender.send(alert(1, &["ops@example.test"])).drained();
    only(&smtp.mails());
}

#[test]
fn a_recipient_refused_for_good_is_not_tried_again_and_delays_no_other() {
    let folder = folder();
    let smtp = SmtpServer::start_with(folder.path(), Mode::Permanent, Some(1), None, 0);
    let never = SmtpServer::start(folder.path(), Mode::Plain);
    let servers = vec![server(smtp.port, MailTls::None), server(never.port, MailTls::None)];
    let sender = Sender::new(folder.path(), servers);
    let stats = sender.send(alert(1, &["nobody@example.test", "ops@example.test"])).drained();
    assert_eq!((stats.sent, stats.refused, stats.failed), (1, 1, 0));
    sender.assert_said(Level::Error, "refused for good");
    sender.assert_said(Level::Error, "550");
    assert_eq!(only(&smtp.mails()).to, ["ops@example.test"]);
    assert!(never.mails().is_empty());
}

#[test]
fn come_back_later_is_obeyed_and_order_kept() {
    let folder = folder();
    let smtp = SmtpServer::start_with(folder.path(), Mode::Temporary, Some(1), None, 0);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::None)]);
    for number in 1..=3 {
        sender.send(alert(number, &["ops@example.test"]));
    }
    let stats = sender.drained();
    assert_eq!((stats.sent, stats.failed), (3, 1));
    let subjects: Vec<_> = smtp.mails().iter().filter_map(|mail| mail.header("Subject")).collect();
    for (number, subject) in (1..).zip(&subjects) {
        assert!(subject.ends_with(&format!("apache{number}")), "{subjects:?}");
    }
}

#[test]
fn silent_and_endless_and_injecting_servers_cost_their_time_and_no_more() {
    let folder = folder();
    let good = SmtpServer::start(folder.path(), Mode::Plain);
    for mode in [Mode::HangInGreeting, Mode::Endless, Mode::Injecting] {
        let bad = SmtpServer::start(folder.path(), mode);
        let servers = vec![
            MailServer { insecure: true, ..server(bad.port, MailTls::Required) },
            server(good.port, MailTls::None),
        ];
        let sender = Sender::new(folder.path(), Vec::new());
        let short = Mail { timeout: SHORT, ..mail(servers) };
        sender.notifier.configure(Some(short), 10);
        sender.send(alert(1, &["ops@example.test"])).drained();
        assert!(bad.mails().is_empty());
    }
    assert_eq!(good.mails().len(), 3);
}

#[test]
fn a_confirmation_that_is_lost_means_twice_with_one_id() {
    for mode in [Mode::HangAfterData, Mode::DropBefore250] {
        let folder = folder();
        let smtp = SmtpServer::start_with(folder.path(), mode, Some(1), None, 0);
        let sender = Sender::new(folder.path(), Vec::new());
        let servers = vec![server(smtp.port, MailTls::None)];
        let short = Mail { timeout: SHORT, ..mail(servers) };
        sender.notifier.configure(Some(short), 10);
        let stats = sender.send(alert(1, &["ops@example.test"])).drained();
        assert_eq!(stats.sent, 1);
        let mails = smtp.mails();
        assert_eq!(mails.len(), 2, "{mode:?}");
        assert_eq!(mails[0].data, mails[1].data, "{mode:?}");
    }
}

#[test]
fn alerts_outlive_the_daemon_and_a_torn_one_is_put_aside() {
    let folder = folder();
    let closed = Closed::new();
    {
        let sender = Sender::new(folder.path(), vec![server(closed.port, MailTls::None)]);
        for number in 1..=5 {
            sender.send(alert(number, &["ops@example.test"]));
        }
        let files = || std::fs::read_dir(folder.path().join("queue")).map_or(0, Iterator::count);
        sender.until(|stats| stats.failed >= 1 && files() == 5);
    }
    let torn = folder.path().join("queue/0000000000000003.letter");
    let whole = std::fs::read(&torn).expect("a letter");
    std::fs::write(&torn, &whole[..whole.len() / 2]).expect("torn");

    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::None)]);
    let stats = sender.drained();
    assert_eq!((stats.sent, stats.torn), (4, 1));
    let subjects: Vec<_> = smtp.mails().iter().filter_map(|mail| mail.header("Subject")).collect();
    for (number, subject) in [1, 2, 4, 5].iter().zip(&subjects) {
        assert!(subject.ends_with(&format!("apache{number}")), "{subjects:?}");
    }
    assert!(folder.path().join("queue/aside/0000000000000003.torn").exists());
}

#[test]
fn a_storm_is_twenty_mails_and_nothing_is_lost() {
    let folder = folder();
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    let sender = Sender::new(folder.path(), vec![server(smtp.port, MailTls::None)]);
    for number in 0..2000 {
        sender.send(alert(number, &["ops@example.test"]));
    }
    let stats = sender.drained();
    assert_eq!((stats.sent, stats.mails, stats.dropped), (2000, 20, 0));
    assert!(queue_is_empty(folder.path()));
    let mails = smtp.mails();
    let last = mails.last().expect("mails");
    assert!(last.header("Subject").is_some_and(|subject| subject.contains("1981 alerts")));
    let all: String = mails.iter().map(|mail| mail.data.clone()).collect();
    for number in 0..2000 {
        let (single, listed) =
            (format!("matched apache{number}\r\n"), format!("'apache{number}' "));
        assert!(all.contains(&single) || all.contains(&listed), "apache{number}");
    }
}

#[test]
fn no_space_for_the_queue_loses_nothing() {
    let folder = folder();
    let closed = Closed::new();
    // A file where the folder should be: every write fails, as on a full disk.
    std::fs::write(folder.path().join("queue"), "in the way").expect("written");
    let sender = Sender::new(folder.path(), vec![server(closed.port, MailTls::None)]);
    for number in 0..500 {
        sender.send(alert(number, &["ops@example.test"]));
    }
    sender.until(|stats| stats.not_durable && stats.failed >= 1);
    sender.assert_said(Level::Error, "cannot be written to disk");
    assert_eq!(sender.notifier.stats().queued, 500);

    std::fs::remove_file(folder.path().join("queue")).expect("removed");
    sender.until(|stats| !stats.not_durable);
    assert!(!queue_is_empty(folder.path()));
    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    sender.notifier.configure(Some(mail(vec![server(smtp.port, MailTls::None)])), 1000);
    let stats = sender.drained();
    assert_eq!((stats.sent, stats.dropped), (500, 0));
    assert_eq!(smtp.mails().len(), 20);
    assert!(queue_is_empty(folder.path()));
    let said = sender.said();
    let lines = said.iter().filter(|(_, text)| text.contains("cannot be written")).count();
    assert_eq!(lines, 1, "one line a minute at most");
}

/// A file system of 64 KiB, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let folder = folder();
        run("mount", &["-t", "tmpfs", "-o", "size=64k", "none"], folder.path());
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l"], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) {
    let status = std::process::Command::new(program).args(arguments).arg(path).status();
    assert!(status.is_ok_and(|status| status.success()), "{program}");
}

#[test]
fn a_full_disk_keeps_what_fits_and_the_rest_waits_in_memory() {
    if !need::root() {
        return;
    }
    let (folder, disk) = (folder(), SmallDisk::new());
    let closed = Closed::new();
    let sender = Sender::new(disk.0.path(), vec![server(closed.port, MailTls::None)]);
    for number in 0..500 {
        sender.send(alert(number, &["ops@example.test"]));
    }
    sender.until(|stats| stats.not_durable && stats.failed >= 1);
    assert!(!queue_is_empty(disk.0.path()));

    let smtp = SmtpServer::start(folder.path(), Mode::Plain);
    sender.notifier.configure(Some(mail(vec![server(smtp.port, MailTls::None)])), 1000);
    let stats = sender.drained();
    assert_eq!((stats.sent, stats.dropped, stats.torn), (500, 0, 0));
    assert_eq!(smtp.mails().len(), 20);
    assert!(queue_is_empty(disk.0.path()));
}
