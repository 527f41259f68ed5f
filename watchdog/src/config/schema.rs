//! The rule file as a JSON Schema (draft 2020-12), for editors: keys, kinds of services, words that have a
//! list.
//!
//! Made of the parser's own tables (`vocabulary`), so that neither knows a key that the other does not. An
//! example of each key is its line in the sample file. Not here: what a sentence may say (`grammar`); an
//! editor sees it as a text.

use serde_json::{Map, Value, json};

use super::settings::LEVELS;
use super::vocabulary::{
    ACTIONS, BRAKE, CHECK_KEYS, CONTROL, EVERY, EXEC, FORMAT, HTTP, IGNORE, IGNORE_FILE, KINDS,
    Keys, LIMITS, LOG, MAIL, MAIL_SERVER, MATCH, METHOD_KEYS, PASSWORD, PROCESS_KEYS, PROGRAM,
    QUEUE, RECIPIENT, RECOVERY, RULE, SERVICE_KEYS, TOP, WEB_USER,
};
use crate::service::{EventWord, LogLevel};

/// The file that names every key.
const SAMPLE: &str = include_str!("../../../config/ebpf-watchdog.yaml");

/// The mappings that stand in the schema by a name of their own, and the keys that each must have.
const DEFINITIONS: &[(&str, &Keys, &[&str])] = &[
    ("log", &LOG, &[]),
    ("control", &CONTROL, &[]),
    ("queue", &QUEUE, &[]),
    ("mail", &MAIL, &["servers"]),
    ("server", &MAIL_SERVER, &["host"]),
    ("password", &PASSWORD, &["file"]),
    ("recipient", &RECIPIENT, &["mail"]),
    ("format", &FORMAT, &[]),
    ("http", &HTTP, &["listen", "users"]),
    ("login", &WEB_USER, &["name", "password_hash"]),
    ("match", &MATCH, &[]),
    ("program", &PROGRAM, &["program"]),
    ("rule", &RULE, &["if", "then"]),
    ("minutes", &EVERY, &["not"]),
    ("limits", &LIMITS, &[]),
    ("recovery", &RECOVERY, &[]),
    ("exec", &EXEC, &["program"]),
    ("lines", &IGNORE, &[]),
    ("patterns", &IGNORE_FILE, &["file"]),
    ("brake", &BRAKE, &[]),
];

/// The schema of the rule file and of included ones.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for (name, keys, required) in DEFINITIONS {
        definitions.insert((*name).to_owned(), object(name, keys.known, required));
    }
    for kind in KINDS {
        definitions.insert(format!("service_{kind}"), service(kind));
    }
    definitions.insert("action".to_owned(), action());
    let mut schema = object("", TOP.known, &[]);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "The rule file of ebpf-watchdog".into();
    schema["$defs"] = Value::Object(definitions);
    schema
}

/// A mapping with these keys and no other.
fn object(name: &str, keys: &[&str], required: &[&str]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            ((*key).to_owned(), described(key, value(name, key).unwrap_or_else(|| json!({}))))
        })
        .collect();
    json!({"type": "object", "properties": properties, "required": required,
        "additionalProperties": false})
}

/// A service of one kind, with what the parser asks for.
fn service(kind: &str) -> Value {
    let mut keys = vec![kind];
    keys.extend(SERVICE_KEYS);
    if kind != "system" {
        keys.extend(METHOD_KEYS);
    }
    if kind == "process" {
        keys.extend(PROCESS_KEYS);
    }
    let own = CHECK_KEYS.iter().filter(|(_, kinds)| kinds.contains(&kind));
    keys.extend(own.map(|(key, _)| *key));
    let mut service = object(&format!("service_{kind}"), &keys, &[kind]);
    let needs: &[&str] = match kind {
        "process" => &["pidfile", "match", "unit", "cgroup", "start"],
        "file" | "directory" | "fifo" | "filesystem" | "program" => &["path"],
        "host" => &["address"],
        "network" => &["interface", "address"],
        _ => &[],
    };
    let ways: Vec<Value> = needs.iter().map(|key| json!({"required": [key]})).collect();
    if !ways.is_empty() {
        // Of an interface its name or its address, not both.
        service[if kind == "network" { "oneOf" } else { "anyOf" }] = ways.into();
    }
    service
}

