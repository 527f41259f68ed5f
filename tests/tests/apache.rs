//! The first user's case: an Apache that leaks is restarted after five cycles over its limit, the
//! mail arrives, the log reads in Monit's words, and the status is on the command line and on a
//! page.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::apache::{Apache, LEAK, free_port};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::smtp::{Mode, SmtpServer};
use watchdog_tests::until::until;
use watchdog_tests::web;

const LIMIT: u64 = 100 << 20;
const MINUTE: Duration = Duration::from_secs(60);

/// `guest:guest`
const LOGIN: &str = "Z3Vlc3Q6Z3Vlc3Q=";
const HASH: &str = "$2y$04$ya27pOVUtDRvtV.Uw487DeHtaZavvn8tdA/2wyCGTaYR33IRWncH2";

/// As in the first user's control file, with a smaller limit and a shorter cycle.
fn rules(apache: &Apache, cycle: &str, web: u16, mail: u16) -> String {
    let (pidfile, control) = (apache.pidfile().display(), apache.control().display());
    format!(
        r#"cycle: {cycle}
mail:
  servers: [{{ host: 127.0.0.1, port: {mail}, tls: none }}]
  from: watchdog@test.example
alerts:
  - mail: ops@test.example
http:
  listen: 127.0.0.1:{web}
  users:
    - {{ name: guest, password_hash: "{HASH}", role: viewer }}
services:
  - process: apache
    pidfile: {pidfile}
    start: {{ program: {control} start, timeout: 60s }}
    stop: {control} stop
    group: [server]
    rules:
      - {{ if: "cpu > 60% for 2 cycles", then: alert }}
      - {{ if: "cpu > 80% for 5 cycles", then: restart }}
      - {{ if: "totalmem > 100 MB for 5 cycles", then: restart }}
      - {{ if: "children > 250", then: restart }}
"#
    )
}

/// Sends requests until the workers together are well over the limit. The status shows the last
/// pass, so a machine that answers them all within one cycle sends a bounded number too many.
fn leak_over_the_limit(apache: &Apache, daemon: &Daemon) {
    let is_over = |one: &serde_json::Value| {
        one["metrics"]["totalmem_bytes"].as_u64().is_some_and(|bytes| bytes > LIMIT + LIMIT / 4)
    };
    let before = daemon.service("apache")["restarts"].clone();
    for _ in 0..2 * LIMIT / LEAK {
        let answers = apache.leak();
        let seen = daemon.service("apache");
        // On a slow machine it is restarted while it still grows.
        if is_over(&seen) || seen["restarts"] != before || !seen["acting"].is_null() {
            return;
        }
        assert!(answers, "Apache does not answer\n{}", daemon.said());
    }
    daemon.wait_for("apache", MINUTE, is_over);
}

/// The log's lines from the n-th on, without their dates.
fn lines_from(daemon: &Daemon, n: usize) -> Vec<String> {
    let log = daemon.log();
    let undated = log.lines().skip(n).map(|l| l.split_once("] ").map_or(l, |(_, rest)| rest));
    undated.map(str::to_owned).collect()
}

