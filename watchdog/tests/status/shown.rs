//! How services of all kinds look: Monit's labels, units, columns, colours; what is hostile stays harmless.

use std::process::Stdio;

use crate::fake::{self, Daemon, apache, named};
use ebpf_watchdog::cli::print::Style;
use ebpf_watchdog::cli::{status, summary};
use ebpf_watchdog::message::{RuleStatus, Status};
use ebpf_watchdog::status::view::{Document, Extras};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

const SCREEN: Style = Style { colour: false, columns: Some(80) };
const PIPE: Style = Style { colour: false, columns: None };

/// The document with one service of this kind that was observed so.
fn document(kind: &str, observed: &Value) -> Document {
    let services = vec![named("it", Status::Failing)];
    let document = Document::of(&fake::snapshot(services), Extras::default());
    let mut value = serde_json::to_value(document).expect("JSON");
    value["services"][0]["kind"] = kind.into();
    value["services"][0]["rules"][0]["state"] = "failing".into();
    value["services"][0]["observed"] = observed.clone();
    serde_json::from_value(value).expect("a document")
}

#[track_caller]
fn assert_shown(kind: &str, observed: &Value, wanted: &[&str]) {
    let document = document(kind, observed);
    let shown = status::text(&document, false, PIPE);
    for line in wanted {
        let line = format!("\n  {line}\n");
        assert!(shown.contains(&line), "{line:?} is missing in\n{shown}");
    }
    assert!(!shown.contains(['{', '"']), "JSON in\n{shown}");
    for line in status::text(&document, true, SCREEN).lines() {
        assert!(line.width() <= 80, "{line:?} is too long");
    }
}

#[test]
fn every_kind_has_monits_labels_and_units() {
    assert_shown(
        "file",
        &json!({"exists": true, "type": "file", "permission": "0644", "uid": 0, "gid": 4,
            "size_bytes": 1434, "hardlinks": 1, "access_time": "2026-11-22T08:39:05Z",
            "modification_time": null, "md5": "7217db688368fceed95973ebe8bc6f2d"}),
        &[
            "status                       Resource limit matched",
            "permission                   644",
            "gid                          4",
            "size                         1.4 kB",
            "modify timestamp             -",
            "checksum                     7217db688368fceed95973ebe8bc6f2d (MD5)",
        ],
    );
    assert_shown(
        "filesystem",
        &json!({"mounted": true, "mounted_on": "/", "device": "/dev/vda", "type": "ext4",
            "flags": "rw,relatime", "space_total_bytes": 1000_u64 << 30, "space_used_bytes": 160_u64 << 30,
            "space_free_bytes": 200_u64 << 30, "space_usage": 0.16, "inodes_total": 1000,
            "inodes_used": 33, "read_bytes_per_second": 2048.0, "reads_per_second": 0.5,
            "service_time_seconds": 0.000_364}),
        &[
            "filesystem flags             rw, relatime",
            "space total                  1000.0 GB (of which 64.0% is reserved for root)",
            "space usage                  16.0% [160.0 GB]",
            "space free for non superuser 200.0 GB [20.0%]",
            "inodes free                  967 [96.7%]",
            "read bytes                   2.0 kB/s",
            "disk read operations         0.5 reads/s",
            "service time                 0.364 ms/operation",
        ],
    );
    assert_shown(
        "network",
        &json!({"interface": "eth0", "link": "up", "capacity": "1000 Mb/s full-duplex",
            "saturation": 0.012, "download_bytes_per_second": 189.2,
            "download_packets_per_second": 2.0, "upload_bytes_per_second": null}),
        &[
            "link                         up",
            "link capacity                1000 Mb/s full-duplex",
            "link saturation              1.2%",
            "download bytes               189 B/s",
            "download packets             2 per second",
            "upload bytes                 -",
        ],
    );
    assert_shown(
        "program",
        &json!({"program_status": 3, "output": "hello\n\u{1b}[2Jmore\n"}),
        &[
            "last exit value              3",
            "last output                  hello\n                               \\x1b[2Jmore",
        ],
    );
    let connection = |to: &str, protocol: Option<&str>, good: bool| {
        json!({"to": to, "protocol": protocol, "succeeded": good,
            "error": (!good).then_some("Connection refused"),
            "response_seconds": good.then_some(0.000_3),
            "certificate_valid_seconds": to.contains("TLS").then_some(86_400 * 30)})
    };
    assert_shown(
        "host",
        &json!({"connections": [
            connection("127.0.0.1", None, true),
            connection("[127.0.0.1]:80/x [TCP/IP]", Some("HTTP"), true),
            connection("[h]:443 [TCP/IP TLS]", Some("HTTP"), true),
            connection("[127.0.0.1]:22890 [TCP/IP]", Some("DEFAULT"), false),
            connection("/run/x.sock", Some("DEFAULT"), true),
        ]}),
        &[
            "ping response time           0.300 ms",
            "port response time           0.300 ms to [127.0.0.1]:80/x type TCP/IP protocol HTTP",
            "port response time           0.300 ms to [h]:443 type TCP/IP using TLS (certificate \
             valid for 30 days) protocol HTTP",
            "port response time           FAILED to [127.0.0.1]:22890 type TCP/IP protocol DEFAULT \
             -- Connection refused",
            "unix socket response time    0.300 ms to /run/x.sock protocol DEFAULT",
        ],
    );
    assert_shown(
        "process",
        &json!({"parent_pid": 1, "uid": 0, "security_attribute": "unconfined"}),
        &[
            "parent pid                   1",
            "memory total                 2.1% [170.0 MB]",
            "security attribute           unconfined",
        ],
    );
    // Of a daemon that knows more than this command.
    assert_shown(
        "satellite",
        &json!({"orbit_height": 400, "of": {"a": [1, null]}}),
        &["orbit height                 400", "of                           a 1, -"],
    );
}

