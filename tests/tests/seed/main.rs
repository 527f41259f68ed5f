//! `config/seed.yaml`: a whole monit.conf as our rule file. Its rules, taken from there, watch real
//! things in a scratch folder that are made to fail and to recover; the log has Monit's words.
//!
//! What stands in for what this machine cannot have: paths, addresses, users. The rules' sentences
//! are the file's own. What the seed says of the whole host is brought about in
//! `tests/data/engine/what_the_seed_says_of_the_host.case`: no test may fill a machine's memory or
//! load it for five minutes.

mod datafs;
mod encrypted;
mod told;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use watchdog_tests::daemon::{Daemon, program};
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

/// The seed's rule about the port with TLS.
const TLS: &str = "      - { if: \"failed port 443 type tcpssl protocol http with timeout 15 seconds\", then: restart }\n";

/// A wait this long has failed.
const LONG: Duration = Duration::from_secs(60);

fn seed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/seed.yaml");
    fs::read_to_string(path).expect("config/seed.yaml")
}

/// The file's item with this first line, with other things in place of some.
fn item(first: &str, instead: &[(&str, &str)]) -> String {
    let text = seed();
    let begin = text.find(&format!("  - {first}\n")).unwrap_or_else(|| panic!("no `{first}`"));
    let end = text[begin + 4..].find("\n  - ").map_or(text.len(), |at| begin + 5 + at);
    let mut item = text[begin..end].to_owned();
    for (theirs, ours) in instead {
        assert!(item.contains(theirs), "no `{theirs}` in:\n{item}");
        item = item.replace(theirs, ours);
    }
    item
}

#[test]
fn the_whole_file_is_right() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.write("seed.yaml", &seed(), 0o600);
    let said = Command::new(program())
        .arg("-c")
        .arg(file)
        .arg("check")
        .stdin(Stdio::null())
        .output()
        .expect("ebpf-watchdog");
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{text}");
    assert!(!text.contains("error"), "{text}");
}

/// Breaks one thing of a file that `unmonitor`s itself, sees that told, mends it, and sees that it
/// stays well.
fn unmonitors(daemon: &Daemon, name: &str, words: &str, fail: impl Fn(), mend: impl Fn()) {
    fail();
    let line = daemon.wait_log(words, LONG);
    assert!(line.contains(&format!("error    : '{name}' ")), "{line}");
    daemon.wait_for(name, LONG, |status| status["status"] == "unmonitored");
    mend();
    assert!(daemon.command(&["monitor", name]).status.success(), "{}", daemon.said());
    daemon.wait_for(name, LONG, |status| status["status"] == "ok");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

#[test]
fn apache_bin_and_bin_are_unmonitored_when_somebody_changes_them() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = scratch.write("httpd", "program\n", 0o755);
    let bin = scratch.at("bin");
    fs::create_dir(&bin).expect("a folder");
    mode(&bin, 0o755);
    let services =
        item("file: apache_bin", &[("/usr/sbin/httpd", httpd.to_str().expect("a path"))])
            + &item("directory: bin", &[("path: /bin\n", &format!("path: {}\n", bin.display()))]);
    let daemon = Daemon::start(&scratch, &format!("cycle: 200ms\nservices:\n{services}"));
    daemon.wait_for("apache_bin", LONG, |status| status["status"] == "ok");
    // The sums of both texts.
    let words = "'apache_bin' checksum failed, expected 014ad490257f1757f32f4c106284b1e1 got \
                 3740570a423feec44c2a759225a9fcf9";
    let text = |text: &'static str| {
        let (httpd, scratch) = (&httpd, &scratch);
        // Renamed: between the two steps of writing over it, it would be empty, and be seen so.
        move || fs::rename(scratch.write("httpd.new", text, 0o755), httpd).expect("httpd")
    };
    unmonitors(&daemon, "apache_bin", words, text("another\n"), text("program\n"));
    for (name, path) in [("apache_bin", &httpd), ("bin", &bin)] {
        daemon.wait_for(name, LONG, |status| status["status"] == "ok");
        let shown = path.display();
        let words =
            format!("'{name}' permission test failed for {shown} [current permission 0700]");
        unmonitors(&daemon, name, &words, || mode(path, 0o700), || mode(path, 0o755));
        let own = |uid, gid| move || chown(path, uid, gid).expect("chown");
        let words = format!("'{name}' uid test failed for {shown} -- current uid is 1");
        unmonitors(&daemon, name, &words, own(Some(1), None), own(Some(0), None));
        let words = format!("'{name}' gid test failed for {shown} -- current gid is 1");
        unmonitors(&daemon, name, &words, own(None, Some(1)), own(None, Some(0)));
    }
}