#[test]
fn a_leaking_apache_is_restarted_once_an_episode() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(apache) = Apache::new(&scratch) else { return };
    let (web, mail) = (free_port(), SmtpServer::start(scratch.path(), Mode::Plain));
    let control = apache.control().display().to_string();
    let daemon = Daemon::start(&scratch, &rules(&apache, "1s", web, mail.port));

    // Nobody has started it: the implicit rule does.
    let line = daemon.wait_log("'apache' process is running with pid ", MINUTE);
    let begun = lines_from(&daemon, 0);
    let order = [
        "error    : 'apache' process is not running".to_owned(),
        "info     : 'apache' trying to restart".to_owned(),
        format!("info     : 'apache' start: '{control} start'"),
    ];
    assert!(in_order(&begun, &order), "{begun:#?}");
    let mut pid = apache.pid().expect("Apache runs");
    assert!(line.ends_with(&format!("with pid {pid}")), "{line}");

    for episode in 1..=2 {
        let from = daemon.log().lines().count();
        let restarts = daemon.service("apache")["restarts"].as_u64().expect("restarts");
        leak_over_the_limit(&apache, &daemon);
        let after = daemon.wait_for("apache", MINUTE, |one| {
            one["restarts"].as_u64() == Some(restarts + 1) && one["status"] == "ok"
        });
        assert_ne!(after["pid"].as_u64(), Some(pid), "the same Apache\n{}", daemon.said());
        pid = apache.pid().expect("Apache runs again");
        assert_eq!(after["pid"].as_u64(), Some(pid));

        // Longer than the window: Monit would restart again here, at each failing cycle.
        std::thread::sleep(Duration::from_secs(7));
        let said = lines_from(&daemon, from);
        let over = |level: &str| {
            said.iter()
                .filter(|l| l.starts_with(level) && l.ends_with("[total mem amount > 100 MB]"))
                .filter(|l| l.contains("'apache' total mem amount of "))
                .count()
        };
        assert_eq!((over("warning"), over("error")), (4, 1), "episode {episode}: {said:#?}");
        let order = [
            "info     : 'apache' trying to restart".to_owned(),
            format!("info     : 'apache' stop: '{control} stop'"),
            format!("info     : 'apache' start: '{control} start'"),
            "info     : 'apache' total mem amount check succeeded [current total mem amount = "
                .to_owned(),
        ];
        assert!(in_order(&said, &order), "episode {episode}: {said:#?}");
        let tries = said.iter().filter(|l| l.ends_with("'apache' trying to restart")).count();
        assert_eq!(tries, 1, "episode {episode}: {said:#?}");
    }
    mails_tell_of_both_episodes(&mail);

    let shown = daemon.command(&["status", "apache"]);
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success() && text.contains("apache"), "{text}");
    assert!(text.contains(&pid.to_string()), "{text}");

    let page = web::get(web, "/", Some(LOGIN)).expect("the page");
    assert_eq!(page.status, 200, "{}", page.head);
    assert!(page.body.contains("apache") && page.body.contains(&pid.to_string()), "{}", page.body);
    assert_eq!(web::get(web, "/", None).expect("an answer").status, 401);
}

/// Its pages, asked for by the process's own rule and by a host's.
#[test]
fn an_apache_that_says_something_else_is_told() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(apache) = Apache::new(&scratch) else { return };
    let started = std::process::Command::new(apache.control()).arg("start").status();
    assert!(started.is_ok_and(|status| status.success()));
    assert!(until(MINUTE, || apache.pid()).is_some(), "Apache does not start");
    let (pidfile, port) = (apache.pidfile().display(), apache.port());
    let http = format!("failed port {port} protocol http");
    let rules = format!(
        r#"cycle: 1s
services:
  - process: apache
    pidfile: {pidfile}
    rules:
      - {{ if: 'does not exist', then: alert }}
      - {{ if: '{http} request "/health" content = "is well" timeout 50 s', then: alert }}
  - host: page
    address: 127.0.0.1
    rules:
      - {{ if: '{http} request "/health" status = 200 timeout 50 s', then: alert }}
      - {{ if: '{http} request "/none" status = 404 timeout 50 s', then: alert }}
      - {{ if: 'failed url http://127.0.0.1:{port}/health and content = "is well" timeout 50 s', then: alert }}
  - host: missing
    address: 127.0.0.1
    rules:
      - {{ if: 'failed url http://127.0.0.1:{port}/none timeout 50 s', then: alert }}
"#
    );
    let daemon = Daemon::start(&scratch, &rules);
    let all_known = |one: &serde_json::Value| {
        let made = one["observed"]["connections"].as_array();
        made.is_some_and(|made| !made.is_empty() && made.iter().all(|one| one["succeeded"] == true))
    };
    for name in ["apache", "page"] {
        daemon.wait_for(name, MINUTE, |one| one["status"] == "ok" && all_known(one));
    }
    let words = format!(
        "error    : 'missing' failed protocol test [HTTP] at [127.0.0.1]:{port}/none [TCP/IP] -- \
         HTTP error: Server returned status 404"
    );
    daemon.wait_log(&words, MINUTE);

    scratch.write("pages/sick", "all is lost\n", 0o644);
    std::fs::rename(scratch.at("pages/sick"), scratch.at("pages/health")).expect("renamed");
    let at = format!("[127.0.0.1]:{port}/health [TCP/IP]");
    for (name, host) in [("apache", "localhost"), ("page", "127.0.0.1")] {
        let at = at.replace("127.0.0.1", host);
        daemon
            .wait_log(&format!("error    : '{name}' failed protocol test [HTTP] at {at}"), MINUTE);
    }
    // Of the three rules one is about what the page says.
    let page = daemon.wait_for("page", MINUTE, |one| one["status"] == "failing");
    let states: Vec<_> = (0..3).map(|n| page["rules"][n]["state"].as_str()).collect();
    assert_eq!(states, [Some("ok"), Some("ok"), Some("failing")], "{page}");

    scratch.write("pages/sick", "all is well\n", 0o644);
    std::fs::rename(scratch.at("pages/sick"), scratch.at("pages/health")).expect("renamed");
    for name in ["apache", "page"] {
        daemon.wait_for(name, MINUTE, |one| one["status"] == "ok");
    }
    daemon.wait_log(&format!("info     : 'page' connection succeeded to {at}"), MINUTE);
    drop(apache);
    daemon.wait_log("error    : 'apache' process is not running", MINUTE);
    daemon.wait_for("page", MINUTE, |one| {
        one["observed"]["connections"][0]["error"] == "Connection refused"
    });
}

