//! What is accepted, and what it means.

use std::time::Duration;

use crate::metric::{CpuShare, LoadWindow, Metric, Operator};
use crate::service::*;

use super::*;

/// The process and system part of the first user's Monit file.
const SEED: &str = r#"
cycle: 60s
start_delay: 240s
log: { file: /var/log/ebpf-watchdog.log }
mail:
  servers: [mail.example.org, { host: backup.example.org, port: 10025 }, localhost]
  from: watchdog@$HOST
alerts:
  - mail: ops@example.org
  - mail: manager@example.org
    only: [timeout]
services:
  - system: $HOST
    rules:
      - { if: "loadavg (1min) > 4", then: alert }
      - { if: "loadavg (5min) > 2", then: alert }
      - { if: "memory > 75%", then: alert }
      - { if: "cpu (user) > 70%", then: alert }
      - { if: "cpu (system) > 30%", then: alert }
      - { if: "cpu (wait) > 20%", then: alert }
  - process: apache
    pidfile: /var/run/httpd/httpd.pid
    start: { program: /etc/init.d/httpd start, timeout: 60s }
    stop: /etc/init.d/httpd stop
    group: [server]
    rules:
      - { if: "cpu > 60% for 2 cycles", then: alert }
      - { if: "cpu > 80% for 5 cycles", then: restart }
      - { if: "totalmem > 1800 MB for 5 cycles", then: restart }
      - { if: "children > 250", then: restart }
      - { if: "loadavg(5min) greater than 10 for 8 cycles", then: restart }
      - { if: "3 restarts within 5 cycles", then: unmonitor }
"#;

#[test]
fn the_seed_means_what_it_says() {
    let Loaded { config, files, .. } = load_text(SEED).expect("the seed loads");
    assert_eq!(files, [PathBuf::from("/etc/test.yaml")]);
    assert_eq!(config.cycle, Duration::from_secs(60));
    assert_eq!(config.sample, Duration::from_secs(1));
    assert_eq!(config.start_delay, Duration::from_secs(240));
    assert_eq!(config.log_file, Some(PathBuf::from("/var/log/ebpf-watchdog.log")));
    let mail = config.mail.as_ref().expect("mail");
    assert_eq!(mail.from, "watchdog@box.example.org");
    let servers: Vec<_> = mail.servers.iter().map(|s| (s.host.as_str(), s.port)).collect();
    assert_eq!(
        servers,
        [("mail.example.org", 25), ("backup.example.org", 10025), ("localhost", 25)]
    );
    assert_eq!(config.alerts.len(), 2);
    assert_eq!(config.alerts[1].only, [EventWord::Timeout]);

    let system = &config.services[0];
    assert_eq!((system.name.as_str(), system.id.index()), ("box.example.org", 0));
    assert_eq!(system.rules.len(), 6);
    let level = |rule: &Rule| match &rule.condition {
        Condition::Test(Test::Level(level)) => *level,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        level(&system.rules[1]),
        Level {
            metric: Metric::LoadAverage { over: LoadWindow::Five, per_core: false },
            operator: Operator::Greater,
            limit: Limit::Count(2.0),
        }
    );
    assert_eq!(level(&system.rules[5]).metric, Metric::SystemCpu(CpuShare::Wait));
    assert_eq!(level(&system.rules[2]).limit, Limit::Ratio(0.75));

    let apache = &config.services[1];
    let process = apache.process().expect("a process");
    assert_eq!(apache.groups, ["server"]);
    let start = process.start.as_ref().expect("start");
    assert_eq!(start.argv, ["/etc/init.d/httpd", "start"]);
    assert_eq!(start.timeout, Duration::from_secs(60));
    assert_eq!(process.stop.as_ref().expect("stop").timeout, Duration::from_secs(30));
    assert_eq!(apache.rules.len(), 7, "the implicit rule comes last");
    assert_eq!(apache.rules[2].text, "totalmem > 1800 MB for 5 cycles");
    assert_eq!(level(&apache.rules[2]).limit, Limit::Bytes(1800.0 * 1024.0 * 1024.0));
    assert_eq!(apache.rules[2].qualifier, Qualifier::Cycles { times: 5, of: 5 });
    assert_eq!(apache.rules[2].then, [Action::Restart]);
    assert_eq!(
        apache.rules[5].condition,
        Condition::Test(Test::Restarts { count: 3, within: Span::Cycles(5) })
    );
    assert_eq!(apache.rules[5].severity, Severity::Critical);
    let implicit = &apache.rules[6];
    assert!(implicit.implicit);
    assert_eq!(implicit.condition, Condition::Test(Test::DoesNotExist));
    assert_eq!(implicit.then, [Action::Restart]);
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = load_text("# nothing\n").expect("loads").config;
    assert_eq!(config, Config::default());
    assert_eq!(config.queue_slots, 100);
    assert_eq!(config.socket, PathBuf::from("/run/ebpf-watchdog/control.sock"));
}

