//! Files, directories and named pipes on a real file system, watched by a whole daemon: what changes
//! acts at once, in Monit's words, and what happened while the daemon was down is told.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).open(path).expect("the file");
    file.write_all(text.as_bytes()).expect("it can be written");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

/// Observed for the first time: what changes from now on is a change.
fn seen(daemon: &Daemon, names: &[&str]) {
    for name in names {
        daemon.wait_for(name, PATIENCE, |service| service["observed"]["exists"] == true);
    }
}

#[test]
fn what_changes_acts_at_once() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.at("watched");
    fs::create_dir(&dir).expect("a folder");
    let at = |name: &str| dir.join(name);
    let names = ["perm", "owner", "size", "sum", "links", "log", "gone", "kind"];
    for name in names {
        fs::write(at(name), "first\n").expect("a file");
        mode(&at(name), 0o644);
    }
    fs::create_dir(at("folder")).expect("a folder");
    mode(&at("folder"), 0o755);
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).expect("a pipe");
    let file = |name: &str, rule: &str| {
        let path = at(name);
        format!(
            "- {{ file: {name}, path: {}, rules: [{{ if: '{rule}', then: alert }}] }}\n",
            path.display()
        )
    };
    let rules = [
        "cycle: 1h\nservices:\n".to_owned(),
        file("perm", "failed permission 644"),
        file("owner", "failed uid root and failed gid 0"),
        file("size", "size > 1 KB"),
        file("sum", &format!("failed md5 checksum and expect the sum {}", md5("first\n"))),
        file("links", "hardlink > 1"),
        file("log", "content = \"ERR\""),
        file("gone", "does not exist"),
        file("kind", "changed size"),
        file("folder", "failed permission 755").replace("file:", "directory:"),
        file("pipe", "failed permission 644").replace("file:", "fifo:"),
    ];
    let daemon = Daemon::start(&scratch, &rules.concat());
    seen(&daemon, &names);
    seen(&daemon, &["folder", "pipe"]);
    let shown = |name: &str| at(name).display().to_string();
    // A file system of one device, so that renaming replaces.
    let replace = |name: &str, text: &str| {
        fs::write(at("draft"), text).expect("a file");
        mode(&at("draft"), 0o644);
        fs::rename(at("draft"), at(name)).expect("renamed over it");
    };
    let wait = |text: &str| daemon.wait_log(text, PATIENCE);

    mode(&at("perm"), 0o600);
    wait(&format!(
        "error    : 'perm' permission test failed for {} [current permission 0600]",
        shown("perm")
    ));
    mode(&at("perm"), 0o644);
    wait("info     : 'perm' permission test succeeded [current permission 0644]");

    chown(at("owner"), Some(12_345), Some(54_321)).expect("chown");
    let line = wait("error    : 'owner' uid test failed for");
    assert!(
        line.ends_with(&format!(
            "-- current uid is 12345 and gid test failed for {} -- current gid is 54321",
            shown("owner")
        )),
        "{line}"
    );
    chown(at("owner"), Some(0), Some(0)).expect("chown");
    wait("info     : 'owner' uid test succeeded [current uid = 0]");

    append(&at("size"), &"x".repeat(2042));
    wait(&format!(
        "error    : 'size' size test failed for {} -- current size is 2 kB",
        shown("size")
    ));
    fs::write(at("size"), "small").expect("a file");
    wait("info     : 'size' size check succeeded [current size = ");

    replace("sum", "second\n");
    let (first, second) = (md5("first\n"), md5("second\n"));
    wait(&format!("error    : 'sum' checksum failed, expected {first} got {second}"));
    replace("sum", "first\n");
    wait("info     : 'sum' checksum is valid");

    fs::hard_link(at("links"), at("other name")).expect("a link");
    wait(&format!(
        "error    : 'links' hardlink test failed for {} -- current count is 2",
        shown("links")
    ));
    fs::remove_file(at("other name")).expect("removed");
    wait("info     : 'links' hardlink test succeeded [current count = 1]");

    append(&at("log"), "fine\nERR one\x1b[2J\n");
    wait("error    : 'log' content match: ERR one\\x1b[2J");

    fs::remove_file(at("gone")).expect("removed");
    wait("error    : 'gone' file doesn't exist");
    fs::write(at("gone"), "again").expect("a file");
    wait("info     : 'gone' file exists");

    fs::remove_file(at("kind")).expect("removed");
    fs::create_dir(at("kind")).expect("a folder");
    wait("error    : 'kind' is neither a regular file nor a socket");
    fs::remove_dir(at("kind")).expect("removed");
    replace("kind", "first\nand more\n");
    wait("info     : 'kind' is a regular file");
    wait(&format!("error    : 'kind' size for {} changed to 15 B", shown("kind")));

    mode(&at("folder"), 0o700);
    wait(&format!(
        "error    : 'folder' permission test failed for {} [current permission 0700]",
        shown("folder")
    ));
    mode(&at("pipe"), 0o600);
    wait(&format!(
        "error    : 'pipe' permission test failed for {} [current permission 0600]",
        shown("pipe")
    ));
}