/// The workers outlive a main process that is killed, and hold its port: a new one could not start
/// beside them.
#[test]
fn a_killed_apache_is_back_at_once_in_spite_of_its_orphans() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let Some(apache) = Apache::new(&scratch) else { return };
    // No cycle comes to help.
    let daemon = Daemon::start(&scratch, &rules(&apache, "10 minutes", free_port(), 9));
    daemon.wait_log("'apache' process is running with pid ", MINUTE);
    let pid = apache.pid().expect("Apache runs");
    assert!(until(MINUTE, || apache.leak().then_some(())).is_some(), "it does not answer");
    // Still what the pidfile says, and a child of nobody else's.
    let main = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not 0");
    kill_process(main, Signal::KILL).expect("Apache lives");
    let after = daemon.wait_for("apache", MINUTE, |one| {
        one["status"] == "ok" && one["pid"].as_u64().is_some_and(|new| new != pid)
    });
    assert_eq!(after["pid"].as_u64(), apache.pid(), "{}", daemon.said());
    assert!(until(MINUTE, || apache.leak().then_some(())).is_some(), "it does not answer");
    daemon.wait_log(&format!("'apache' process with pid {pid} was killed by signal 9"), MINUTE);
}

/// One mail when the limit is reached and one when all is well again, each episode.
fn mails_tell_of_both_episodes(server: &SmtpServer) {
    // Before them: `Does not exist` and `Exists`.
    let mails = server.wait_for(6, MINUTE);
    assert!(mails.iter().all(|mail| mail.to == ["ops@test.example"]), "{mails:#?}");
    let with = |subject: &str| -> Vec<_> {
        mails.iter().filter(|m| m.header("Subject").is_some_and(|s| s.contains(subject))).collect()
    };
    let matched = with("Resource limit matched apache");
    assert_eq!(matched.len(), 2, "{mails:#?}");
    for mail in matched {
        let body = mail.body();
        assert!(body.contains("total mem amount of ") && body.contains("> 100 MB]"), "{body}");
        assert!(body.contains("Action:") && body.contains("restart"), "{body}");
    }
    assert_eq!(with("Resource limit succeeded apache").len(), 2, "{mails:#?}");
}

/// Whether the lines contain these beginnings in this order.
fn in_order(lines: &[String], beginnings: &[String]) -> bool {
    let mut lines = lines.iter();
    beginnings.iter().all(|begin| lines.any(|line| line.starts_with(begin.as_str())))
}
