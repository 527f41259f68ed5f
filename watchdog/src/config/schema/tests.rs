//! The schema against the project's own files, and against what the parser refuses by its keys.

use super::*;
use crate::config::tests::load_text;
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
    if let (Some(pattern), Value::String(text)) = (schema["pattern"].as_str(), value)
        && !regex::Regex::new(pattern).expect("a pattern").is_match(text)
    {
        return Some(format!("{at}: {text} does not match {pattern}"));
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
        return faults.filter_map(|(n, one)| fault(root, item, one, &format!("{at}/{n}"))).next();
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
    let seed = include_str!("../../../../config/seed.yaml");
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
        "http: { listen: \"127.0.0.1:1\" }",
        "services: [{ system: x, rules: [{ if: cpu > 5%, then: {} }] }]",
        "services: [{ process: x }]",
        "services: [{ file: x }]",
        "services: [{ directory: x }]",
        "services: [{ fifo: x }]",
        "services: [{ filesystem: x }]",
        "services: [{ program: x }]",
        "services: [{ host: x }]",
        "services: [{ network: x }]",
        "services: [{ network: x, interface: lo, address: 127.0.0.1 }]",
        "require_ebpf: yes please",
    ] {
        assert!(load_text(bad).is_err(), "the parser takes {bad}");
        assert!(faults(bad).is_some(), "{bad}");
    }
    for good in [
        "memory: RSS",
        "require_ebpf: \"False\"",
        "services: [{ process: x, start: /bin/true, mode: Passive, onreboot: LastState }]",
        "services: [{ network: x, address: 127.0.0.1 }]",
        "alerts: [{ mail: a@b.c, only: [Timeout] }]",
        "services: [{ system: x, rules: [{ if: cpu > 5%, then: Alert, severity: Critical }] }]",
        "services:",
        "services: [{ process: 1, pidfile: /x, start: [/x, y] }]",
        "services: [{ system: x, rules: [{ if: cpu > 5%, then: [alert, { exec: /x }] }] }]",
        "include: x/*.yaml",
        "mail: { servers: localhost }",
        "services: [{ system: x, rules: [{ if: cpu > 5%, then: alert, else: { after: 3 cycles } }] }]",
    ] {
        assert_eq!(faults(good), None, "{good}");
        if let Err(found) = load_text(good) {
            panic!("the parser refuses {good}: {found}");
        }
    }
}