fn md5(text: &str) -> String {
    let out = std::process::Command::new("md5sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut child = out.expect("md5sum");
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("written");
    let out = child.wait_with_output().expect("md5sum");
    String::from_utf8_lossy(&out.stdout).split_whitespace().next().expect("a sum").to_owned()
}

#[test]
fn what_is_too_large_has_no_checksum_and_that_is_told_once() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let fits = scratch.write("fits", &"x".repeat(1024), 0o644);
    // As large as `/proc/kcore`, with nothing in it: to read it would take days.
    let large = scratch.write("large", "", 0o644);
    File::options()
        .write(true)
        .open(&large)
        .and_then(|file| file.set_len(1 << 40))
        .expect("sparse");
    let rules = |path: &Path| {
        format!("path: {}, rules: [{{ if: changed md5 checksum, then: alert }}]", path.display())
    };
    let daemon = Daemon::start(
        &scratch,
        &format!(
            "cycle: 200ms\nlimits: {{ checksum_size: 1 KB }}\nservices:\n\
             - {{ file: fits, {} }}\n- {{ file: large, {} }}\n",
            rules(&fits),
            rules(&large),
        ),
    );
    daemon.wait_for("fits", PATIENCE, |fits| fits["observed"]["md5"].is_string());
    let line = format!(
        "error    : 'large' cannot compute checksum for {} -- it is over 1 kB: see `checksum_size`",
        large.display()
    );
    let log = daemon.wait_log(&line, PATIENCE);
    assert!(!log.contains("'fits' cannot"), "{log}");
    let seen = daemon.service("large");
    assert!(seen["observed"]["md5"].is_null(), "{seen}");
    assert!(seen["observed"]["trouble"].as_str().is_some_and(|why| why.contains("over 1 kB")));
    // A byte more, and it is too large from the next look on.
    append(&fits, "x");
    daemon.wait_log("error    : 'fits' cannot compute checksum", PATIENCE);
    assert_eq!(daemon.log().matches("'large' cannot compute").count(), 1, "{}", daemon.log());
}

