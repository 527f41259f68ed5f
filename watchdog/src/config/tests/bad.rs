//! What is refused: the place (`LINE:COLUMN`) and the words of each message.

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
        ("log:\n\tfile: /x\n", "2:2", &["no tabs"]),
        ("cycle: 5s\n---\ncycle: 6s\n", "3:1", &["a second document"]),
        ("cycle: *nope", "1:8", &["alias"]),
        ("cycle: 5s: x", "1:10", &["not allowed"]),
        ("cycle: \0", "1:8", &["NUL byte"]),
        ("services:\n- process: \"a\n", "3:1", &["quoted"]),
        (&deep, "1:36", &["nested too deep"]),
        (&nested, "1:43", &["nested too deep"]),
        (&bomb, "5:10", &["too large"]),
        ("cycle: !!int x", "1:14", &["tag"]),
        ("- cycle: 5s", "1:1", &["expected a mapping", "found a list"]),
        ("just words", "1:1", &["expected a mapping"]),
        ("? [a]\n: b\n", "1:3", &["a key is one word"]),
    ]);
}

#[test]
fn units_and_cgroups() {
    let service = |keys: &str| format!("services:\n- process: a\n  {keys}\n");
    let long = service(&format!("unit: {}.service", "x".repeat(250)));
    all_refused(&[
        (
            &service("unit: apache2"),
            "3:9",
            &["not the name of a systemd service", "`apache2.service`"],
        ),
        (
            &service("unit: a/b.service"),
            "3:9",
            &["does not have the character `/`", "systemd-escape"],
        ),
        (&service("unit: \"../x.service\""), "3:9", &["does not have the character `/`"]),
        (&service("unit: web@.service"), "3:9", &["is a template", "`web@1.service`"]),
        (&service("unit: .service"), "3:9", &["not the name of a systemd service"]),
        (&service("unit: -.slice"), "3:9", &["not the name of a systemd service"]),
        (&long, "3:9", &["not the name of a systemd service"]),
        (&service("cgroup: x"), "3:11", &["must be an absolute path"]),
        (&service("cgroup: /"), "3:11", &["the root of all cgroups", "of this service"]),
        (&service("cgroup: /a/../b"), "3:11", &["no `..`"]),
        (&service("cgroup: /a//b"), "3:11", &["no empty part"]),
        (&service("cgroup: /a/./b"), "3:11", &["no `.`"]),
        (&service("cgroup: /sys/fs/cgroup/a"), "3:11", &["leave out `/sys/fs/cgroup`"]),
        (&service("unit: a.service\n  cgroup: /a"), "4:3", &["`unit` and `cgroup` both"]),
    ]);
}

