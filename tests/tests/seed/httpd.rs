//! What stands in for the seed's Apache: a start program that starts what a file says.
//!
//! Not here: its pages (`site`).

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process_group};
use watchdog_tests::daemon::Daemon;
use watchdog_tests::scratch::Scratch;

use super::site::Site;
use super::{TLS, item};

/// A test machine may be as busy as the file allows an Apache to find it; that is brought about in `host`.
pub(super) const BUSY: (&str, &str) = ("greater than 10 ", "greater than 10000 ");

/// The seed's Apache: a start program that starts what a file says. Dropped, it is ended.
pub(super) struct Httpd {
    /// Who answers for the site that it belongs to.
    pub(super) site: Site,
    pub(super) control: PathBuf,
    pidfile: PathBuf,
    mode: PathBuf,
}

impl Httpd {
    pub(super) fn new(scratch: &Scratch) -> Self {
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
                 tls) cd {dir}; setsid openssl s_server -quiet -www -accept 127.0.0.1:$(cat port) \
                 -cert cert.pem -key key.pem & ;;\n\
                 crowd) setsid sh -c 'n=0; while [ $n -lt 260 ]; do sleep 300 & n=$((n+1)); done; wait' & ;;\n\
                 *) setsid sleep 300 & ;;\n\
                 esac\n\
                 echo $! > {dir}/new.pid; mv {dir}/new.pid {dir}/httpd.pid\n"
            ),
        );
        Self { site: Site::new("127.0.0.1:0"), control, pidfile, mode }
    }

    /// What it is from its next start on.
    pub(super) fn is(&self, mode: &str) {
        fs::write(&self.mode, mode).expect("mode");
    }

    pub(super) fn pid(&self) -> Option<Pid> {
        fs::read_to_string(&self.pidfile).ok()?.trim().parse().ok().and_then(Pid::from_raw)
    }

    /// A daemon with `rules`.
    pub(super) fn watched(&self, scratch: &Scratch, cycle: &str) -> Daemon {
        Daemon::start(scratch, &self.rules(scratch, cycle, &[BUSY]))
    }

    /// The file's rules about it, and about the program that it depends on, with more other things in
    /// place of some.
    pub(super) fn rules(&self, scratch: &Scratch, cycle: &str, more: &[(&str, &str)]) -> String {
        let httpd = scratch.write("httpd", "program\n", 0o755);
        let [control, pidfile, httpd] =
            [&self.control, &self.pidfile, &httpd].map(|path| path.to_str().expect("a path"));
        let site = format!("127.0.0.1 port {}", self.site.port);
        let mut instead = more.to_vec();
        instead.extend([
            ("/etc/init.d/httpd", control),
            ("/var/run/httpd/httpd.pid", pidfile),
            // So long after a start connections are not tested.
            ("timeout: 60 seconds", "timeout: 10 seconds"),
            ("www.tildeslash.com port 80", &site),
        ]);
        if !more.iter().any(|(theirs, _)| TLS.contains(theirs)) {
            // Alone in `encrypted`.
            instead.push((TLS, ""));
        }
        let services = item("file: apache_bin", &[("/usr/sbin/httpd", httpd)])
            + &item("process: apache", &instead);
        format!("cycle: {cycle}\nservices:\n{services}")
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