#[test]
fn the_database_is_told_of_and_cleaned_up() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let database = scratch.write("mydatabase.db", "rows\n", 0o700);
    // Debian's user and group `daemon` for users that only the seed's machine has.
    let own = |uid, gid| chown(&database, Some(uid), Some(gid)).expect("chown");
    own(1, 1);
    let done = scratch.at("done");
    fs::create_dir(&done).expect("a folder");
    chown(&done, Some(1), Some(1)).expect("chown");
    let script = scratch
        .script("cleanup", &format!("id -un > {0}/new; mv {0}/new {0}/user\n", done.display()));
    let [path, script] = [&database, &script].map(|path| path.to_str().expect("a path"));
    let services = item(
        "file: database",
        &[
            ("/data/mydatabase.db", path),
            ("/my/cleanup/script", script),
            ("uid data", "uid daemon"),
            ("gid data", "gid daemon"),
            ("user: dba, group: dba", "user: daemon, group: daemon"),
        ],
    );
    let daemon = Daemon::start(&scratch, &format!("cycle: 200ms\nservices:\n{services}"));
    daemon.wait_for("database", LONG, |status| status["status"] == "ok");
    mode(&database, 0o600);
    daemon.wait_log(
        &format!(
            "error    : 'database' permission test failed for {path} [current permission 0600]"
        ),
        LONG,
    );
    mode(&database, 0o700);
    daemon.wait_log(
        "info     : 'database' permission test succeeded [current permission 0700]",
        LONG,
    );
    own(0, 0);
    for what in ["uid", "gid"] {
        daemon.wait_log(
            &format!("error    : 'database' {what} test failed for {path} -- current {what} is 0"),
            LONG,
        );
    }
    own(1, 1);
    for what in ["uid", "gid"] {
        daemon.wait_log(
            &format!("info     : 'database' {what} test succeeded [current {what} = 1]"),
            LONG,
        );
    }
    let file = fs::File::options().write(true).open(&database).expect("the database");
    // Holes only.
    file.set_len(101 << 20).expect("a size");
    daemon.wait_log(
        &format!("error    : 'database' size test failed for {path} -- current size is 101 MB"),
        LONG,
    );
    daemon.wait_log(&format!("info     : 'database' exec: '{script}'"), LONG);
    let user = until(LONG, || fs::read_to_string(done.join("user")).ok());
    assert_eq!(user.as_deref(), Some("daemon\n"), "{}", daemon.said());
    file.set_len(5).expect("a size");
    daemon.wait_log("info     : 'database' size check succeeded [current size = 5 B]", LONG);
}

#[test]
fn the_case_about_the_host_has_the_files_sentences() {
    let case = include_str!("../../data/engine/what_the_seed_says_of_the_host.case");
    let item = item("system: $HOST", &[]);
    let rules: Vec<&str> = item.lines().filter(|line| line.contains("{ if:")).collect();
    assert_eq!(rules.len(), 7);
    for rule in rules {
        assert!(case.contains(rule), "{rule}");
    }
}

/// The seed's Apache: a start program that starts what a file says. Dropped, it is ended.
struct Httpd {
    /// Where somebody answers for the site that it belongs to, and with which status.
    port: u16,
    status: Arc<AtomicU16>,
    control: PathBuf,
    pidfile: PathBuf,
    mode: PathBuf,
}

impl Httpd {
    fn new(scratch: &Scratch) -> Self {
        let dir = scratch.path().display();
        let (pidfile, mode) = (scratch.at("httpd.pid"), scratch.at("mode"));
        let control = scratch.script(
            "httpd-control",
            &format!(
                "exec </dev/null >/dev/null 2>&1\n\
                 if [ \"$1\" = stop ]; then kill -KILL -\"$(cat {dir}/httpd.pid)\"; exit; fi\n\
                 case \"$(cat {dir}/mode)\" in\n\
                 broken) exit 1 ;;\n\
                 busy) setsid nice -n -20 sh -c 'echo -20 > /proc/self/autogroup; while :; do :; done' & ;;\n\
                 crowd) setsid sh -c 'n=0; while [ $n -lt 260 ]; do sleep 300 & n=$((n+1)); done; wait' & ;;\n\
                 *) setsid sleep 300 & ;;\n\
                 esac\n\
                 echo $! > {dir}/new.pid; mv {dir}/new.pid {dir}/httpd.pid\n"
            ),
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let status = Arc::new(AtomicU16::new(200));
        let answers = Arc::clone(&status);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let status = answers.load(Ordering::Relaxed);
                // Who asks may be gone already.
                let _asked = stream.read(&mut [0; 4096]);
                let _answered = stream.write_all(
                    format!(
                        "HTTP/1.1 {status} x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
                    )
                    .as_bytes(),
                );
            }
        });
        Self { port, status, control, pidfile, mode }
    }

    /// What it is from its next start on.
    fn is(&self, mode: &str) {
        fs::write(&self.mode, mode).expect("mode");
    }

    fn pid(&self) -> Option<Pid> {
        fs::read_to_string(&self.pidfile).ok()?.trim().parse().ok().and_then(Pid::from_raw)
    }

    /// The file's rules about it, and about the program that it depends on.
    fn watched(&self, scratch: &Scratch, cycle: &str) -> Daemon {
        self.watched_with(scratch, cycle, &[])
    }

    /// The same, with more other things in place of some.
    fn watched_with(&self, scratch: &Scratch, cycle: &str, more: &[(&str, &str)]) -> Daemon {
        let httpd = scratch.write("httpd", "program\n", 0o755);
        let [control, pidfile, httpd] =
            [&self.control, &self.pidfile, &httpd].map(|path| path.to_str().expect("a path"));
        let services = item("file: apache_bin", &[("/usr/sbin/httpd", httpd)])
            + &item(
                "process: apache",
                &[
                    more,
                    &[
                        ("/etc/init.d/httpd", control),
                        ("/var/run/httpd/httpd.pid", pidfile),
                        // So long after a start connections are not tested.
                        ("timeout: 60 seconds", "timeout: 10 seconds"),
                        // Alone in `encrypted`.
                        (TLS, ""),
                        ("www.tildeslash.com port 80", &format!("127.0.0.1 port {}", self.port)),
                        // A test machine may be as busy as that.
                        ("greater than 10 ", "greater than 10000 "),
                    ],
                ]
                .concat(),
            );
        Daemon::start(scratch, &format!("cycle: {cycle}\nservices:\n{services}"))
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            // It leads a session of its own; gone already is as well.
            let _gone = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Waits until a text stands in the log so many times.
fn times(daemon: &Daemon, text: &str, count: usize) {
    let found = until(LONG, || (daemon.log().matches(text).count() >= count).then_some(()));
    assert!(found.is_some(), "not {count} times: {text}\n{}", daemon.said());
}

#[test]
fn apache_is_started_and_started_again() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    let daemon = httpd.watched(&scratch, "200ms");
    daemon.wait_log("error    : 'apache' process is not running", LONG);
    daemon.wait_log("info     : 'apache' trying to restart", LONG);
    daemon
        .wait_log(&format!("info     : 'apache' start: '{} start'", httpd.control.display()), LONG);
    daemon.wait_log("info     : 'apache' process is running with pid", LONG);
    let first = httpd.pid().expect("it runs");
    kill_process_group(first, Signal::KILL).expect("it runs");
    times(&daemon, "'apache' process is not running", 2);
    times(&daemon, "'apache' process is running with pid", 2);
    assert_ne!(httpd.pid(), Some(first));
}