#[test]
fn each_cycle_tells_what_has_changed_and_then_that_it_has_not() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path();
    let path = scratch.write("conf", "first\n", 0o644);
    let old = scratch.write("old", "first\n", 0o644);
    let rules = format!(
        "cycle: 1s\nservices:\n\
         - file: conf\n  path: {dir}/conf\n  rules:\n\
         \x20   - {{ if: changed permission, then: alert }}\n\
         \x20   - {{ if: changed size, then: alert }}\n\
         \x20   - {{ if: changed timestamp, then: alert }}\n\
         \x20   - {{ if: changed checksum, then: alert }}\n\
         \x20   - {{ if: changed hardlink, then: alert }}\n\
         \x20   - {{ if: 'content != \"^fine\"', then: alert }}\n\
         - {{ file: old, path: {dir}/old, rules: [{{ if: timestamp older than 2 seconds, then: alert }}] }}\n",
        dir = dir.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_for("conf", PATIENCE, |service| service["observed"]["sha256"].is_string());
    append(&path, "bad\nfine too\n");
    mode(&path, 0o600);
    fs::hard_link(&path, scratch.at("link")).expect("a link");
    let shown = path.display();
    for (changed, then) in [
        (
            format!("permission for {shown} changed from 0644 to 0600"),
            format!("permission not changed for {shown}"),
        ),
        (
            format!("size for {shown} changed to 19 B"),
            "size has not changed [current size = 19 B]".to_owned(),
        ),
        (
            format!("modify/change time for {shown} changed from "),
            format!("modify/change time was not changed for {shown}"),
        ),
        ("checksum changed to ".to_owned(), "checksum has not changed".to_owned()),
        (
            format!("hardlink count for {shown} changed from 1 to 2"),
            "hardlink count has not changed [current count = 2]".to_owned(),
        ),
        ("content match: bad".to_owned(), "content doesn't match".to_owned()),
    ] {
        daemon.wait_log(&format!("error    : 'conf' {changed}"), PATIENCE);
        daemon.wait_log(&format!("info     : 'conf' {then}"), PATIENCE);
    }
    let shown = old.display();
    let line = format!(
        "error    : 'old' modify/change time for {shown} failed -- current modify/change time is "
    );
    daemon.wait_log(&line, PATIENCE);
    let young = until(PATIENCE, || {
        // Written until a look finds it young.
        fs::write(&old, "x").expect("a file");
        daemon.log().contains("info     : 'old' modify/change time test succeeded").then_some(())
    });
    assert!(young.is_some(), "{}", daemon.said());
}

#[test]
fn what_happened_while_the_daemon_was_down_is_told_once() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let log = scratch.write("app.log", "ERROR from long ago\n", 0o644);
    let conf = scratch.write("conf", "first\n", 0o644);
    let dir = scratch.path().display().to_string();
    let rules = format!(
        "cycle: 1h\nservices:\n\
         - file: log\n  path: {dir}/app.log\n  ignore: [harmless, {{ not: app }}]\n  rules:\n\
         \x20   - {{ if: 'content = ERROR', then: alert }}\n\
         - {{ file: conf, path: {dir}/conf, rules: [{{ if: changed checksum, then: alert }}] }}\n"
    );
    let mut daemon = Daemon::start(&scratch, &rules);
    seen(&daemon, &["log"]);
    daemon.wait_for("conf", PATIENCE, |service| service["observed"]["sha256"].is_string());
    append(&log, "app: ERROR one\napp: half");
    daemon.wait_log("'log' content match: app: ERROR one", PATIENCE);
    daemon.end();
    append(&log, " an ERROR\napp: ERROR harmless\nERROR of another\n");
    fs::write(&conf, "second\n").expect("a file");
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_log("'log' content match: app: half an ERROR", PATIENCE);
    daemon.wait_log("'conf' checksum changed to ", PATIENCE);
    // Rotated: what comes is read from its start, and what was read is not read again.
    fs::rename(&log, scratch.at("app.log.1")).expect("rotated");
    fs::write(&log, "app: ERROR after rotation\n").expect("a new one");
    daemon.command(&["validate"]);
    daemon.wait_log("'log' content match: app: ERROR after rotation", PATIENCE);
    let text = daemon.log();
    for once in ["app: ERROR one", "app: half an ERROR", "app: ERROR after rotation"] {
        assert_eq!(text.matches(&format!("content match: {once}")).count(), 1, "{text}");
    }
    for never in ["long ago", "harmless", "of another"] {
        assert!(!text.contains(never), "{text}");
    }
}
