//! Bad reloads on the whole daemon: whatever the file is like, the old configuration stays in force, the
//! place is named, and no death is missed meanwhile.
//!
//! Not here: every message about every mistake (`watchdog/src/config/tests/bad.rs`).

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);
const NOBODY: u32 = 65_534;
/// Lines that [`Daemon::write_rules`] puts before a text.
const HEAD: usize = 3;

/// Texts that are refused, with the line and column that must be named and a word of why.
const TEXTS: &[(&str, (usize, usize), &str)] = &[
    ("services: {a\ncycle: 5s", (1, 11), "unclosed"),
    ("services:\n- process: \"a\n", (3, 1), "quotation marks"),
    ("cycle: 5s\ncycle: 6s", (2, 1), "a second time"),
    ("cycle:\n\t5s", (2, 1), "tabs"),
    ("cycle: 5s\n---\ncycle: 6s\n", (3, 1), "a second document"),
    ("cycle: *nope", (1, 8), "alias"),
    ("cycle: 5s: x", (1, 10), "does not take here"),
    ("cycle: \0", (1, 8), "NUL byte"),
    ("cylce: 60s", (1, 1), "did you mean `cycle`?"),
    ("frobnicate: 1", (1, 1), "has no key"),
    ("cycle: 60", (1, 8), "unit of time"),
    ("require_ebpf: yes", (1, 15), "`true` or `false`"),
    ("memory: uss", (1, 9), "not a value"),
    ("services: { process: x }", (1, 11), "expected a list"),
    ("services:\n- proces: x\n", (2, 3), "has no kind"),
    ("services:\n- process: x\n  system: y\n", (3, 3), "two kinds"),
    ("services:\n- process: x\n", (2, 3), "how the process is found"),
    ("services:\n- system: x\n  pidfile: /y\n", (3, 3), "a key of a process"),
    ("services:\n- process: w\n  pidfile: /a\n- process: W\n  pidfile: /b\n", (4, 12), "a second"),
    ("services:\n- process: a\n  pidfile: /a\n  depends_on: a\n", (4, 15), "depends on itself"),
    (
        "services:\n- process: a\n  pidfile: /a\n  depends_on: b\n- process: b\n  pidfile: /b\n  \
         depends_on: [a]\n",
        (7, 16),
        "a → b → a",
    ),
    ("services:\n- process: a\n  pidfile: /a\n  depends_on: [b]\n", (4, 16), "`b`"),
    ("services:\n- process: a\n  match: { args: \"(\" }\n", (3, 18), "not a regular expression"),
    ("services:\n- process: a\n  pidfile: /a\n  start: httpd\n", (4, 10), "absolute path"),
    ("services:\n- process: a\n  pidfile: /a\n  start: /no/such/program\n", (4, 10), "not exist"),
    ("services:\n- process: a\n  pidfile: /a\n  start: /bin/sh -c 'x\n", (4, 10), "quotes"),
    ("services:\n- system: h\n  rules: [{ if: cpu > 80 MB, then: alert }]\n", (3, 23), "`80 MB`"),
    ("services:\n- system: h\n  rules: [{ if: cpo > 8%, then: alert }]\n", (3, 17), "`cpo`"),
    ("services:\n- system: h\n  rules: [{ if: cpu > 8%, then: alart }]\n", (3, 33), "`alert`"),
    ("services:\n- system: h\n  rules: [{ if: cpu > 8%, then: restart }]\n", (3, 33), "restart"),
    ("mail: { servers: x, from: nobody }", (1, 27), "not a mail address"),
    ("http: { listen: 0.0.0.0:2812 }", (1, 17), "not a loopback address"),
    ("include: [absent.yaml]", (1, 11), "does not exist"),
    ("include: [rules.yaml]", (1, 11), "in a circle"),
    ("include: [open.yaml]", (1, 11), "may be written by others"),
];

/// What is wrong, how it comes about, and a word of why it is refused.
type State = (&'static str, fn(&Scratch), &'static str);

