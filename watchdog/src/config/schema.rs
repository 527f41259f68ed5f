//! The rule file as a JSON Schema (draft 2020-12), for editors: keys, kinds of services, words that have a
//! list.
//!
//! Made of the parser's own tables (`vocabulary`), so that neither knows a key that the other does not. An
//! example of each key is its line in the sample file. Not here: what a sentence may say (`grammar`); an
//! editor sees it as a text.

use serde_json::{Map, Value, json};

use super::vocabulary::{
    ACTIONS, BRAKE, CHECK_KEYS, CONTROL, EVERY, EXEC, FORMAT, HTTP, IGNORE, KINDS, Keys, LIMITS,
    LOG, MAIL, MAIL_SERVER, MATCH, METHOD_KEYS, PASSWORD, PROCESS_KEYS, PROGRAM, QUEUE, RECIPIENT,
    RECOVERY, RULE, SERVICE_KEYS, TOP, WEB_USER,
};
use crate::service::EventWord;

/// The file that names every key.
const SAMPLE: &str = include_str!("../../../config/ebpf-watchdog.yaml");

/// The mappings that stand in the schema by a name of their own, and the keys that each must have.
const DEFINITIONS: &[(&str, &Keys, &[&str])] = &[
    ("log", &LOG, &["file"]),
    ("control", &CONTROL, &["socket"]),
    ("queue", &QUEUE, &["slots"]),
    ("mail", &MAIL, &["servers", "from"]),
    ("server", &MAIL_SERVER, &["host"]),
    ("password", &PASSWORD, &["file"]),
    ("recipient", &RECIPIENT, &["mail"]),
    ("format", &FORMAT, &[]),
    ("http", &HTTP, &["listen"]),
    ("login", &WEB_USER, &["name", "password_hash"]),
    ("match", &MATCH, &[]),
    ("program", &PROGRAM, &["program"]),
    ("rule", &RULE, &["if", "then"]),
    ("minutes", &EVERY, &["not"]),
    ("limits", &LIMITS, &[]),
    ("recovery", &RECOVERY, &["then"]),
    ("exec", &EXEC, &["program"]),
    ("lines", &IGNORE, &["not"]),
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

/// A service of one kind.
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
    object(&format!("service_{kind}"), &keys, &[kind])
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
        ("", "memory") => json!({"enum": ["pss", "rss"]}),
        (_, "require_ebpf" | "verify") => json!({"type": "boolean"}),
        ("", "include" | "protect") | (_, "allow" | "group" | "depends_on" | "noalert")
            if name != "program" && name != "exec" =>
        {
            several(&text())
        }
        (_, "alerts" | "alert") => several(&either(&[text(), own("recipient")])),
        ("mail", "servers") => several(&either(&[text(), own("server")])),
        ("server", "password") => own("password"),
        ("server", "tls") => json!({"enum": ["none", "opportunistic", "required", "wrapped"]}),
        ("recipient", "only" | "not") => {
            let words: Vec<&str> = EventWord::NAMES.iter().map(|(word, _)| *word).collect();
            several(&json!({"enum": words}))
        }
        ("recipient", "format") => own("format"),
        ("http", "users") => several(&own("login")),
        ("login", "role") => json!({"enum": ["operator", "viewer"]}),
        (_, "onreboot") => json!({"enum": ["start", "nostart", "laststate"]}),
        (_, "mode") => json!({"enum": ["active", "passive"]}),
        (_, "every") => either(&[text(), own("minutes")]),
        (_, "rules") => json!({"type": ["array", "null"], "items": own("rule")}),
        (_, "match") => own("match"),
        (_, "start" | "stop" | "restart") | ("service_program", "path") => command("program"),
        ("service_file", "ignore") => several(&either(&[text(), own("lines")])),
        ("rule", "severity") => json!({"enum": ["info", "warning", "critical"]}),
        ("rule" | "recovery", "then") => several(&own("action")),
        ("rule", "else") => either(&[several(&own("action")), own("recovery")]),
        ("brake", "how") => json!({"enum": ["freeze", "stop", "kill"]}),
        (_, "program") if matches!(name, "program" | "exec") => several(&text()),
        (_, "env") => json!({"type": "object", "additionalProperties": text()}),
        (kind, key) if kind.strip_prefix("service_") == Some(key) => text(),
        // All else is a word, a number, a length of time, a size or a path.
        ("", "cycle" | "sample" | "start_delay" | "state_dir")
        | ("log" | "control" | "queue" | "mail" | "server" | "password" | "recipient", _)
        | ("format" | "http" | "login" | "match" | "program" | "exec" | "rule" | "minutes", _)
        | ("limits" | "recovery" | "lines" | "brake", _) => text(),
        (_, "pidfile" | "unit" | "cgroup" | "stop_timeout" | "path" | "address" | "interface") => {
            text()
        }
        _ => return None,
    })
}

