//! Alerts by mail, against a real SMTP server in good and in bad days.

mod queue;
mod stage;

use stage::*;

use ebpf_watchdog::message::{Alert, Level, Receiver};
use ebpf_watchdog::protocol::Checksum;
use ebpf_watchdog::service::{Mail, MailFormat, MailServer, MailTls};
use watchdog_tests::smtp::{Mode, PASSWORD, SelfMade, SmtpServer, USER};

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
