//! Who is told of the seed's apache_bin: everybody of all, and one more of what somebody did to it, in a
//! mail of his own look.

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::smtp::{Mode, SmtpServer};
use watchdog_tests::until::until;

use super::{LONG, item, mode};

#[test]
fn apache_bin_has_a_receiver_of_its_own() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let server = SmtpServer::start(scratch.path(), Mode::Plain);
    let httpd = scratch.write("httpd", "program\n", 0o755);
    let services =
        item("file: apache_bin", &[("/usr/sbin/httpd", httpd.to_str().expect("a path"))]);
    let rules = format!(
        "cycle: 200ms\nmail: {{ servers: [{{ host: 127.0.0.1, port: {}, tls: none }}], from: w@example.org }}\n\
         alerts: [{{ mail: you@example.org }}]\nservices:\n{services}",
        server.port
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_for("apache_bin", LONG, |status| status["status"] == "ok");
    // Not of his words: it is gone and back.
    let away = scratch.at("away");
    std::fs::rename(&httpd, &away).expect("it is there");
    daemon.wait_log("error    : 'apache_bin' file doesn't exist", LONG);
    std::fs::rename(&away, &httpd).expect("it is there");
    daemon.wait_log("info     : 'apache_bin' file exists", LONG);
    mode(&httpd, 0o700);
    daemon.wait_log("'apache_bin' permission test failed for ", LONG);
    let mails = until(LONG, || {
        let mails = server.wait_for(4, LONG);
        mails.iter().any(|mail| mail.to == ["graham@example.org"]).then_some(mails)
    });
    let mails = mails.unwrap_or_else(|| panic!("no mail to him\n{}", daemon.said()));
    let his: Vec<_> = mails.iter().filter(|mail| mail.to == ["graham@example.org"]).collect();
    assert_eq!(his.len(), 1, "{mails:#?}");
    assert_eq!(his[0].header("Subject").as_deref(), Some("Alarm!"), "{mails:#?}");
    assert!(his[0].body().contains("permission test failed for "), "{mails:#?}");
}
