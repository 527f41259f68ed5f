//! What is refused: the place (`LINE:COLUMN`) and the words of each message.

mod sentences;
mod services;
mod slips;

use super::*;

/// A process service with one rule, whose sentence starts at 5:12.
fn with_rule(sentence: &str) -> String {
    format!(
        "services:\n- process: a\n  pidfile: /run/a.pid\n  rules:\n  - {{ if: \"{sentence}\", then: alert }}\n"
    )
}

/// A system service with one rule, whose sentence starts at 4:12.
fn with_system_rule(sentence: &str) -> String {
    format!("services:\n- system: h\n  rules:\n  - {{ if: \"{sentence}\", then: alert }}\n")
}

/// A process service with more keys, from line 4.
fn with_keys(keys: &str) -> String {
    format!("services:\n- process: a\n  pidfile: /run/a.pid\n{keys}\n")
}

/// What is wrong with how a text is refused: it must be at the place, with the words in what is shown.
fn faults(text: &str, place: &str, words: &[&str]) -> Vec<String> {
    let shown = match load_text(text) {
        Ok(_) => return vec![format!("accepted: {text}")],
        Err(found) => found.to_string(),
    };
    let place = format!("/etc/test.yaml:{place}\n");
    let absent = words
        .iter()
        .copied()
        .chain([place.as_str()])
        .filter(|word| !shown.contains(word))
        .map(|word| format!("no `{word}` in:\n{shown}"));
    let programmers = ["u32", "u64", "struct", "enum", "expected one of", "<input>", "policy"]
        .into_iter()
        .filter(|word| shown.contains(word))
        .map(|word| format!("a programmer's word `{word}` in:\n{shown}"));
    absent.chain(programmers).collect()
}