#[test]
fn wide_and_long_names_do_not_break_the_table() {
    let long = "a name of many words that ".repeat(9);
    let services = [
        named("日本語のサービス 🦀", Status::Ok),
        named(&long, Status::Pending),
        named("e\u{301}te\u{301}", Status::GivenUp),
        apache(),
    ];
    let document = Document::of(&fake::snapshot(services.to_vec()), Extras::default());
    let shown = summary::text(&document.services, SCREEN);
    let state = |line: &str, state: &str| line.find(state).map(|at| line[..at].width());
    let mut seen = 0;
    for line in shown.lines() {
        assert!(line.width() <= 80, "{line:?}");
        for word in ["OK", "Given up", "Status"] {
            if let Some(column) = state(line, word) {
                assert_eq!(column, 33, "{line:?}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 5, "{shown}");
    assert_eq!(shown.matches("name of many words").count(), 9, "nothing is cut");
    assert_eq!(summary::text(&document.services, PIPE).lines().count(), 5);
}

#[test]
fn colours_are_given_where_they_are_wanted() {
    let daemon = Daemon::start(vec![apache()]);
    let coloured = |set: &[(&str, &str)]| {
        let mut command = fake::command(&daemon.socket);
        command.arg("status").env_remove("CLICOLOR_FORCE").env("TERM", "xterm");
        command.envs(set.iter().copied()).stdin(Stdio::null());
        let output = command.output().expect("the binary runs");
        output.stdout.contains(&0x1b)
    };
    assert!(!coloured(&[]), "a pipe");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "0")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    let on_terminal = |set: &str| {
        let program = env!("CARGO_BIN_EXE_ebpf-watchdog");
        let line = format!("{set} {program} --socket {} status", daemon.socket.display());
        let output = std::process::Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .output()
            .expect("script (util-linux) runs");
        assert!(output.status.success(), "{output:?}");
        output.stdout.contains(&0x1b)
    };
    assert!(on_terminal("TERM=xterm"));
    assert!(!on_terminal("TERM=dumb"));
    assert!(!on_terminal("TERM=xterm NO_COLOR=1"));
}

#[test]
fn what_waits_for_another_names_it() {
    let mut waits = named("web", Status::Unknown);
    waits.waits_for = Some("db".into());
    let services = vec![waits, named("new", Status::Unknown)];
    let document = Document::of(&fake::snapshot(services), Extras::default());
    let shown = summary::text(&document.services, PIPE);
    assert!(shown.contains("Waits for 'db'") && shown.contains("Not known yet"), "{shown}");
}

#[test]
fn a_rule_that_fails_says_what_was_seen_and_all_that_it_does() {
    let mut failing = named("web", Status::Failing);
    failing.reason = Some("total mem amount of 2 GB matches".into());
    let mut other = failing.rules[0].clone();
    for (rule, seen) in
        [(&mut failing.rules[0], "total mem amount of 2 GB matches"), (&mut other, "two")]
    {
        rule.state = RuleStatus::Failing;
        rule.failing_cycles = 1;
        rule.actions = vec!["restart", "exec"];
        rule.description = Some(seen.into());
    }
    failing.rules.push(other);
    let document = Document::of(&fake::snapshot(vec![failing]), Extras::default());
    let shown = status::text(&document, false, PIPE);
    assert!(shown.contains("then restart, exec (1 cycle)\n            two\n"), "{shown}");
    assert_eq!(shown.matches("2 GB").count(), 1, "the reason is not said twice: {shown}");
}
