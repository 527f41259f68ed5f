//! Who may use whom: the edges between the top-level modules of the daemon, so that data goes on
//! flowing one way.
//!
//! Not here: what a module is for (`ARCHITECTURE.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What is said between modules, plain and pure. Any module may use these; of each other, each those
/// that stand before it, and neighbours in a row also one another (a service is made of checks, and a
/// check tells in a service's words).
const WORDS: &[&[&str]] = &[
    &["escape"],
    &["identity"],
    &["clock"],
    &["metric"],
    &["event"],
    &["sensor"],
    &["protocol"],
    &["service", "check"],
    &["message"],
];

/// All others, with what they may use besides words. Who is used stands above who uses it.
const MODULES: &[(&str, &[&str])] = &[
    ("sys", &[]),
    ("secrets", &[]),
    ("trust", &[]),
    ("mounts", &[]),
    ("process", &[]),
    ("inbox", &[]),
    ("engine", &[]),
    ("host", &[]),
    ("pressure", &[]),
    ("logfile", &[]),
    ("state", &[]),
    ("descriptors", &["process", "sys"]),
    ("source", &["process", "sys"]),
    ("systemd", &["trust"]),
    ("config", &["secrets", "systemd", "trust"]),
    ("finder", &["mounts", "process", "sys", "systemd"]),
    ("places", &["finder", "inbox", "sys"]),
    ("notify", &["trust"]),
    ("survey", &["descriptors", "notify", "process"]),
    ("action", &["finder", "inbox", "process", "secrets", "state", "sys", "trust"]),
    // Observers lend what deeds have: bounded calls, and running a program.
    (
        "observe",
        &["action", "finder", "inbox", "mounts", "places", "process", "secrets", "sys", "trust"],
    ),
    (
        "runner",
        &["action", "finder", "inbox", "observe", "places", "process", "state", "sys", "systemd"],
    ),
    ("status", &["inbox", "sys"]),
    ("web", &["host", "status"]),
    // The wiring.
    (
        "daemon",
        &[
            "config",
            "descriptors",
            "engine",
            "host",
            "inbox",
            "logfile",
            "notify",
            "pressure",
            "runner",
            "source",
            "state",
            "status",
            "survey",
            "sys",
            "web",
        ],
    ),
    ("cli", &["config", "daemon", "finder", "host", "source", "state", "status", "web"]),
];

/// What no pure module has: clocks, files, sockets, tasks, processes, the log.
const IMPURE: &[&str] = &[
    "boot_now",
    "wall_now",
    "minute_now",
    "boot_id",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::thread",
    "std::process",
    "tokio::",
    "rustix::",
    "log::",
];

/// Modules that decide or only say something.
const PURE: &[&str] = &["engine", "check", "service", "message", "event", "sensor", "metric"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join("watchdog/src")
}

/// The product's code of a top-level module: what is only built for tests, and comments, left out.
fn code() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut modules: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.file_stem().is_some_and(|stem| stem == "tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inner = path.strip_prefix(source()).expect("below").to_owned();
            let first = inner.components().next().expect("a name").as_os_str().to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            if module == "lib" || module == "main" {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a file");
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = lines.collect::<Vec<_>>().join("\n");
            modules.entry(module).or_default().push((inner, code));
        }
    }
    modules
}

/// The names behind `crate::`; `super::` of a top-level file is the same.
fn used(file: &Path, code: &str) -> BTreeSet<String> {
    assert!(!code.contains("crate::{"), "{}: one `use` a module, please", file.display());
    let top = file.components().count() == 1;
    let marks = ["crate::", "super::"];
    let marks = marks.iter().take(if top { 2 } else { 1 });
    let names = marks.flat_map(|mark| code.split(mark).skip(1)).map(|rest| {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
    });
    names.collect()
}

/// What a module may use.
fn allowed(module: &str) -> Option<BTreeSet<&'static str>> {
    let words = || WORDS.iter().copied().flatten().copied();
    if let Some(row) = WORDS.iter().position(|row| row.contains(&module)) {
        return Some(WORDS.iter().take(row + 1).copied().flatten().copied().collect());
    }
    let (_, others) = MODULES.iter().find(|(name, _)| *name == module)?;
    Some(words().chain(others.iter().copied()).collect())
}

#[test]
fn no_module_looks_upward() {
    let modules = code();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (module, files) in &modules {
        let Some(allowed) = allowed(module) else {
            wrong.push(format!("{module} is not in the table"));
            continue;
        };
        for (file, code) in files {
            let used = used(file, code);
            let others = used.iter().filter(|name| *name != module && modules.contains_key(*name));
            for other in others {
                seen += 1;
                if !allowed.contains(other.as_str()) {
                    wrong.push(format!("{}: {module} may not use {other}", file.display()));
                }
            }
        }
    }
    assert!(seen > 500, "only {seen} uses were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_circle_and_nothing_that_nobody_uses() {
    let modules = code();
    let mut above: BTreeSet<&str> = BTreeSet::new();
    for (module, others) in MODULES {
        let files = modules.get(*module).unwrap_or_else(|| panic!("{module} is not there"));
        let used: BTreeSet<String> =
            files.iter().flat_map(|(file, code)| used(file, code)).collect();
        for other in *others {
            assert!(above.contains(other), "{module} uses {other}, which stands below it");
            assert!(used.contains(*other), "{module} no longer uses {other}");
        }
        above.insert(module);
    }
    for word in WORDS.iter().copied().flatten() {
        assert!(modules.contains_key(*word), "{word} is not there");
    }
}

#[test]
fn what_is_pure_has_no_clock_file_task_or_log() {
    let modules = code();
    for module in PURE {
        for (file, code) in &modules[*module] {
            for word in IMPURE {
                let found = code.lines().find(|line| line.contains(word));
                assert_eq!(found, None, "{} is pure", file.display());
            }
        }
    }
}
