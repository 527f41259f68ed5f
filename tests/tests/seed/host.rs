//! What the seed says of the whole host: of its load, memory, swap and processors.
//!
//! No test may fill a machine's memory or load it for five minutes. Here the daemon is real, and so is what it
//! restarts; the kernel's three files about the host are the test's, laid over its own.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;

use super::httpd::Httpd;
use super::{LONG, item, start_under, times};

/// How the host is, as its files tell. They are written in place and never shorter: the daemon keeps them open.
struct Host {
    /// Of a hundred ticks: in programs, in the kernel, waiting for disks.
    shares: Arc<Mutex<[u64; 3]>>,
    loadavg: File,
    meminfo: File,
    launcher: Vec<String>,
}

impl Host {
    /// All is well.
    fn new(scratch: &Scratch) -> Self {
        let file = |name| File::create(scratch.at(name)).expect("a file");
        let (stat, shares) = (file("stat"), Arc::new(Mutex::new([0; 3])));
        let mut sum = [0; 4];
        let now = Arc::clone(&shares);
        let mut tick = move || {
            let [user, system, wait] = *now.lock().expect("nobody panics with it");
            for (sum, more) in sum.iter_mut().zip([user, system, 100 - user - system - wait, wait])
            {
                *sum += more;
            }
            let [user, system, idle, wait] = sum.map(|ticks| format!("{ticks:012}"));
            let ticks = format!("{user} 0 {system} {idle} {wait} 0 0 0 0 0\n");
            let text = format!("cpu  {ticks}cpu0 {ticks}processes 1000\n");
            stat.write_at(text.as_bytes(), 0)
        };
        tick().expect("a file");
        // Into a file that is gone after the test; it ends with the last one.
        std::thread::spawn(move || {
            while tick().is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let lay = "for name in stat loadavg meminfo; do \
                   mount --bind \"$0/$name\" /proc/$name || exit 1; done; exec \"$@\"";
        let folder = scratch.path().to_str().expect("a path");
        let launcher = ["unshare", "--mount", "sh", "-c", lay, folder].map(str::to_owned).to_vec();
        let host = Self { shares, loadavg: file("loadavg"), meminfo: file("meminfo"), launcher };
        host.load(0.5, 0.5);
        host.memory(10, 0);
        host
    }

    fn launcher(&self) -> Vec<&str> {
        self.launcher.iter().map(String::as_str).collect()
    }

    fn load(&self, one: f64, five: f64) {
        let text = format!("{one:05.2} {five:05.2} 00.50 1/100 1000\n");
        self.loadavg.write_at(text.as_bytes(), 0).expect("a file");
    }

    /// Used, in percent.
    fn memory(&self, memory: u64, swap: u64) {
        let (available, free) = ((100 - memory) * 40_000, (100 - swap) * 10_000);
        let text = format!(
            "MemTotal: 4000000 kB\nMemAvailable: {available:07} kB\n\
             SwapTotal: 1000000 kB\nSwapFree: {free:07} kB\n"
        );
        self.meminfo.write_at(text.as_bytes(), 0).expect("a file");
    }

    fn cpu(&self, shares: [u64; 3]) {
        *self.shares.lock().expect("nobody panics with it") = shares;
    }
}

fn ready() -> bool {
    need::root() && need::program("unshare").is_some()
}

#[test]
fn the_host_is_busy_and_full() {
    if !ready() {
        return;
    }
    let scratch = Scratch::new();
    let host = Host::new(&scratch);
    let rules = format!("cycle: 200ms\nservices:\n{}", item("system: $HOST", &[]));
    let daemon = start_under(&scratch, &host.launcher(), &rules);
    let name = daemon.status()["services"][0]["name"].as_str().expect("a name").to_owned();
    daemon.wait_for(&name, LONG, |status| status["status"] == "ok");
    let failed = |what: &str, value: &str, limit: &str| {
        let limit = format!("[{what} > {limit}]");
        let words = format!("error    : '{name}' {what} of {value}");
        let line = daemon.wait_log(&limit, LONG);
        assert!(line.contains(&words) && line.contains(" matches resource limit "), "{line}");
    };
    let well = |what: &str| {
        let words = format!("info     : '{name}' {what} check succeeded [current {what} = ");
        daemon.wait_log(&words, LONG);
    };
    host.load(5.25, 2.5);
    failed("loadavg (1min)", "5.2", "4.0");
    failed("loadavg (5min)", "2.5", "2.0");
    host.memory(80, 30);
    failed("mem usage", "80.0%", "75.0%");
    failed("swap usage", "30.0%", "25.0%");
    // A cycle in which it began has a share of both.
    host.cpu([80, 0, 0]);
    failed("cpu user usage", "", "70.0%");
    host.cpu([0, 40, 30]);
    failed("cpu system usage", "", "30.0%");
    failed("cpu wait usage", "", "20.0%");
    host.cpu([0; 3]);
    host.memory(10, 0);
    host.load(0.5, 0.5);
    for what in ["loadavg (1min)", "loadavg (5min)", "mem usage", "swap usage"] {
        well(what);
    }
    for what in ["user", "system", "wait"] {
        well(&format!("cpu {what} usage"));
    }
    daemon.wait_for(&name, LONG, |status| status["status"] == "ok");
}

#[test]
fn apache_is_restarted_on_a_host_that_is_loaded_for_eight_cycles() {
    if !ready() {
        return;
    }
    let scratch = Scratch::new();
    let (host, httpd) = (Host::new(&scratch), Httpd::new(&scratch));
    host.load(12.0, 12.0);
    let rules = httpd.rules(&scratch, "1s", &[]);
    let daemon = start_under(&scratch, &host.launcher(), &rules);
    daemon.wait_log("'apache' process is running with pid", LONG);
    let words = "'apache' loadavg (5min) of 12.0 matches resource limit [loadavg (5min) > 10.0]";
    times(&daemon, &format!("warning  : {words}"), 7);
    daemon.wait_log(&format!("error    : {words}"), LONG);
    daemon.wait_log(&format!("'apache' stop: '{} stop'", httpd.control.display()), LONG);
    host.load(0.5, 0.5);
    times(&daemon, "'apache' process is running with pid", 2);
    let words = "info     : 'apache' loadavg (5min) check succeeded [current loadavg (5min) = 0.5]";
    daemon.wait_log(words, LONG);
}

#[test]
fn cases_of_the_engine_have_the_files_sentences() {
    let cases = [
        ("system: $HOST", 7, include_str!("../../data/engine/what_the_seed_says_of_the_host.case")),
        ("process: apache", 4, include_str!("../../data/engine/what_the_seed_says_of_apache.case")),
    ];
    for (first, wanted, case) in cases {
        let item = item(first, &[]);
        let is_number = |rule: &&str| {
            ["\"cpu ", "\"totalmem ", "\"loadavg", "usage "].iter().any(|word| rule.contains(word))
        };
        let rules: Vec<&str> =
            item.lines().filter(|line| line.contains("{ if:")).filter(is_number).collect();
        assert_eq!(rules.len(), wanted);
        for rule in rules {
            assert!(case.contains(rule), "{rule}");
        }
    }
}