/// What else can be wrong with the file.
const STATES: &[State] = &[
    ("missing", |s| fs::remove_file(s.at("rules.yaml")).unwrap(), "does not exist"),
    ("a folder", |s| instead(s, |at| fs::create_dir(at)), "not a regular file"),
    ("50 MB", |s| instead(s, |at| File::create(at)?.set_len(50 << 20)), "larger than 16 MiB"),
    ("no text", |s| instead(s, |at| fs::write(at, b"a: 1\nb: \xff\n")), "not UTF-8"),
    ("open to all", |s| mode(s, 0o666), "may be written by others"),
    (
        "another's",
        |s| chown(s.at("rules.yaml"), Some(NOBODY), None).unwrap(),
        "belongs to user 65534",
    ),
    (
        "a link of another's",
        |s| {
            instead(s, |at| symlink("open.yaml", at));
            std::os::unix::fs::lchown(s.at("rules.yaml"), Some(NOBODY), None).unwrap();
        },
        "is a link made by user 65534",
    ),
    ("an alias bomb", |s| drop(Daemon::write_rules(s, &bomb())), "too large"),
    ("deep", |s| drop(Daemon::write_rules(s, &"[".repeat(100_000))), "nested too deep"),
    (
        "a mistake in another file",
        |s| drop(Daemon::write_rules(s, "include: [bad.yaml]")),
        "bad.yaml:2:3",
    ),
    ("another state_dir", |s| replace(s, "/state\n", "/other\n"), "state_dir cannot change"),
    ("another socket", |s| replace(s, "control.sock", "c.sock"), "socket } cannot change"),
    ("another log", |s| replace(s, "watchdog.log", "other.log"), "file } cannot change"),
];

/// Puts something else in the place of the rule file.
fn instead(scratch: &Scratch, make: impl FnOnce(&Path) -> std::io::Result<()>) {
    let at = scratch.at("rules.yaml");
    fs::remove_file(&at).unwrap();
    make(&at).unwrap();
    if at.is_file() && !at.is_symlink() {
        fs::set_permissions(&at, Permissions::from_mode(0o600)).unwrap();
    }
}

fn mode(scratch: &Scratch, mode: u32) {
    fs::set_permissions(scratch.at("rules.yaml"), Permissions::from_mode(mode)).unwrap();
}

fn replace(scratch: &Scratch, from: &str, to: &str) {
    let text = fs::read_to_string(scratch.at("rules.yaml")).unwrap();
    assert!(text.contains(from));
    scratch.write("rules.yaml", &text.replace(from, to), 0o600);
}

fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for at in 1..9 {
        let uses = vec![format!("*a{}", at - 1); 10].join(", ");
        text.push_str(&format!("a{at}: &a{at} [{uses}]\n"));
    }
    text
}

/// A daemon with a service that comes back as often as it is killed.
struct Bed {
    scratch: Scratch,
    daemon: Daemon,
    rules: String,
    pid: u64,
    rounds: usize,
    /// Reloads by HUP so far.
    refusals: usize,
    killed: Vec<u64>,
    /// What was not said.
    missing: Vec<String>,
}

impl Bed {
    fn new() -> Self {
        let scratch = Scratch::new();
        let dir = scratch.path().display().to_string();
        let lines =
            format!("setsid sleep 600 </dev/null >/dev/null 2>&1 &\necho $! > {dir}/web.pid\n");
        let start = scratch.script("start", &lines);
        let rules = format!(
            "cycle: 1s\nservices:\n- process: web\n  pidfile: {dir}/web.pid\n  start: {}\n  rules:\n  \
             - {{ if: 1000 restarts within 1 hour, then: unmonitor }}\n",
            start.display()
        );
        scratch.write("bad.yaml", "services:\n- proces: x\n", 0o600);
        scratch.write("open.yaml", "services: []\n", 0o666);
        let daemon = Daemon::start(&scratch, &rules);
        let mut bed = Self {
            scratch,
            daemon,
            rules,
            pid: 0,
            rounds: 0,
            refusals: 0,
            killed: Vec::new(),
            missing: Vec::new(),
        };
        bed.up();
        bed
    }

