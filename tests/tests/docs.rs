//! The documents name files and commands that are there.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Words in back quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_path_in_the_documents_exists() {
    let top = ["watchdog", "watchdog-common", "watchdog-ebpf", "xtask", "tests", "config", "docs"];
    let mut checked = 0;
    for document in ["README.md", "ARCHITECTURE.md", "docs/rules.md", "docs/status.md"] {
        let text = read(document);
        for path in quoted(&text) {
            let first = path.split('/').next().unwrap_or("");
            let is_path = path.contains('/')
                && top.contains(&first)
                && !path.contains(['*', '<', ' ', '$', '…']);
            if is_path {
                checked += 1;
                assert!(root().join(path).exists(), "{document} names {path}");
            }
        }
    }
    assert!(checked > 20, "only {checked} paths were found");
}

#[test]
fn every_command_of_the_project_in_the_documents_exists() {
    let program = read("xtask/src/main.rs");
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = read(document);
        for (at, _) in text.match_indices("cargo xtask ") {
            let rest = &text[at + "cargo xtask ".len()..];
            let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
            let variant = word[..1].to_uppercase() + &word[1..];
            assert!(program.contains(&variant), "{document} names `cargo xtask {word}`");
        }
    }
}

/// The module heads say what a module is: the rule of the house that is easiest to forget.
#[test]
fn every_module_has_a_head() {
    let mut folders = vec![root().join("watchdog/src"), root().join("watchdog-ebpf/src")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a file");
                assert!(text.starts_with("//!"), "{} has no head", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 80, "only {seen} files");
}
