//! Monit's own syntax, pasted into the rule file: how the same is said here.
//!
//! For help only: nothing of it is accepted. Not here: single words of sentences (`grammar`).

use crate::service::Action;

/// Monit's words for keys of a service, and how the same is said here.
const KEYS: &[(&str, &str)] = &[
    (
        "matching",
        "write `match: { exe: /usr/sbin/… }`, or `match: { args: \"regular expression\" }`",
    ),
    (
        "procmatch",
        "write `match: { exe: /usr/sbin/… }`, or `match: { args: \"regular expression\" }`",
    ),
    ("pattern", "write `match: { args: \"regular expression\" }`"),
    ("pid", "write `pidfile: /run/….pid`"),
    ("depends", "write `depends_on: [NAME]`"),
    ("start program", "write `start: /path/to/program`"),
    ("stop program", "write `stop: /path/to/program`"),
    ("restart program", "write `restart: /path/to/program`"),
    ("if", "rules stand in a list: `rules:`, and below it `- { if: \"…\", then: alert }`"),
    ("then", "rules stand in a list: `rules:`, and below it `- { if: \"…\", then: alert }`"),
    ("onboot", "write `onreboot: start`"),
    ("name", "the name stands behind the kind: `- process: NAME`"),
    ("type", "the kind is a key with the name: `- process: NAME`"),
];

/// What is to be written in place of a key of Monit's.
pub(super) fn key(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    KEYS.iter().find(|(theirs, _)| *theirs == name).map(|(_, help)| (*help).to_owned())
}

/// Where a key belongs that does not stand in this mapping.
pub(super) fn elsewhere(mapping: &str, name: &str) -> Option<String> {
    match (mapping, name) {
        ("`mail`", "user" | "password" | "host" | "port" | "tls" | "verify" | "ca_file") => {
            let more = match name {
                "host" => String::new(),
                "user" | "password" => ", user: …, password: { file: … }".to_owned(),
                key => format!(", {key}: …"),
            };
            Some(format!("it is a key of a server: `servers: [{{ host: …{more} }}]`"))
        }
        ("`log`", "path") => Some("write `log: { file: PATH }`".to_owned()),
        _ => None,
    }
}

/// What is usual in Monit's control file and no YAML, in the line of a syntax error: the message and help.
pub(super) fn line(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    if let Some(help) = statement(text) {
        return Some(("this is no YAML".to_owned(), help));
    }
    // `start: "/path start" as uid 0`: what follows a text in quotation marks.
    let (_, tail) = text.rsplit_once(['"', '\''])?;
    let mut words = tail.split_whitespace().map(str::to_ascii_lowercase);
    let (first, second) = (words.next()?, words.next()?);
    let monits = match (first.as_str(), second.as_str()) {
        ("as" | "and", "uid" | "gid") | ("with", "timeout") | ("timeout", _) => {
            format!("{first} {second}")
        }
        _ => return None,
    };
    Some((
        format!("`{monits} …` behind the command is Monit's"),
        "write `{ program: /path/to/program, user: NAME, group: NAME, timeout: 60s }`".to_owned(),
    ))
}

/// What is to be written in place of a statement of Monit's.
pub(super) fn statement(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let lower = |word: Option<&str>| word.unwrap_or_default().to_ascii_lowercase();
    match lower(words.next()).as_str() {
        "if" => Some(rule(text)),
        "check" => {
            let (kind, name) = (lower(words.next()), words.next().unwrap_or("NAME"));
            let kind = if kind == "device" { "filesystem" } else { kind.as_str() };
            Some(format!(
                "this is Monit's form; here it is `- {kind}: {name}` below `services:`, with keys below \
                 that (`pidfile:`, `path:`, `start:`, `rules:`)"
            ))
        }
        "set" | "include" => Some(
            "this is Monit's form; docs/monit-compatibility.md says how each statement is said here"
                .to_owned(),
        ),
        _ => None,
    }
}

/// `if cpu > 80% then alert`, as a rule of ours.
fn rule(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = text.to_ascii_lowercase();
    let parts = lower.find(" then ").and_then(|at| Some((text.get(3..at)?, text.get(at + 6..)?)));
    let (condition, action) = parts.unwrap_or(("…", "alert"));
    let action = action.split(' ').next().unwrap_or("alert").to_ascii_lowercase();
    let action = match action.as_str() {
        "timeout" => Action::Unmonitor.word(),
        "exec" => "{ exec: /path/to/program }",
        own => super::vocabulary::ACTIONS.iter().find(|word| **word == own).unwrap_or(&"alert"),
    };
    let mark = if condition.contains('"') { '\'' } else { '"' };
    format!("this is Monit's form; write `{{ if: {mark}{condition}{mark}, then: {action} }}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_monits_are_known() {
        for (theirs, ours) in [
            (
                "if cpu > 80%  for 5 cycles then alert",
                "write `{ if: \"cpu > 80% for 5 cycles\", then: alert }`",
            ),
            (
                "IF failed port 80 and content = \"x\" THEN EXEC \"/bin/x\"",
                "`{ if: 'failed port 80 and content = \"x\"', then: { exec: /path/to/program } }`",
            ),
            ("if cpu", "`{ if: \"…\", then: alert }`"),
            ("if 5 restarts within 5 cycles then timeout", "then: unmonitor }`"),
            ("check process nginx with pidfile /run/nginx.pid", "`- process: nginx` below"),
            ("check device d with path /", "`- filesystem: d` below"),
            ("set daemon 60", "docs/monit-compatibility.md"),
        ] {
            let help = statement(theirs).unwrap_or_default();
            assert!(help.contains(ours), "{theirs}: {help}");
        }
        assert!(line("  stop: \"/etc/init.d/x stop\" as uid 0").is_some());
        assert!(line("start: '/bin/x' with timeout 60 seconds").is_some());
        assert!(line("  check process a with pidfile /run/a.pid").is_some());
        assert_eq!(line("start: \"/bin/x\" and more"), None);
        assert_eq!(line("if: \"cpu > 80%\""), None);
        assert_eq!(statement("nginx"), None);
        assert_eq!(statement(""), None);
    }
}