#[test]
fn the_implicit_rule_alerts_without_programs_and_yields_to_the_users_own() {
    let text = "services:\n- { process: a, pidfile: /run/a.pid }\n\
                - process: b\n  pidfile: /run/b.pid\n  rules: [{ if: not exist, then: ignore }]\n";
    let services = load_text(text).expect("loads").config.services;
    assert_eq!(services[0].rules[0].then, [Action::Alert]);
    assert_eq!(services[1].rules.len(), 1);
    assert!(!services[1].rules[0].implicit);
}

#[test]
fn a_unit_is_started_and_stopped_by_systemd() {
    let text = "services:\n- { process: a, unit: web@1.service }\n\
                - { process: b, unit: b.service, stop: /bin/true, rules: [{ if: cpu > 1%, then: restart }] }\n\
                - { process: c, cgroup: /machine.slice/c/, match: { args: x }, rules: [{ if: cpu > 1%, then: stop }] }\n";
    let services = load_text(text).expect("loads").config.services;
    let a = services[0].process().expect("a process");
    assert_eq!(a.unit.as_deref(), Some("web@1.service"));
    let line = |program: &Option<Box<Program>>| program.as_deref().map(Program::line);
    let systemctl =
        |verb| Some(format!("/usr/bin/systemctl --no-ask-password {verb} -- web@1.service"));
    assert_eq!(line(&a.start), systemctl("start"));
    assert_eq!(line(&a.stop), systemctl("stop"));
    assert_eq!(line(&a.restart), systemctl("restart"));
    assert_eq!(services[0].rules[0].then, [Action::Restart], "so the implicit rule can restart");
    let b = services[1].process().expect("a process");
    assert_eq!(line(&b.stop), Some("/bin/true".to_owned()));
    assert!(b.restart.is_none(), "the user's own stop is part of a restart");
    let c = services[2].process().expect("a process");
    assert_eq!(c.cgroup, Some(PathBuf::from("/machine.slice/c")));
    assert!(c.start.is_none() && c.has_selector());
}

