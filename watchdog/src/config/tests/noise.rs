//! Any bytes: an answer, never a panic.

use proptest::prelude::*;

use super::*;

const SAMPLE: &str = include_str!("../../../../config/ebpf-watchdog.yaml");
const REFERENCE: &str = include_str!("../../../../docs/rules.md");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text(text in any::<String>()) {
        if let Err(found) = load_text(&text) {
            let _ = (found.render(true), found.to_json());
        }
    }

    #[test]
    fn yaml_like_text(text in "([a-z]{1,6}: ?|- |[ \n\"'{}\\[\\],&*|>#]|\t|[0-9]{1,3}|ä){0,60}") {
        if let Err(found) = load_text(&text) {
            let _ = (found.render(false), found.to_json());
        }
    }

    #[test]
    fn mutated_samples(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<char>(), 0u8..3), 1..6),
    ) {
        let mut text: Vec<char> = SAMPLE.chars().collect();
        for (at, with, how) in changes {
            let at = at.index(text.len());
            match how {
                0 => text[at] = with,
                1 => text.insert(at, with),
                _ => { text.remove(at); }
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(found) = load_text(&text) {
            let _ = (found.render(false), found.to_json());
        }
    }
}

#[test]
fn the_table_of_protocols_has_each_once_and_no_other() {
    let table = REFERENCE.lines().skip_while(|line| !line.starts_with("| protocol | the server"));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    let first = rows.filter_map(|row| row.split('|').nth(1));
    let mut named: Vec<&str> = first.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let mut known: Vec<&str> =
        crate::protocol::Protocol::all().map(|protocol| protocol.name).collect();
    known.push("default");
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn sample_and_reference_name_every_word() {
    let loaded = load_text(SAMPLE).map_err(|found| panic!("{found}")).expect("loads");
    drop(loaded);
    let keys = vocabulary::ALL.iter().flat_map(|keys| keys.known).copied();
    let mut words: Vec<&str> = keys.collect();
    words.extend(vocabulary::KINDS);
    words.extend(vocabulary::SERVICE_KEYS);
    words.extend(vocabulary::PROCESS_KEYS);
    words.extend(vocabulary::ACTIONS);
    words.extend(grammar::Subject::Process.tests());
    words.extend(grammar::Subject::System.tests());
    words.extend(grammar::Subject::Filesystem.tests());
    words.extend(grammar::Subject::Network.tests());
    words.extend(grammar::Subject::Program.tests());
    words.extend(grammar::Subject::File.tests());
    words.extend(["per core", "totalmem", "for 30s", "times within", "and", "or", "not"]);
    words.extend(crate::service::EventWord::NAMES.iter().map(|(name, _)| *name));
    words.extend([
        "user",
        "system",
        "wait",
        "nice",
        "hardirq",
        "softirq",
        "steal",
        "guest",
        "guestnice",
    ]);
    for (text, what) in [(SAMPLE, "the sample"), (REFERENCE, "docs/rules.md")] {
        let absent: Vec<_> = words.iter().filter(|word| !names(text, word)).collect();
        assert!(absent.is_empty(), "not in {what}: {absent:?}");
    }
}

/// Whether a word stands in a text as a word.
fn names(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        !part(text[..at].chars().next_back()) && !part(text[at + word.len()..].chars().next())
    })
}

/// The sample with everything commented in: lines of prose begin with a capital letter.
pub(in crate::config) fn commented_in() -> String {
    let line = |line: &str| {
        let blank = line.len() - line.trim_start().len();
        let (head, rest) = line.split_at(blank);
        match rest.strip_prefix("# ") {
            Some(rest)
                if rest
                    .trim_start()
                    .starts_with(|c: char| c.is_ascii_lowercase() || "-#".contains(c)) =>
            {
                format!("{head}{rest}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    SAMPLE.lines().map(line).collect()
}

#[test]
fn the_sample_is_right_with_everything_commented_in() {
    let text = commented_in()
        .replace("$2y$12$…", "$2y$12$......................0123456789abcdefghijklmnopqrstu")
        .replace("include: [conf.d/*.yaml]", "include: [nowhere/*.yaml]");
    let loaded = load_text(&text).unwrap_or_else(|found| panic!("{found}\n{text}"));
    let config = loaded.config;
    assert!(config.services.len() >= vocabulary::KINDS.len());
    assert_eq!(config.services[1].rules.len(), 21);
    assert_eq!(config.mail.map(|mail| mail.servers.len()), Some(2));
    assert!(config.http.is_some() && config.log_file.is_some() && config.alerts.len() == 3);
}
