//! Services that are refused.

use super::*;

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
fn services() {
    all_refused(&[(
        "services:\n- device: root\n  path: /\n",
        "2:3",
        &["the service has no kind", "write `filesystem`"],
    )]);
    let file = |rule: &str| {
        format!("services:\n- file: f\n  path: /f\n  rules:\n  - {{ if: {rule}, then: alert }}\n")
    };
    all_refused(&[
        (&file("failed permision 755"), "5:18", &["did you mean `permission`?"]),
        (&file("changed sice"), "5:19", &["did you mean `size`?"]),
    ]);
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
        (&with_keys("  rules: [{ if: cpu > 5%, then: {} }]"), "4:27", &["is no action"]),
        (&with_keys("  rules: [{ if: cpu > 5%, then: [alert, {}] }]"), "4:27", &["is no action"]),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alert, severity: high }]"),
            "4:50",
            &["not a value of `severity`"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alert, else: { after: 3, then: alert } }]"),
            "4:55",
            &["`cycles` or a unit of time", "`3 cycles` or `2 times within 5 cycles`"],
        ),
        (
            &with_keys(
                "  rules: [{ if: cpu > 5%, then: alert, else: { after: 2 times within 1 h, then: alert } }]",
            ),
            "4:55",
            &["not a number of cycles"],
        ),
        (
            &with_keys(
                "  rules: [{ if: cpu > 5%, then: alert, else: { after: 6 times within 5 cycles, then: alert } }]",
            ),
            "4:70",
            &["fewer cycles than times"],
        ),
        (
            &with_keys(
                "  rules: [{ if: cpu > 5%, then: alert, else: { after: 5 cycles long, then: alert } }]",
            ),
            "4:64",
            &["long"],
        ),
        (
            &with_keys("  rules: [{ if: cpu > 5%, then: alert, every: 5 }]"),
            "4:47",
            &["needs its unit", "`every: 5 cycles`"],
        ),
    ]);
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