/// Tries each `(text, LINE:COLUMN, words)`.
fn all_refused(table: &[(&str, &str, &[&str])]) {
    let wrong: Vec<String> =
        table.iter().flat_map(|(text, place, words)| faults(text, place, words)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn yaml_that_does_not_parse() {
    let deep = format!("a: {}", "[".repeat(100_000));
    let nested = format!("services: {}{}", "[".repeat(40), "]".repeat(40));
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for at in 1..9 {
        let uses = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb.push_str(&format!("a{at}: &a{at} [{uses}]\n"));
    }
    all_refused(&[
        ("services: {a\ncycle: 5s", "1:11", &["unclosed"]),
        ("cycle: 5s\ncycle: 6s", "2:1", &["the key `cycle` stands here a second time"]),
        ("log:\n\tfile: /x\n", "2:1", &["no tabs"]),
        ("cycle: 5s\n---\ncycle: 6s\n", "3:1", &["a second document"]),
        ("cycle: *nope", "1:8", &["alias"]),
        ("cycle: 5s: x", "1:10", &["a text with `: `"]),
        ("cycle: \0", "1:8", &["NUL byte"]),
        ("services:\n- process: \"a\n", "3:1", &["a quotation mark before it is not closed"]),
        (&deep, "1:36", &["nested too deep"]),
        (&nested, "1:43", &["nested too deep"]),
        (&bomb, "5:10", &["too large"]),
        ("cycle: !!int x", "1:14", &["tag"]),
        ("- cycle: 5s", "1:1", &["expected a mapping", "found a list"]),
        ("services:\n- system: h\n  rules:\n\t- x\n", "4:1", &["a tab in the indentation"]),
        ("services:\n- process: a\n  start:\t/bin/x\n\tstop: y\n", "4:1", &["indent with spaces"]),
        ("just words", "1:1", &["expected a mapping"]),
        ("? [a]\n: b\n", "1:3", &["a key is one word"]),
    ]);
}

#[test]
fn keys_and_values_of_the_main_file() {
    all_refused(&[
        ("cylce: 60s", "1:1", &["has no key `cylce`", "did you mean `cycle`?", "^^^^^"]),
        ("limits: { start_timeout: 0s }", "1:26", &["nothing is done within"]),
        ("limits: { network_timeout: 0s }", "1:28", &["nothing is done within"]),
        ("limits: { network_timeout: 61m }", "1:28", &["an hour at most"]),
        ("limits: { program_output: 65 KB }", "1:27", &["is from 1 B to 64 kB"]),
        ("limits: { checksum_size: 17 TB }", "1:26", &["is from 1 B to 16 TB"]),
        ("limits: { send_expect_buffer: 0 }", "1:31", &["is from 1 B to 64 kB"]),
        ("limits: { file_content_buffer: 2s }", "1:32", &["`2s` is not a size", "such as `512 B`"]),
        ("limits: { http_content_buffer: 9 MB }", "1:32", &["is from 1 B to 8 MB"]),
        ("onreboot: perhaps", "1:11", &["not a value of `onreboot`"]),
        ("frobnicate: 1", "1:1", &["has no key", "there is: cycle, sample"]),
        ("cycle: 60", "1:8", &["needs a unit of time", "write `60s` for seconds"]),
        ("cycle: sixty", "1:8", &["`sixty` is not a length of time", "`90s`"]),
        ("cycle: 10ms", "1:8", &["at least 50ms"]),
        ("cycle: 9999d", "1:8", &["longer than a year"]),
        ("cycle: [1s]", "1:8", &["expected a single value, found a list"]),
        ("require_ebpf: yes", "1:15", &["`true` or `false`, not `yes`"]),
        ("memory: uss", "1:9", &["not a value of `memory`", "did you mean"]),
        ("queue: { slots: 0 }", "1:17", &["whole number from 1 to 100000, not `0`"]),
        ("queue: 5", "1:8", &["expected a mapping"]),
        ("state_dir: var/lib/x", "1:12", &["must be an absolute path"]),
        ("log: { path: /x }", "1:8", &["`log` has no key `path`"]),
        ("include: [conf.d/a.yaml]", "1:11", &["/etc/conf.d/a.yaml", "does not exist"]),
        ("protect:", "1:1", &["`protect` is empty"]),
        ("protect: [/usr/sbin/sshd]", "1:11", &["is a path, not a name", "write `sshd`"]),
    ]);
}

#[test]
fn mail_and_http() {
    let slow = "{ name: a, password_hash: \"$2y$17$......................0123456789abcdefghijklmnopqrstu\" }";
    let slow = format!("http:\n  listen: 127.0.0.1:2812\n  users: [{slow}]\n");
    all_refused(&[(&slow, "3:22", &["work factor above 16"])]);
    let user = "{ name: a, password_hash: \"$2y$12$......................0123456789abcdefghijklmnopqrstu\" }";
    let listen = |address: &str| format!("http:\n  listen: {address}\n  users: [{user}]\n");
    let twice = format!("http:\n  listen: 127.0.0.1:1\n  users:\n  - {user}\n  - {user}\n");
    all_refused(&[
        ("mail: { from: a@b }", "1:1", &["no `servers`", "servers: [localhost]"]),
        ("mail: { servers: x, from: nobody }", "1:27", &["`nobody` is not a mail address"]),
        ("mail: { servers: [] }", "1:9", &["`servers` is empty"]),
        ("mail: { servers: ['x.org:25'] }", "1:19", &["write `{ host: x.org, port: 25 }`"]),
        ("mail: { servers: [{ host: 'x y' }] }", "1:27", &["not the name of a mail server"]),
        ("mail: { servers: x, timeout: 0s }", "1:30", &["nothing is done within"]),
        ("mail: { servers: [{ port: 25 }] }", "1:21", &["needs a `host`"]),
        ("mail: { servers: [{ host: x, port: 99999 }] }", "1:36", &["from 1 to 65535"]),
        (
            "mail: { servers: [{ host: x, tls: ssl }] }",
            "1:35",
            &["not a value of `tls`", "wrapped"],
        ),
        (
            "mail: { servers: [{ host: x, user: u, password: p }] }",
            "1:39",
            &["does not stand in the configuration", "mode 0600"],
        ),
        ("mail: { servers: [{ host: x, user: u }] }", "1:21", &["without a `password`"]),
        (
            "mail: { servers: [{ host: x, checksum: abc }] }",
            "1:30",
            &["always encrypted", "tls: required"],
        ),
        (
            "mail: { servers: [{ host: x, tls: required, checksum: abc }] }",
            "1:55",
            &["no checksum", "64"],
        ),
        ("mail: { servers: x, hostname: 'a b' }", "1:31", &["not the name of a host"]),
        (
            "alerts: [{ mail: a@b.org, format: { from: nobody } }]",
            "1:43",
            &["`nobody` is not a mail address"],
        ),
        (
            "alerts: [{ mail: a@b.org, format: { subjet: x } }]",
            "1:37",
            &["`format` has no key `subjet`", "did you mean `subject`?"],
        ),
        ("alerts: [{ only: [timeout] }]", "1:12", &["needs `mail`"]),
        (
            "alerts: [{ mail: a@b.org, only: [timeuot] }]",
            "1:34",
            &["unknown event `timeuot`", "did you mean `timeout`?"],
        ),
        ("alerts: [{ mail: a@b.org, only: [exec], not: [pid] }]", "1:41", &["exclude each other"]),
        (
            "alerts: [{ mail: a@b.org, reminder: 10 }]",
            "1:37",
            &["a number of cycles", "`5 cycles`"],
        ),
        ("alerts: [{ webhook: x }]", "1:12", &["`webhook` is not supported yet"]),
        (
            &listen("0.0.0.0:2812"),
            "2:11",
            &["not a loopback address", "ssh -L 2812:127.0.0.1:2812 root@box.example.org"],
        ),
        (&listen("127.0.0.1:0"), "2:11", &["must be 1024 or above"]),
        (&listen("127.0.0.1:80"), "2:11", &["must be 1024 or above"]),
        (&listen("2812"), "2:11", &["not an address with a port"]),
        (
            "http: { listen: 127.0.0.1:1, users: [{ name: a, password: b }] }",
            "1:49",
            &["does not stand in", "hash-password"],
        ),
        (
            "http: { listen: 127.0.0.1:1, users: [{ name: a, password_hash: monit }] }",
            "1:49",
            &["not a bcrypt hash", "hash-password"],
        ),
        ("http: { listen: 127.0.0.1:1 }", "1:1", &["nobody could log in"]),
        (
            "http: { listen: 127.0.0.1:1, allow: [10.0.0.0/99], users: [] }",
            "1:38",
            &["not an address or network"],
        ),
        (&twice, "5:13", &["a second user `a`", "the first is here"]),
    ]);
}

#[test]
fn all_errors_show_at_once_in_the_order_of_the_text() {
    let text = "cylce: 5s\nsample: 5\nservices:\n- process: a\n  pidfile: x\n- file: b\n";
    let found = load_text(text).expect_err("is refused");
    let lines: Vec<_> = found.items().iter().map(|item| item.line).collect();
    assert_eq!(lines, [1, 2, 4, 5, 6], "{found}");
    assert_eq!(
        found.items()[0].to_string(),
        "/etc/test.yaml:1:1: the configuration has no key `cylce` (did you mean `cycle`?)"
    );
    let json = found.to_json();
    assert_eq!(json[0]["severity"], "error");
    assert_eq!(json[0]["file"], "/etc/test.yaml");
    assert_eq!((json[0]["line"].as_u64(), json[0]["column"].as_u64()), (Some(1), Some(1)));
    assert_eq!(json[0]["span"], serde_json::json!([0, 5]));
    assert_eq!(json[0]["help"], "did you mean `cycle`?");
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_raw() {
    let found = load_text("\"cy\\e[31mcle\": 5s\n").expect_err("is refused");
    assert!(!found.to_string().contains('\u{1b}'), "{found:?}");
    let found = load_text("cycle: \"\u{1b}[31m\u{202e}5s\"\n").expect_err("is refused");
    let shown = found.to_string();
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
}

/// What is drawn of a refused file goes to the log and to the events, which the readers' group sees.

#[test]
fn no_finding_shows_a_secret() {
    let hash = format!("$2y$12${}", "e".repeat(53));
    let user =
        |rest: &str| format!("http: {{ listen: '127.0.0.1:2812', users: [{{ {rest} }}] }}\n");
    let texts = [
        user(&format!("name: a, role: boss, password_hash: '{hash}'")),
        user(&format!("nam: a, password_hash: {hash}")),
        user(&format!("name: a, password_hash: '{}'", &hash[1..])),
        user("name: a, password: hunter2secret"),
        user("name: a, pasword: hunter2secret"),
        "mail:\n  servers:\n  - host: a\n    user: u\n    password: hunter2secret\n".to_owned(),
        format!("http: {{ listen: '0.0.0.0:1', users: [{{ name: a, password_hash: '{hash}' }}] }}"),
    ];
    for text in texts {
        let found = load_text(&text).map(drop).expect_err("refused");
        for shown in [found.render(true), found.render(false), found.to_json().to_string()] {
            assert!(!shown.contains("hunter2") && !shown.contains("eeeee"), "{shown}");
        }
    }
}
