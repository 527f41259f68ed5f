//! Slips of people who know Monit, of the keyboard and of YAML: what was meant is said.

use super::*;

#[test]
fn monits_own_syntax() {
    let host = |sentence: &str| {
        format!(
            "services:\n- host: h\n  address: 127.0.0.1\n  rules:\n  - {{ if: '{sentence}', then: alert }}\n"
        )
    };
    let file = |sentence: &str| {
        format!(
            "services:\n- file: f\n  path: /f\n  rules:\n  - {{ if: '{sentence}', then: alert }}\n"
        )
    };
    let process = "services:\n- process: a\n  ";
    all_refused(&[
        ("check process a with pidfile /x\n", "1:1", &["`- process: a` below `services:`"]),
        ("set daemon 60\n", "1:1", &["docs/monit-compatibility.md"]),
        ("services:\n- check host h with address x\n", "2:3", &["`- host: h`"]),
        ("services:\n  a:\n    process: a\n", "1:1", &["each item of a list begins with `- `"]),
        (
            &with_keys("  rules:\n  - if cpu > 80% then restart"),
            "5:5",
            &["write `{ if: \"cpu > 80%\", then: restart }`"],
        ),
        (&format!("{process}matching: nginx\n"), "3:3", &["write `match: { exe: /usr/sbin/…"]),
        (&format!("{process}pid: /run/a.pid\n"), "3:3", &["write `pidfile: /run/….pid`"]),
        (&with_keys("  start program: /bin/a"), "4:3", &["write `start: /path/to/program`"]),
        (&with_keys("  depends: b"), "4:3", &["write `depends_on: [NAME]`"]),
        (&host("failed port 80 protocol htp"), "5:36", &["did you mean `http`?"]),
        (&host("failed port 80 protocol postgresql"), "5:36", &["write `pgsql`"]),
        (&host("failed port 80 http"), "5:27", &["write `protocol http`"]),
        (
            &host("failed port 443 with options { verify: disable }"),
            "5:28",
            &["write `tls with options { … }`"],
        ),
        (&host("failed port 80 responsetime 5 s"), "5:40", &["write `responsetime < 5 seconds`"]),
        (&file("size > 3 XB"), "5:21", &["`XB` is no unit", "B, kB, MB, GB, TB"]),
        (&file("timestamp > 15 month"), "5:27", &["`month` is no unit", "ms, s, m, h, d"]),
        (&file("match \"x\""), "5:12", &["write `content = \"regular expression\"`"]),
        (&file("content = a b"), "5:24", &["several words stands in quotation marks"]),
        (&file("cpu > 5%"), "5:12", &["a test of a system or process service, not of a file"]),
        (&with_rule("totalmem > 3 XB"), "5:25", &["`XB` is no unit"]),
        (
            &with_rule("cpu > 8% for 5 cycles and cpu > 9%"),
            "5:34",
            &["hold for the whole condition"],
        ),
        (&with_rule("restarts > 5"), "5:12", &["write `3 restarts within 5 cycles`"]),
    ]);
}

#[test]
fn slips_of_the_keyboard() {
    all_refused(&[
        (&with_rule("cpu => 80%"), "5:16", &["write `>=`"]),
        (&with_rule("cpu ≥ 80%"), "5:16", &["write `>=`"]),
        (&with_rule("cpu <> 80%"), "5:16", &["write `!=`"]),
        (&with_rule("“cpu > 80%”"), "5:12", &["as a word processor makes it"]),
        (
            "services:\n- file: f\n  path: /f\n  rules:\n  - if: content = \"a #b\"\n    then: alert\n",
            "5:19",
            &["the text that begins here has no end", "` #` is a comment"],
        ),
        (
            "services:\n- file: f\n  path: /f\n  rules:\n  - if: content = #b\n    then: alert\n",
            "5:17",
            &["what stands behind ` #` is a comment"],
        ),
        ("include: [*.yaml]\n", "1:11", &["is an alias in YAML", "in quotation marks"]),
        ("alerts: [@x]\n", "1:10", &["in quotation marks"]),
        ("services:\n- process: a: b\n", "2:13", &["a text with `: `"]),
        ("services:\n  - process: a\n   pidfile: /x\n", "3:4", &["indented otherwise"]),
        ("s\0e\0", "1:2", &["save it as UTF-8"]),
    ]);
}

/// A key that was meant by one that nobody knows is not said to be missing.
#[test]
fn one_slip_is_told_once() {
    let found = load_text("services:\n- process: a\n  pidflie: /x\n").expect_err("refused");
    assert_eq!(found.items().len(), 1, "{found}");
    assert!(found.to_string().contains("did you mean `pidfile`?"));
}

/// What a sentence of Monit's holds is not shown in what is said to help.
#[test]
fn help_shows_no_credentials() {
    let text =
        with_keys("  rules:\n  - if failed port 1 send \"PASS hunter2\" expect \"x\" then alert");
    let found = load_text(&text).expect_err("refused").to_string();
    assert!(found.contains("this is Monit's form") && !found.contains("hunter2"), "{found}");
}

#[test]
fn monits_options_of_a_program_are_doubted() {
    for (command, words) in [
        ("/bin/true as uid www-data and gid www-data", "`as uid …` is Monit's"),
        ("/bin/true with timeout 60 seconds", "`with timeout …` is Monit's"),
    ] {
        let loaded = load_text(&with_keys(&format!("  start: {command}"))).expect("a warning only");
        let shown = loaded.warnings.to_string();
        assert!(shown.contains(words) && shown.contains("timeout: 60s }"), "{shown}");
    }
}

#[test]
fn an_operator_of_the_page_is_told_that_he_is_none_yet() {
    let text = "http:\n  listen: 127.0.0.1:2812\n  users: [{ name: a, role: operator, password_hash: \
                \"$2y$12$......................0123456789abcdefghijklmnopqrstu\" }]\n";
    let shown = load_text(text).expect("a warning only").warnings.to_string();
    assert!(shown.contains("`operator` has no effect yet"), "{shown}");
}

#[test]
fn what_is_written_as_in_monits_file() {
    all_refused(&[
        ("log: /var/log/x.log", "1:6", &["not a path", "`log: { file: /var/log/x.log }`"]),
        ("log: { path: /var/log/x.log }", "1:8", &["no key `path`", "`log: { file: PATH }`"]),
        ("mail: { servers: x, user: me }", "1:21", &["no key `user`", "a key of a server"]),
        (
            "services:\n- process: a\n  pidfile: /a\n  stop: \"/bin/x stop\" as uid 0\n",
            "4:3",
            &["is Monit's", "{ program: /path/to/program, user: NAME"],
        ),
        (
            "services:\n- system: h\n  check process a with pidfile /run/a.pid\n- system: i\n",
            "3:3",
            &["this is Monit's form", "`- process: a`"],
        ),
    ]);
}