#[test]
fn keys_and_values_of_the_main_file() {
    all_refused(&[
        ("cylce: 60s", "1:1", &["has no key `cylce`", "did you mean `cycle`?", "^^^^^"]),
        ("limits: { start_timeout: 0s }", "1:26", &["nothing is done within"]),
        ("limits: { network_timeout: 5s }", "1:11", &["`network_timeout` is not supported yet"]),
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
fn services() {
    all_refused(&[
        ("services:\n- network: x\n", "2:3", &["nothing says which interface is meant"]),
        ("services:\n- host: x\n", "2:3", &["nothing says where the host is", "`address:`"]),
        (
            "services:\n- host: x\n  address: 'x:80'\n",
            "3:12",
            &["`x:80` is no name and no address", "without a port"],
        ),
        ("services:\n- proces: x\n", "2:3", &["has no kind", "did you mean `process`?"]),
        (
            "services:\n- process: x\n  system: y\n",
            "3:3",
            &["two kinds: `process` and `system`", "the first is here"],
        ),
        (
            "services:\n- system: x\n  pidfile: /y\n",
            "3:3",
            &["`pidfile` is a key of a process, not of a system"],
        ),
        ("services:\n- system: x\n- system: y\n", "3:3", &["a second `system`"]),
        (
            "services:\n- process: web\n  pidfile: /a\n- process: Web\n  pidfile: /b\n",
            "4:12",
            &["a second service `Web`", "whatever their case", "the first is here"],
        ),
        ("services:\n- process: x\n", "2:3", &["how the process is found", "match:"]),
        ("services:\n- process: /x\n  pidfile: /y\n", "2:12", &["does not begin with `/`"]),
        ("services:\n- process: \"a\\nb\"\n  pidfile: /y\n", "2:12", &["control characters"]),
        (
            "services:\n- process: [a]\n  pidfile: /y\n",
            "2:12",
            &["expected a single value, found a list"],
        ),
        ("services: { process: x }", "1:11", &["expected a list"]),
        (
            "services:\n- process: x\n  pidflie: /run/x.pid\n",
            "3:3",
            &["has no key `pidflie`", "did you mean `pidfile`?"],
        ),
        (
            &with_keys("  start: httpd -k start"),
            "4:10",
            &["`httpd` is not an absolute path", "whole path"],
        ),
        (&with_keys("  start: /bin/sh -c 'x"), "4:10", &["quotes in this command do not match"]),
        (&with_keys("  start: { timeout: 5s }"), "4:3", &["needs the key `program`"]),
        (
            &with_keys("  start: { program: /bin/true, tiemout: 5s }"),
            "4:32",
            &["did you mean `timeout`?"],
        ),
        (
            &with_keys("  start: { program: /bin/true, env: { \"A=B\": 1 } }"),
            "4:39",
            &["name of an environment variable"],
        ),
        (&with_keys("  match: apache"), "4:10", &["`match` is a mapping", "match: { exe:"]),
        (
            &with_keys("  match: { args: \"(\" }"),
            "4:18",
            &["not a regular expression", "unclosed group"],
        ),
        (&with_keys("  match: { exe: apache2 }"), "4:17", &["must be an absolute path"]),
        (&with_keys("  match: {}"), "4:3", &["`match` is empty"]),
        (
            "services:\n- process: a\n  match: { args: x }\n  start: /bin/true\n",
            "3:3",
            &["root must not act on them", "add `exe:"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: restart }]"),
            "4:33",
            &["no program to restart it", "add `start:"],
        ),
        (
            "services:\n- system: a\n  rules: [{ if: cpu > 5%, then: restart }]\n",
            "3:33",
            &["a system cannot restart"],
        ),
        (&with_keys("  rules: [{ then: alert }]"), "4:13", &["no `if`"]),
        (&with_keys("  rules: [{ if: cpu > 5% }]"), "4:13", &["no `then`", "alert, restart"]),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: reboot }]"),
            "4:33",
            &["unknown action `reboot`", "there is: alert"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alart }]"),
            "4:33",
            &["did you mean `alert`?"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: timeout }]"),
            "4:33",
            &["its name is `unmonitor` now"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: exec /bin/true }]"),
            "4:33",
            &["then: { exec:"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: { brake: { how: freese } } }]"),
            "4:49",
            &["not a value of `how`", "did you mean `freeze`?"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: { brake: { for: 2h } } }]"),
            "4:49",
            &["for an hour at most"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alert, else: [brake] }]"),
            "4:47",
            &["`brake` cannot stand in `else`"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: { brake: {}, exec: /bin/true } }]"),
            "4:35",
            &["`brake` does not stand beside `exec`"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: { exec: /bin/true, repeat: 5 cycles } }]"),
            "4:52",
            &["does not stand beside `exec`"],
        ),
        (&with_keys("  rules: [{ if: cpu > 5%, then: [] }]"), "4:27", &["`then` is empty"]),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alert, severity: high }]"),
            "4:50",
            &["not a value of `severity`"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alert, else: { after: 3, then: alert } }]"),
            "4:55",
            &["a number of cycles"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alert, every: 5 }]"),
            "4:47",
            &["five fields are needed"],
        ),
    ]);
}

