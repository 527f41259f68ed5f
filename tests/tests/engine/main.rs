//! The engine as data: a case is one file with services, a journal of inputs and the decisions
//! expected. `UPDATE_EXPECT=1` rewrites the last part; read the difference before you commit it.
//!
//! Journal lines: `<time> <word> …`, one input (or `tick`: a whole pass and a cycle) each. Times are
//! seconds since boot. Nothing here waits.

mod answered;
mod any;
mod play;
mod samples;
mod sensed;
mod words;

use std::path::{Path, PathBuf};

use ebpf_watchdog::config::{self, HostChecks, LoadOptions, Trust};
use ebpf_watchdog::service::Config;

use play::Play;

const MB: f64 = 1024.0 * 1024.0;

fn load(text: &str) -> Config {
    let options =
        LoadOptions { trust: Trust::Skip, host_checks: HostChecks::Warn, host: "testhost".into() };
    match config::load_str("case.yaml", text, options) {
        Ok(loaded) => loaded.config,
        Err(errors) => panic!("{}", errors.render(false)),
    }
}

fn check(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).expect("the case");
    let mut parts = text.splitn(3, "\n===\n");
    let services = parts.next().expect("services");
    let journal = parts.next().unwrap_or_else(|| panic!("{}: no journal", path.display()));
    let expect = parts.next().unwrap_or("");
    let mut play = Play::new(load(services));
    for line in journal.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with('#') {
            play.line(line);
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let text = format!("{services}\n===\n{journal}\n===\n{}", play.out);
        std::fs::write(path, text).expect("the case is writable");
        return Ok(());
    }
    let differs = play
        .out
        .lines()
        .zip(expect.lines().chain(std::iter::repeat("(nothing)")))
        .find(|(got, wanted)| got != wanted);
    match differs {
        None if play.out.lines().count() == expect.lines().count() => Ok(()),
        None => Err(format!("{}: more was expected", path.display())),
        Some((got, wanted)) => {
            Err(format!("{}:\n  got      {got}\n  expected {wanted}", path.display()))
        }
    }
}

#[test]
fn every_case_decides_as_expected() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/engine");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "case"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    let failed: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
