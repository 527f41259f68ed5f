//! The seed's whole file runs: its mail servers, its page, its includes and all of its services.

use std::fs;

use watchdog_tests::apache::free_port;
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::smtp::{Mode, SmtpServer};
use watchdog_tests::until::until;
use watchdog_tests::web;

use super::{LONG, seed};

/// `admin:demo`
const LOGIN: &str = "YWRtaW46ZGVtbw==";

#[test]
fn the_whole_file_runs() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let server = SmtpServer::start(scratch.path(), Mode::Plain);
    let (page, nobody) = (free_port(), free_port());
    let dir = scratch.path().display().to_string();
    fs::create_dir(scratch.at("monit.d")).expect("a folder");
    scratch.write("monit.d/more.yaml", "services:\n  - { directory: more, path: / }\n", 0o600);
    let refuses = scratch.script("refuses", "exit 1\n").display().to_string();
    // Nothing of this machine is started or mounted, and nobody outside of it is asked.
    let instead = [
        ("log: { file: /var/log/monit.log }", String::new()),
        ("state_dir: /var/monit ", String::new()),
        ("start_delay: 240s", "start_delay: 1s".into()),
        ("cycle: 60s", "cycle: 1s".into()),
        ("[mail.example.org, ", format!("[{{ host: 127.0.0.1, port: {nobody}, tls: none }}, ")),
        ("{ host: backup.bar.baz, port: 10025 }", format!("{{ host: 127.0.0.1, port: {nobody} }}")),
        (", localhost]", format!(", {{ host: 127.0.0.1, port: {}, tls: none }}]", server.port)),
        ("127.0.0.1:2812", format!("127.0.0.1:{page}")),
        ("/etc/monit.d", format!("{dir}/monit.d")),
        ("/usr/sbin/httpd", format!("{dir}/httpd")),
        ("/etc/init.d/httpd", refuses.clone()),
        ("/var/run/httpd/httpd.pid", format!("{dir}/httpd.pid")),
        ("www.tildeslash.com port 80", format!("127.0.0.1 port {nobody}")),
        ("/dev/sdb1", format!("{dir}/data")),
        ("/bin/mount", refuses.clone()),
        ("/bin/umount", refuses.clone()),
        ("/data/mydatabase.db", format!("{dir}/mydatabase.db")),
        ("/my/cleanup/script", refuses),
        ("port 3306", format!("port {nobody}")),
        ("uid data", "uid daemon".into()),
        ("gid data", "gid daemon".into()),
        ("user: dba, group: dba", "user: daemon, group: daemon".into()),
        ("address: 192.168.1.1", "address: 127.0.0.1".into()),
        ("www.foo.bar:8080", format!("127.0.0.1:{nobody}")),
    ];
    let mut rules = seed();
    for (theirs, ours) in &instead {
        assert!(rules.contains(theirs), "no `{theirs}`");
        rules = rules.replace(theirs, ours);
    }
    let daemon = Daemon::start(&scratch, &rules);
    let status = daemon.status();
    let services = status["services"].as_array().expect("services");
    let names: Vec<_> = services.iter().filter_map(|one| one["name"].as_str()).collect();
    let all = ["apache_bin", "apache", "datafs", "database", "bin", "myserver", "more"];
    assert!(names.len() == 8 && all.iter().all(|name| names.contains(name)), "{names:?}");
    daemon.wait_for("more", LONG, |one| one["status"] == "ok");
    for name in ["apache_bin", "database"] {
        daemon.wait_log(&format!("error    : '{name}' file doesn't exist"), LONG);
    }
    daemon.wait_log("error    : 'datafs' filesystem doesn't exist", LONG);
    daemon.wait_log("error    : 'myserver' failed protocol test [MYSQL] at ", LONG);

    let subject = "monit alert --  Does not exist database";
    let mail = until(LONG, || {
        let mails = server.wait_for(1, LONG);
        mails.into_iter().find(|mail| mail.header("Subject").as_deref() == Some(subject))
    });
    let mail = mail.unwrap_or_else(|| panic!("no mail\n{}", daemon.said()));
    assert_eq!(mail.to, ["you@example.org"]);
    let body = mail.body();
    assert!(body.contains("Does not exist Service database"), "{body}");
    assert!(body.contains("Description: file doesn't exist"), "{body}");

    let shown = until(LONG, || web::get(page, "/", Some(LOGIN)).filter(|page| page.status == 200));
    let shown = shown.unwrap_or_else(|| panic!("no page\n{}", daemon.said()));
    assert!(shown.body.contains("database"), "{}", shown.body);
    assert_eq!(web::get(page, "/", None).expect("an answer").status, 401);
}