/// What stands at a key. `name` is its mapping's; none: nobody said yet, which a test finds.
fn value(name: &str, key: &str) -> Option<Value> {
    let own = |name: &str| reference(name);
    Some(match (name, key) {
        ("", "log" | "control" | "queue" | "mail" | "http" | "limits") => own(key),
        ("", "services") => {
            let kinds: Vec<Value> =
                KINDS.iter().map(|kind| own(&format!("service_{kind}"))).collect();
            json!({"type": ["array", "null"], "items": {"oneOf": kinds}})
        }
        ("log", "level") => one_of(&LEVELS.map(LogLevel::word)),
        ("", "memory") => one_of(&["pss", "rss"]),
        (_, "require_ebpf" | "verify") => {
            either(&[json!({"type": "boolean"}), one_of(&["true", "false"])])
        }
        ("", "include" | "protect") | (_, "allow" | "group" | "depends_on" | "noalert")
            if name != "program" && name != "exec" =>
        {
            several(&text())
        }
        (_, "alerts" | "alert") => several(&either(&[text(), own("recipient")])),
        ("mail", "servers") => several(&either(&[text(), own("server")])),
        ("server", "password") => own("password"),
        ("server", "tls") => one_of(&["none", "opportunistic", "required", "wrapped"]),
        ("recipient", "only" | "not") => {
            let words: Vec<&str> = EventWord::NAMES.iter().map(|(word, _)| *word).collect();
            several(&one_of(&words))
        }
        ("recipient", "format") => own("format"),
        ("http", "users") => several(&own("login")),
        ("login", "role") => one_of(&["operator", "viewer"]),
        (_, "onreboot") => one_of(&["start", "nostart", "laststate"]),
        (_, "mode") => one_of(&["active", "passive"]),
        (_, "every") => either(&[text(), own("minutes")]),
        (_, "rules") => json!({"type": ["array", "null"], "items": own("rule")}),
        (_, "match") => own("match"),
        (_, "start" | "stop" | "restart") | ("service_program", "path") => command("program"),
        ("service_file", "ignore") => several(&either(&[text(), own("lines")])),
        ("lines", "not") => either(&[text(), own("patterns")]),
        ("rule", "severity") => one_of(&["info", "warning", "critical"]),
        ("rule" | "recovery", "then") => several(&own("action")),
        ("rule", "else") => either(&[several(&own("action")), own("recovery")]),
        ("brake", "how") => one_of(&["freeze", "stop", "kill"]),
        (_, "program") if matches!(name, "program" | "exec") => several(&text()),
        (_, "env") => json!({"type": "object", "additionalProperties": text()}),
        (kind, key) if kind.strip_prefix("service_") == Some(key) => text(),
        // All else is a word, a number, a length of time, a size or a path.
        ("", "cycle" | "sample" | "start_delay" | "state_dir")
        | ("log" | "control" | "queue" | "mail" | "server" | "password" | "recipient", _)
        | ("format" | "http" | "login" | "match" | "program" | "exec" | "rule" | "minutes", _)
        | ("limits" | "recovery" | "lines" | "patterns" | "brake", _) => text(),
        (_, "pidfile" | "unit" | "cgroup" | "stop_timeout" | "path" | "address" | "interface") => {
            text()
        }
        _ => return None,
    })
}

/// An action: a word, or one of the two that take something.
fn action() -> Value {
    let words: Vec<&str> = ACTIONS.iter().copied().filter(|word| *word != "exec").collect();
    let with = |key: &str, value: &Value| {
        json!({"type": "object", "properties": {key: value}, "required": [key],
            "additionalProperties": false})
    };
    either(&[one_of(&words), with("exec", &command("exec")), with("brake", &reference("brake"))])
}

/// A program in any of its three forms.
fn command(name: &str) -> Value {
    either(&[several(&text()), reference(name)])
}

/// A scalar: YAML takes some texts for numbers.
fn text() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

/// One, or a list of them.
fn several(item: &Value) -> Value {
    either(&[item.clone(), json!({"type": "array", "items": item})])
}

/// One of some words, whatever its case: an editor completes with the first form.
fn one_of(words: &[&str]) -> Value {
    let any_case = |word: &&str| -> String {
        let letter = |c: char| match c {
            'a'..='z' => format!("[{}{c}]", c.to_ascii_uppercase()),
            c => c.to_string(),
        };
        word.chars().map(letter).collect()
    };
    let all: Vec<String> = words.iter().map(any_case).collect();
    let pattern = format!("^({})$", all.join("|"));
    either(&[json!({"enum": words}), json!({"type": "string", "pattern": pattern})])
}

fn either(ways: &[Value]) -> Value {
    json!({"anyOf": ways})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// With the sample's first line about the key, which says what it is for.
fn described(key: &str, mut value: Value) -> Value {
    let line = SAMPLE.lines().map(|line| line.trim_start_matches(['#', ' ', '-'])).find(|line| {
        line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'))
            || [" ", "{"].iter().any(|before| line.contains(&format!("{before}{key}: ")))
    });
    if let Some(line) = line {
        value["description"] = format!("Example: {line}").into();
    }
    value
}

#[cfg(test)]
mod tests;