/// With limits that a busy machine lets a process come to as well; those of the file are in
/// `tests/data/engine/a_process_that_computes_is_told_of_and_restarted.case`.
#[test]
fn apache_that_computes_is_told_of_and_restarted() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    httpd.is("busy");
    let lower = [("cpu > 60%", "cpu > 6%"), ("cpu > 80%", "cpu > 8%")];
    let daemon = httpd.watched_with(&scratch, "1s", &lower);
    daemon.wait_log("'apache' process is running with pid", LONG);
    httpd.is("well");
    let line = daemon.wait_log("matches resource limit [cpu usage > 6.0%]", LONG);
    assert!(line.contains("'apache' cpu usage of "), "{line}");
    let line = until(LONG, || {
        let log = daemon.log();
        let mut lines = log.lines();
        lines
            .find(|line| line.contains(" error ") && line.contains("[cpu usage > 8.0%]"))
            .map(str::to_owned)
    });
    assert!(line.is_some(), "{}", daemon.said());
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    times(&daemon, "'apache' process is running with pid", 2);
    daemon.wait_log("info     : 'apache' cpu usage check succeeded [current cpu usage = ", LONG);
}

#[test]
fn a_crowd_of_children_is_restarted() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    httpd.is("crowd");
    let daemon = httpd.watched(&scratch, "200ms");
    daemon.wait_log("'apache' process is running with pid", LONG);
    httpd.is("well");
    let line = daemon.wait_log("matches resource limit [children > 250]", LONG);
    assert!(line.contains("error    : 'apache' children count 2"), "{line}");
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    daemon.wait_for("apache", LONG, |status| {
        status["status"] == "ok" && status["metrics"]["children"] == 0
    });
}

#[test]
fn a_site_that_answers_with_an_error_is_restarted() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    let daemon = httpd.watched(&scratch, "200ms");
    daemon.wait_log("'apache' process is running with pid", LONG);
    daemon.wait_for("apache", LONG, |status| status["status"] == "ok");
    httpd.status.store(503, Ordering::Relaxed);
    let words =
        format!("error    : 'apache' failed protocol test [HTTP] at [127.0.0.1]:{}", httpd.port);
    daemon.wait_log(&words, LONG);
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    httpd.status.store(200, Ordering::Relaxed);
    let words = format!("'apache' connection succeeded to [127.0.0.1]:{}", httpd.port);
    daemon.wait_log(&words, LONG);
}

#[test]
fn apache_that_cannot_start_is_left_alone_after_three_attempts() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = Httpd::new(&scratch);
    httpd.is("broken");
    // Three attempts with a second between them are to fit into five cycles of a busy machine.
    let daemon = httpd.watched(&scratch, "4s");
    times(&daemon, "'apache' failed to start (exit status 1)", 3);
    daemon.wait_log("'apache' service restarted 3 times within 5 cycles(s) - unmonitor", LONG);
    daemon.wait_for("apache", LONG, |status| status["status"] == "unmonitored");
    httpd.is("well");
    assert!(daemon.command(&["monitor", "apache"]).status.success(), "{}", daemon.said());
    daemon.wait_log("'apache' process is running with pid", LONG);
}
