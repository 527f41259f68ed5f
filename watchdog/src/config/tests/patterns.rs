//! Files of patterns: what they may hold, whose they may be, and that each is named where it is wrong.

use std::fs;

use super::*;
use crate::check::file::Test as FileTest;
use crate::check::file::content::Filter;
use crate::check::{Check, CheckTest};
use crate::service::{ServiceKind, Test};

fn rules(folder: &Path, rule: &str, ignore: &str) -> String {
    let (rule, ignore) = (
        rule.replace('@', &folder.display().to_string()),
        ignore.replace('@', &folder.display().to_string()),
    );
    format!(
        "services:\n- file: a\n  path: /f\n{ignore}  rules:\n  - {{ if: '{rule}', then: alert }}\n"
    )
}

/// The rule's filter and those of `ignore`.
fn filters(loaded: &Loaded) -> (Filter, Vec<Filter>) {
    let service = &loaded.config.services[0];
    let mut all = Vec::new();
    for rule in &service.rules {
        rule.condition.for_each_test(&mut |test| {
            if let Test::Check(test) = test
                && let CheckTest::File(FileTest::Content(filter)) = &**test
            {
                all.push(filter.clone());
            }
        });
    }
    let ServiceKind::Checked(checked) = &service.kind else { panic!("{service:?}") };
    let Check::File(file) = &checked.check else { panic!("{service:?}") };
    (all.remove(0), file.ignore.clone())
}

#[test]
fn each_line_of_the_file_is_a_pattern() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("bad"), "ERROR\n\n^FATAL\npanic").expect("write");
    fs::write(folder.path().join("fine"), "harmless\n").expect("write");
    let ignore = "  ignore: [debug, { file: @/fine }, { not: { file: @/bad } }, { not: x }]\n";
    let text = rules(folder.path(), "content = @/bad", ignore);
    let loaded = load_text(&text).expect("loads");
    let (filter, ignored) = filters(&loaded);
    assert_eq!(filter.to_string(), format!("= {}/bad", folder.path().display()));
    for (line, found) in [("an ERROR", true), ("FATAL", true), ("panic!", true), ("a FATAL", false)]
    {
        assert_eq!(filter.patterns.are_in(line.as_bytes()), found, "{line}");
    }
    let nots: Vec<bool> = ignored.iter().map(|each| each.not).collect();
    assert_eq!(nots, [false, false, true, true]);
    assert!(ignored[1].patterns.are_in(b"harmless") && ignored[2].patterns == filter.patterns);
    // The words stay; what stands in the file is another rule.
    fs::write(folder.path().join("bad"), "other\n").expect("write");
    let (other, _) = filters(&load_text(&text).expect("loads"));
    assert_eq!(other.to_string(), filter.to_string());
    assert_ne!(other, filter);
}

#[test]
fn what_is_quoted_is_a_pattern_as_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let loaded = load_text(&rules(folder.path(), "content != \"/healthz\"", "  ignore: /ping\n"));
    let (filter, ignored) = filters(&loaded.expect("loads"));
    assert!(filter.not && filter.patterns.are_in(b"GET /healthz"));
    assert!(ignored[0].patterns.are_in(b"GET /ping"));
    fs::write(folder.path().join("list"), "x\n").expect("write");
    let text = rules(folder.path(), "content = \"@/list\"", "  ignore: @/list\n");
    let warnings = load_text(&text).expect("loads").warnings.render(false);
    assert!(warnings.contains("leave the quotation marks out"), "{warnings}");
    assert!(warnings.contains("write `{ file: /"), "{warnings}");
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("bad"), "fine\n\n  (open\n*\n").expect("write");
    fs::write(at("binary"), b"fine\n\xff\n").expect("write");
    fs::write(at("many"), "x\n".repeat(1001)).expect("write");
    fs::write(at("large"), "x".repeat((256 << 10) + 1)).expect("write");
    fs::write(at("wide"), "x{15000}\n".repeat(60)).expect("write");
    for (name, expect) in [
        ("bad", &["bad:3:1", "unclosed group", "bad:4:1"][..]),
        ("binary", &["is not UTF-8 text (line 2, column 1: the byte 0xff)"]),
        ("many", &["many:1001:1", "more than 1000 patterns"]),
        ("large", &["is larger than 256 KiB"]),
        ("wide", &["all together", "size limit"]),
        (".", &["is not a regular file"]),
    ] {
        let rule = format!("content = @/{name}");
        let found = load_text(&rules(folder.path(), &rule, "")).expect_err(name).to_string();
        for words in expect {
            assert!(found.contains(words), "{name}: {found}");
        }
        let ignore = format!("  ignore: {{ file: @/{name} }}\n");
        let found = load_text(&rules(folder.path(), "changed size", &ignore)).expect_err(name);
        assert!(found.to_string().contains(expect[expect.len() - 1]), "{name}: {found}");
    }
    for (ignore, expect) in [
        ("{ not: x, file: /y }", "either `not` or `file`"),
        ("{ file: y }", "must be an absolute path"),
        ("{ not: { not: x } }", "has no key `not`"),
        ("{}", "names no pattern"),
        ("{ not: {} }", "names no pattern"),
    ] {
        let ignore = format!("  ignore: {ignore}\n");
        let found = load_text(&rules(folder.path(), "changed size", &ignore)).expect_err("refused");
        assert!(found.to_string().contains(expect), "{found}");
    }
    let found = load_text(&rules(folder.path(), "content = /a\"b c\"", "")).expect_err("refused");
    assert!(found.to_string().contains("no path of a file of patterns"), "{found}");
}

#[test]
fn a_file_that_is_missing_may_be_on_another_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = rules(folder.path(), "content = @/absent", "  ignore: { file: @/absent }\n");
    let warnings = load_text(&text).expect("loads").warnings.to_string();
    assert_eq!(warnings.matches("absent does not exist").count(), 1, "{warnings}");
    let here = LoadOptions { host_checks: HostChecks::Enforce, ..lenient() };
    let found = load_str("/etc/x.yaml", &text, here).expect_err("is refused").to_string();
    assert!(found.contains("absent does not exist"), "{found}");
}

#[test]
fn comments_and_empty_files_are_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("note"), "x\n# errors\n").expect("write");
    fs::write(folder.path().join("empty"), "\n").expect("write");
    let text = rules(folder.path(), "content = @/note or content = @/empty", "");
    let warnings = load_text(&text).expect("loads").warnings.to_string();
    assert!(warnings.contains("note:2:1") && warnings.contains("a comment too"), "{warnings}");
    assert!(warnings.contains("no pattern stands in it"), "{warnings}");
}

#[test]
fn a_file_that_others_could_have_written_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("list"), "x\n").expect("write");
    let text = rules(folder.path(), "content = @/list", "");
    let strict = LoadOptions { trust: Trust::Enforce, ..lenient() };
    // A temporary folder is below one that everybody may write.
    let found = load_str("/etc/x.yaml", &text, strict).expect_err("is refused").render(false);
    assert!(found.contains("may be written by others"), "{found}");
    assert!(found.contains("keep the file in a folder of root's"), "{found}");
    let loaded = load_text(&text).expect("loads");
    let warnings = loaded.warnings.to_string();
    assert!(warnings.contains("the daemon will refuse this file"), "{warnings}");
}