#[test]
fn sentences() {
    let mut wrong = Vec::new();
    for (sentence, column, words) in [
        (
            "totlamem > 1800 MB",
            12,
            &["unknown test `totlamem`", "did you mean `totalmem`?", "^^^^^^^^"] as &[&str],
        ),
        (
            "cpu > 80 MB",
            18,
            &["`80 MB` does not fit", "^^^^^", "this is a share in %", "write `80%`"],
        ),
        ("cpu > 80", 18, &["write `80%`"]),
        ("totalmem > 1800", 23, &["write `1800 MB`"]),
        ("children > 250 MB", 23, &["this is a plain number"]),
        ("uptime > 5", 21, &["write `5 seconds` or `5 minutes`"]),
        ("cpu > 180%", 18, &["more than 100% cannot be"]),
        (
            "cpu > 80% for 5 cylces",
            28,
            &["expected `cycles` or a unit of time", "did you mean `cycles`?"],
        ),
        ("cpu > 80% for 65 cycles", 26, &["from 1 to 64", "such as `2h`"]),
        ("cpu > 80% for 0 cycles", 26, &["from 1 to 64"]),
        ("cpu > 80% for 5 times within 3 cycles", 41, &["fewer cycles than times"]),
        ("cpu > 80% for", 22, &["missing"]),
        ("cpu >", 16, &["a number is missing"]),
        ("cpu 80%", 16, &["expected an operator"]),
        ("(cpu > 5% or cpu < 1%", 32, &["`)`", "opened here"]),
        ("cpu > 5% then restart", 21, &["stands under the key `then:`"]),
        ("cpu > 5% adn cpu > 6%", 21, &["did you mean `and`?"]),
        ("if cpu > 5%", 12, &["leave the word `if` out"]),
        ("cpu > -5%", 18, &["not negative"]),
        ("cpu\u{a0}> 5%", 15, &["no-break space"]),
        ("cpu > 5% && cpu > 6%", 21, &["write `and` or `or`"]),
        ("failed security attribute", 28, &["a label such as"]),
        ("security attribute > 'x'", 31, &["expected `=`, `!=`, `=~` or `!=~`"]),
        ("security attribute =~ 'a('", 34, &["not a pattern: unclosed group"]),
        ("cpu =~ 5%", 16, &["expected an operator"]),
        ("member crash", 19, &["expected `exits`, `killed`, `crashed` or `oom killed`"]),
        ("member restarts", 19, &["expected `exits`, `killed`, `crashed` or `oom killed`"]),
        ("oom", 12, &["`killed` is missing"]),
        ("crashd", 12, &["did you mean `crashed`?"]),
        ("crashed for 30s", 20, &["is a moment", "3 times within"]),
        ("pressure (io) > 5%", 12, &["a test of a system service, not of a process"]),
        ("filedescriptors > 5 MB", 30, &["does not fit this test", "a plain number"]),
        ("total filedescriptors > 5%", 36, &["does not fit this test", "a plain number"]),
        ("disk > 5 MB/s", 17, &["expected `read` or `write`"]),
        ("disk read > 5 MB", 26, &["`/s` is missing"]),
        ("disk read > 5%/s", 24, &["a size in a second"]),
        ("disk read > 5 operations/s", 24, &["not counted by the kernel", "`disk read > 10 MB/s`"]),
        ("totalmem grows > 5 MB", 31, &["`per` with a time is missing"]),
        ("totalmem grows > 5 per minute", 29, &["does not fit this test"]),
        ("totalmem grows = 5 MB per minute", 27, &["never exactly so much"]),
        ("totalmem grows > 5 MB per fortnight", 38, &["a unit of time such as"]),
        ("totalmem grows > 5 MB per minute over 1 s", 50, &["too short to see"]),
        ("totalmem reaches 5 GB", 31, &["`within` and a time is missing"]),
        ("totalmem reaches 105% within 1 h", 29, &["more than 100% cannot be"]),
        ("cpu grows > 5% per minute", 16, &["this number does not grow"]),
        ("children > 5 per minute", 25, &["not of so many in a time", "`forks` are counted"]),
        ("forks > 5", 20, &["`per second`"]),
        ("forks > 5 MB per second", 20, &["does not fit this test", "a plain number"]),
        ("swap > 5%", 12, &["a test of a system service, not of a process"]),
        ("cpu (wait) > 5%", 16, &["tests of a system service"]),
        ("exits for 30s", 18, &["is a moment", "3 times within"]),
        ("exits with code > 300", 30, &["an exit code from 0 to 255"]),
        ("killed by signal SIGNONE", 29, &["a signal such as KILL or 9"]),
        ("3 restarts", 14, &["`within` is missing"]),
        ("loadavg (3min) > 5", 21, &["1, 5 or 15 minutes"]),
        ("", 11, &["the condition is empty"]),
    ] {
        wrong.extend(faults(&with_rule(sentence), &format!("5:{column}"), words));
    }
    for (sentence, column, words) in [
        ("children > 5", 12, &["a test of a process service, not of a system"] as &[&str]),
        ("does not exist", 12, &["a test of a process service"]),
        ("3 restarts within 5 cycles", 12, &["a test of a process service"]),
        ("cpu (idle) > 5%", 17, &["user, system, wait"]),
        ("memory > 50% for 10", 29, &["missing"]),
    ] {
        wrong.extend(faults(&with_system_rule(sentence), &format!("4:{column}"), words));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sentence_that_is_not_there_byte_for_byte_is_underlined_whole() {
    let folded = "services:\n- process: a\n  pidfile: /x\n  rules:\n  - then: alert\n    if: >\n      cpu\n      > 80 MB\n";

    let escaped = "services:\n- process: a\n  pidfile: /x\n  rules:\n  - then: alert\n    if: \"cpu\\t> 80 MB\"\n";
    all_refused(&[(folded, "7:7", &["does not fit"]), (escaped, "6:9", &["does not fit"])]);
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

#[test]
fn dependencies() {
    let service = |name: &str, on: &str| {
        format!("- process: {name}\n  pidfile: /run/{name}.pid\n  depends_on: {on}\n")
    };
    let list = |of: &[(&str, &str)]| {
        let all: String = of.iter().map(|(name, on)| service(name, on)).collect();
        format!("services:\n{all}")
    };
    all_refused(&[
        (&list(&[("a", "b")]), "4:15", &["there is no service `b` to depend on"]),
        (&list(&[("web", "wbe"), ("db", "[]")]), "4:15", &["did you mean `web`?"]),
        (&list(&[("a", "a")]), "4:15", &["`a` depends on itself: a → a"]),
        (
            &list(&[("x", "a"), ("a", "[b, c]"), ("b", "[]"), ("c", "x"), ("d", "[a, x]")]),
            "13:15",
            &["`x` depends on itself: x → a → c → x", "leave one of these"],
        ),
    ]);
}

#[test]
fn programs_of_what_is_no_process() {
    let file = |rest: &str| format!("services:\n- file: a\n  path: /x\n{rest}\n");
    let rule = |action: &str| file(&format!("  rules: [{{ if: not exist, then: {action} }}]"));
    all_refused(&[
        (&rule("restart"), "4:34", &["no program to restart it", "add `start:"]),
        (&rule("stop"), "4:34", &["no program to stop it", "add `stop:"]),
        (&rule("brake"), "4:34", &["a file cannot brake"]),
        (&file("  stop_timeout: 1s"), "4:3", &["a key of a process, not of a file"]),
        ("services:\n- system: h\n  start: /bin/true\n", "3:3", &["no key `start`"]),
    ]);
}

#[test]
fn when_and_how_a_service_is_checked() {
    all_refused(&[
        (&with_keys("  mode: manual"), "4:9", &["no mode `manual`", "`onreboot: laststate`"]),
        (&with_keys("  mode: lazy"), "4:9", &["not a value of `mode`"]),
        (&with_keys("  every: 0 cycles"), "4:10", &["a number of cycles"]),
        (&with_keys("  every: \"* * * *\""), "4:10", &["five fields are needed"]),
        (&with_keys("  every: \"60 * * * *\""), "4:10", &["minute `60`", "from 0 to 59"]),
        (&with_keys("  every: { not: 5 cycles }"), "4:17", &["five fields are needed"]),
        (&with_keys("  every: {}"), "4:3", &["names no minutes"]),
    ]);
}