/// An action: a word, or one of the two that take something.
fn action() -> Value {
    let words: Vec<&&str> = ACTIONS.iter().filter(|word| **word != "exec").collect();
    let with = |key: &str, value: &Value| {
        json!({"type": "object", "properties": {key: value}, "required": [key],
            "additionalProperties": false})
    };
    either(&[
        json!({"enum": words}),
        with("exec", &command("exec")),
        with("brake", &reference("brake")),
    ])
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
mod tests {
    use super::*;
    use crate::config::tests::noise::commented_in;
    use crate::config::vocabulary::ALL;

    /// As much of the draft as the schema uses; the first thing that is wrong.
    fn fault(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
        if let Some(name) = schema["$ref"].as_str() {
            let target = root.pointer(name.trim_start_matches('#')).expect("a definition");
            return fault(root, target, value, at);
        }
        for (key, wanted) in [("anyOf", 1..usize::MAX), ("oneOf", 1..2)] {
            if let Some(ways) = schema[key].as_array() {
                let faults: Vec<_> = ways.iter().map(|way| fault(root, way, value, at)).collect();
                let good = faults.iter().filter(|fault| fault.is_none()).count();
                if !wanted.contains(&good) {
                    return Some(format!("{at}: {good} of {key}: {faults:?}"));
                }
            }
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            return Some(format!("{at}: {value} is none of {words:?}"));
        }
        let types = match &schema["type"] {
            Value::Array(types) => types.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.is_empty() && !types.contains(&kind.into()) {
            return Some(format!("{at}: {kind} is none of {types:?}"));
        }
        if let Value::Object(entries) = value {
            let missing = |key: &&Value| !entries.contains_key(key.as_str().expect("a key"));
            if let Some(key) = schema["required"].as_array().into_iter().flatten().find(missing) {
                return Some(format!("{at}: no {key}"));
            }
            for (key, value) in entries {
                let here = format!("{at}/{key}");
                let found = match (&schema["properties"][key], &schema["additionalProperties"]) {
                    (Value::Null, Value::Bool(false)) => Some(format!("{here}: unknown key")),
                    (Value::Null, Value::Null) => None,
                    (Value::Null, others) => fault(root, others, value, &here),
                    (own, _) => fault(root, own, value, &here),
                };
                if found.is_some() {
                    return found;
                }
            }
        }
        if let (Value::Array(items), item @ Value::Object(_)) = (value, &schema["items"]) {
            let faults = items.iter().enumerate();
            return faults
                .filter_map(|(n, one)| fault(root, item, one, &format!("{at}/{n}")))
                .next();
        }
        None
    }

    fn faults(yaml: &str) -> Option<String> {
        let schema = schema();
        let value: Value = serde_saphyr::from_str(yaml).expect("YAML");
        fault(&schema, &schema, &value, "")
    }

    #[test]
    fn every_key_has_a_value_and_a_description_and_every_mapping_is_there() {
        for keys in ALL {
            let there = |(_, known, _): &&(&str, &Keys, &[&str])| std::ptr::eq(*known, *keys);
            let same = |(_, known, _): &&(&str, &Keys, &[&str])| known.title == keys.title;
            assert!(
                keys.title == TOP.title || DEFINITIONS.iter().any(|one| there(&one) || same(&one)),
                "{}",
                keys.title
            );
        }
        let schema = schema();
        let mappings = schema["$defs"].as_object().expect("definitions").iter();
        let top = ("".to_owned(), schema.clone());
        for (name, mapping) in mappings.map(|(n, m)| (n.clone(), m.clone())).chain([top]) {
            let Some(properties) = mapping["properties"].as_object() else { continue };
            for (key, property) in properties {
                assert!(value(&name, key).is_some(), "{name}: {key}");
                assert!(property["description"].is_string(), "{name}: {key}");
            }
        }
    }

    #[test]
    fn the_files_of_the_project_are_valid() {
        let seed = include_str!("../../../config/seed.yaml");
        let all = commented_in();
        assert!(all.lines().filter(|line| line.trim_start().starts_with("- process:")).count() > 0);
        for text in [SAMPLE, seed, &all] {
            assert_eq!(faults(text), None);
        }
    }

    #[test]
    fn what_the_parser_refuses_by_its_keys_the_schema_refuses() {
        for bad in [
            "cylce: 60s",
            "memory: uss",
            "services: [{ process: x, proces: y }]",
            "services: [{ pidfile: /x }]",
            "services: [{ process: x, system: y }]",
            "services: [{ system: x, pidfile: /y }]",
            "services: [{ file: x, path: /y, interface: lo }]",
            "services: [{ system: x, rules: [{ if: cpu > 5% }] }]",
            "services: [{ system: x, rules: [{ if: cpu > 5%, then: alart }] }]",
            "services: [{ system: x, rules: [{ if: cpu > 5%, then: exec }] }]",
            "services: [{ system: x, rules: [{ if: cpu > 5%, then: alert, severity: bad }] }]",
            "alerts: [{ mail: a@b, only: [nonsense] }]",
            "http: { listen: \"127.0.0.1:1\", port: 1 }",
        ] {
            assert!(faults(bad).is_some(), "{bad}");
        }
        for good in [
            "services:",
            "services: [{ process: 1, pidfile: /x, start: [/x, y] }]",
            "services: [{ system: x, rules: [{ if: cpu > 5%, then: [alert, { exec: /x }] }] }]",
            "include: x/*.yaml",
        ] {
            assert_eq!(faults(good), None, "{good}");
        }
    }
}