    /// Waits until the service is up again.
    fn up(&mut self) {
        let old = self.pid;
        let web =
            self.daemon.wait_for("web", PATIENCE, |web| web["status"] == "ok" && web["pid"] != old);
        self.pid = web["pid"].as_u64().expect("a pid");
    }

    fn kill(&mut self) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, Signal::KILL).expect("the service lives");
        self.killed.push(self.pid);
    }

    /// By the command: its exit code says so, and it tells what the daemon found.
    fn refused_by_command(&mut self, what: &str, words: &[&str]) {
        let output = self.daemon.command(&["reload"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{what}: {said}");
        self.refusals += 1;
        self.says(what, words, &said);
    }

    /// By HUP: the log says so, and tells what the daemon found.
    fn refused_by_signal(&mut self, what: &str, words: &[&str]) {
        let before = self.daemon.log().len();
        self.daemon.signal(Signal::HUP);
        self.refusals += 1;
        let refused = until(PATIENCE, || {
            let log = self.daemon.log();
            (log.matches("the old configuration stays in force").count() == self.refusals)
                .then_some(log)
        });
        let log = refused.unwrap_or_else(|| panic!("{what}: not refused\n{}", self.daemon.said()));
        let new = log.get(before..).unwrap_or_default();
        self.says(what, words, new);
    }

    fn says(&mut self, what: &str, words: &[&str], text: &str) {
        let missing = words.iter().filter(|word| !text.contains(**word));
        self.missing.extend(missing.map(|word| format!("{what}: no `{word}` in {text}")));
    }

    /// The file that is there now is refused, in each third round while the service dies.
    fn refused(&mut self, what: &str, words: &[&str], by_command: bool) {
        self.rounds += 1;
        let deadly = self.rounds.is_multiple_of(3);
        if deadly {
            self.kill();
        }
        if by_command {
            self.refused_by_command(what, words);
        } else {
            self.refused_by_signal(what, words);
        }
        if deadly {
            // The command that asks looks into the file for the socket.
            self.restore();
            self.up();
        }
    }

    /// The file as it was; nobody is told.
    fn restore(&self) {
        let at = self.scratch.at("rules.yaml");
        let _ = fs::remove_dir(&at);
        let _ = fs::remove_file(&at);
        Daemon::write_rules(&self.scratch, &self.rules);
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.daemon.command(&["stop", "web"]);
    }
}

#[test]
fn forty_bad_reloads_change_nothing_and_no_death_is_missed() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    assert!(TEXTS.len() + STATES.len() >= 40);
    for (round, (text, (line, column), word)) in TEXTS.iter().enumerate() {
        Daemon::write_rules(&bed.scratch, text);
        let place = format!("rules.yaml:{}:{column}", line + HEAD);
        bed.refused(text, &[&place, word], round % 2 == 0);
    }
    for (what, make, word) in STATES {
        bed.restore();
        make(&bed.scratch);
        // Not by the command, which looks into the file for the socket.
        bed.refused(what, &[word], false);
    }
    bed.restore();
    let status = bed.daemon.status();
    assert_eq!(status["config_generation"], 1);
    assert_eq!(status["services"].as_array().map(Vec::len), Some(1), "{status}");
    assert!(bed.missing.is_empty(), "{}", bed.missing.join("\n"));
    let log = bed.daemon.log();
    for pid in &bed.killed {
        let told = format!("process with pid {pid} was killed by signal 9");
        assert!(log.contains(&told), "{told}\n{log}");
    }

    // A good file is taken by the same daemon, and restarts nothing.
    Daemon::write_rules(&bed.scratch, &bed.rules.replace("1000 restarts", "999 restarts"));
    let reload = bed.daemon.command(&["reload"]);
    assert!(reload.status.success(), "{reload:?}");
    let said = String::from_utf8_lossy(&reload.stdout);
    assert!(said.contains("1 service; changed: 'web'"), "{said}");
    let web = bed.daemon.service("web");
    assert_eq!(web["pid"], bed.pid);
    assert_eq!(web["rules"][0]["if"], "999 restarts within 1 hour");
    assert_eq!(bed.daemon.status()["config_generation"], 2);
}
