//! What waits to be sent: over restarts, storms and full disks.

use std::path::Path;
use std::time::Duration;

use ebpf_watchdog::message::Level;
use ebpf_watchdog::service::MailTls;
use watchdog_tests::need;
use watchdog_tests::smtp::{Mode, SmtpServer};

use crate::stage::*;

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