#[test]
fn programs_come_in_three_forms() {
    let text = r#"
services:
  - process: a
    start: /bin/sh -c 'echo "a  b"'
    stop: [/bin/sh, -c, "echo a  b"]
    restart: { program: [/bin/true], timeout: 1500ms, user: root, group: "0", cwd: /tmp, env: { A: 1, B: x y } }
    stop_timeout: 2m
    rules:
      - { if: exits with code != 0, then: { exec: /bin/true } }
      - if: cpu > 1%
        then: [alert, { exec: { program: /bin/true, repeat: 5 cycles } }]
        else: { after: 3 cycles, then: [alert] }
        severity: critical
        name: busy
        alert: [root@localhost]
      - { if: cpu > 2%, then: alert, else: { after: 2 times within 5 cycles, then: alert } }
      - { if: killed by signal SIGKILL, then: alert, else: { exec: /bin/true x } }
"#;
    let loaded = load_text(text).expect("loads");
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let service = &loaded.config.services[0];
    let process = service.process().expect("a process");
    assert_eq!(
        process.start.as_ref().map(|p| p.argv.clone()),
        Some(vec!["/bin/sh".into(), "-c".into(), "echo \"a  b\"".into()])
    );
    assert_eq!(process.stop.as_ref().map(|p| p.argv.len()), Some(3));
    let restart = process.restart.as_ref().expect("restart");
    assert_eq!(restart.timeout, Duration::from_millis(1500));
    assert_eq!(restart.env, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x y".to_owned())]);
    assert_eq!(restart.cwd, Some(PathBuf::from("/tmp")));
    assert_eq!(process.stop_timeout, Duration::from_secs(120));
    let Action::Exec(exec) = &service.rules[0].then[0] else { panic!("exec") };
    assert_eq!((exec.program.timeout, exec.repeat), (Duration::from_secs(300), None));
    let busy = &service.rules[1];
    assert_eq!((busy.recovery.of, busy.severity, busy.then.len()), (3, Severity::Critical, 2));
    assert_eq!(busy.alert[0].mail, "root@localhost");
    assert!(matches!(&busy.then[1], Action::Exec(exec) if exec.repeat == Some(5)));
    assert_eq!(service.rules[2].recovery, Recovery { times: 2, of: 5 });
    assert_eq!(
        service.rules[3].condition,
        Condition::Test(Test::Death(DeathTest {
            member: false,
            way: Way::Killed { signal: Some(9) }
        }))
    );
    assert_eq!(service.rules[3].otherwise.len(), 1);
}

#[test]
fn the_web_front_and_anchors() {
    let text = r#"
http:
  listen: "[::1]:2812"
  allow: [127.0.0.0/8, "::1"]
  users:
    - { name: admin, password_hash: "$2y$12$......................0123456789abcdefghijklmnopqrstu", role: operator }
queue: { slots: 7 }
memory: rss
protect: [sshd]
services:
  - process: a
    pidfile: /run/a.pid
    rules: &rules [{ if: cpu > 5%, then: alert }]
  - { process: b, pidfile: /run/b.pid, rules: *rules }
"#;
    let config = load_text(text).expect("loads").config;
    let http = config.http.expect("http");
    assert!(http.users[0].operator && http.listen.is_ipv6() && http.allow.len() == 2);
    assert_eq!((config.queue_slots, config.memory), (7, MemoryBasis::Rss));
    assert_eq!(config.services[1].rules[0].text, "cpu > 5%");
}

#[test]
fn doubtful_things_are_warned_of() {
    let text = "cycle: 100ms\nservices:\n- process: a\n  pidfile: /run/a.pid\n  \
                start: /nonexistent/program | cat\n  rules: [{ if: cpu > 100%, then: alert }]\n";
    let loaded = load_text(text).expect("loads");
    let words: Vec<_> = loaded.warnings.items().iter().map(|item| item.message.as_str()).collect();
    assert!(words.iter().any(|w| w.contains("meant for tests")), "{words:?}");
    assert!(words.iter().any(|w| w.contains("/nonexistent/program does not exist")), "{words:?}");
    assert!(words.iter().any(|w| w.contains("no shell runs here")), "{words:?}");
    assert!(words.iter().any(|w| w.contains("never true")), "{words:?}");
    let strict = LoadOptions { host_checks: HostChecks::Enforce, ..lenient() };
    assert!(load_str("x", text, strict).is_err());
}

#[test]
fn a_thousand_services_load() {
    let mut text = String::from("services:\n");
    for at in 0..1000 {
        text.push_str(&format!(
            "- process: service-{at}\n  pidfile: /run/service-{at}.pid\n  start: /bin/true {at}\n  rules:\n  \
             - {{ if: \"totalmem > 1800 MB for 5 cycles\", then: restart }}\n  \
             - {{ if: \"cpu > 80% for 5 cycles\", then: [alert] }}\n"
        ));
    }
    let loaded = load_text(&text).expect("loads");
    assert_eq!(loaded.config.services.len(), 1000);
}

#[test]
fn a_thousand_services_may_share_rules() {
    let mut text =
        String::from("services:\n- process: a\n  pidfile: /run/a.pid\n  rules: &rules\n");
    text.push_str("  - { if: cpu > 5%, then: alert }\n  - { if: threads > 5, then: alert }\n");
    for at in 0..1000 {
        text.push_str(&format!("- {{ process: b{at}, pidfile: /run/b{at}.pid, rules: *rules }}\n"));
    }
    let loaded = load_text(&text).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(loaded.config.services[999].rules.len(), 3);
}

#[test]
fn what_would_do_nothing_is_warned_of() {
    for (text, words) in [
        ("", "nothing is watched"),
        ("services:\n", "nothing is watched"),
        ("alerts: [a@b.org]\nservices: [{ system: x }]\n", "there is no `mail`"),
    ] {
        let found = load_text(text).expect("loads").warnings;
        assert!(found.items().iter().any(|item| item.message.contains(words)), "{text}");
    }
    let quiet = load_text("mail: { servers: x }\nalerts: [a@b.org]\nservices: [{ system: x }]\n");
    assert!(!quiet.expect("loads").warnings.to_json().to_string().contains("there is no"));
}

#[test]
fn dependencies_are_looked_up_whatever_their_case_and_order() {
    let text = "services:\n\
                - { process: web, pidfile: /run/a.pid, depends_on: [DB, db, $HOST] }\n\
                - { process: db, pidfile: /run/b.pid, depends_on: conf }\n\
                - { file: conf, path: /etc/x }\n- system: $HOST\n";
    let services = load_text(text).expect("loads").config.services;
    assert_eq!(services[0].control.depends_on, ["db", "box.example.org"]);
    assert_eq!(services[1].control.depends_on, ["conf"]);
    assert!(services[2].control.depends_on.is_empty());
}

#[test]
fn ten_thousand_services_in_a_chain_load() {
    let mut text = String::from("services:\n- { file: f0, path: /etc/x }\n");
    for i in 1..10_000 {
        text.push_str(&format!("- {{ file: f{i}, path: /etc/x, depends_on: f{} }}\n", i - 1));
    }
    assert_eq!(load_text(&text).expect("loads").config.services.len(), 10_000);
}

#[test]
fn a_receiver_has_mails_of_its_own_look() {
    let Loaded { config, .. } = load_text(
        "mail: { servers: [{ host: x, tls: wrapped, checksum: '\
         00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF' }], hostname: mail.$HOST }\n\
         alerts: [a@b.org, { mail: c@b.org, format: { from: w@$HOST, subject: $SERVICE } }]\n\
         services:\n  - system: x\n    alert: { mail: d@b.org, format: { message: m, reply_to: r@b.org } }\n",
    )
    .expect("it loads");
    let mail = config.mail.as_ref().expect("mail");
    assert_eq!(mail.hostname.as_deref(), Some("mail.box.example.org"));
    let checksum = mail.servers[0].checksum.as_ref().expect("a checksum");
    assert_eq!(checksum.to_string(), "00112233445566778899aabbccddeeff");
    assert_eq!(config.alerts[0].format, None);
    let own = config.alerts[1].format.as_deref().expect("a format");
    assert_eq!(own.from.as_deref(), Some("w@box.example.org"));
    assert_eq!((own.subject.as_deref(), own.message.as_deref()), (Some("$SERVICE"), None));
    let own = config.services[0].control.alert[0].format.as_deref().expect("a format");
    assert_eq!((own.message.as_deref(), own.reply_to.as_deref()), (Some("m"), Some("r@b.org")));
}

#[test]
fn who_is_told_of_nothing_anyway_is_doubted() {
    let with = |noalert: &str| {
        let service = format!("- process: a\n  pidfile: /run/a.pid\n  noalert: {noalert}\n");
        let text = format!(
            "mail: {{ servers: [x], from: w@x.org }}\nalerts: [ops@x.org]\nservices:\n{service}"
        );
        load_text(&text).expect("loads").warnings.to_string()
    };
    assert!(!with("OPS@x.org").contains("told of nothing"));
    let doubt = with("[ops@x.org, opss@x.org]");
    assert!(doubt.contains("does not name `opss@x.org`") && doubt.contains("6:24"), "{doubt}");
}

#[test]
fn an_executable_named_by_a_link_is_doubted() {
    let folder = tempfile::tempdir().expect("a folder");
    let real = folder.path().canonicalize().expect("it is there");
    std::fs::create_dir(real.join("real")).expect("made");
    std::fs::write(real.join("real/x"), "").expect("written");
    std::os::unix::fs::symlink("real", real.join("link")).expect("linked");
    let doubts = |path: &str| {
        let exe = format!("{}/{path}", real.display());
        let text = format!("services:\n  - {{ process: a, match: {{ exe: '{exe}' }} }}\n");
        load_text(&text).expect("loads").warnings.to_string()
    };
    let known = |path: &str| format!("write `exe: {}/{path}`", real.display());
    assert!(doubts("link/x").contains(&known("real/x")), "{}", doubts("link/x"));
    assert!(doubts("link/x*").contains(&known("real/x*")), "{}", doubts("link/x*"));
    for quiet in ["real/x", "real/*", "nothing/x", "*/x"] {
        assert_eq!(doubts(quiet), "", "{quiet}");
    }
}
