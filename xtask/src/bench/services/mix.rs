//! Ten thousand services of a large host, each with one rule, as a file of either tool: the same
//! services in the same order.
//!
//! Not here: the processes, files and ports that they are about (`services`).

use std::fmt::Write;
use std::path::Path;

/// Seconds of a cycle.
pub(super) const CYCLE: u64 = 30;

/// What is watched, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mix {
    /// Processes that run, by pidfile; the first few of them are started again.
    pub pidfiles: u64,
    pub startable: u64,
    /// Processes that run, by a pattern of their arguments.
    pub matched: u64,
    /// Patterns of which nothing may run.
    pub forbidden: u64,
    pub files: u64,
    pub directories: u64,
    pub hosts: u64,
    pub programs: u64,
}

impl Mix {
    pub(super) const WHOLE: Self = Self {
        pidfiles: 1_400,
        startable: 20,
        matched: 600,
        forbidden: 2_500,
        files: 3_500,
        directories: 1_000,
        hosts: 970,
        programs: 30,
    };

    pub(super) fn services(&self) -> u64 {
        self.pidfiles
            + self.matched
            + self.forbidden
            + self.files
            + self.directories
            + self.hosts
            + self.programs
    }

    /// Processes that are there.
    pub(super) fn running(&self) -> u64 {
        self.pidfiles + self.matched
    }
}

/// Where all that is watched lies.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    /// `N.pid` of each process, `N.file`, `N.dir`.
    pub folder: &'a Path,
    /// The load, for start programs.
    pub load: &'a Path,
    /// An open port of loopback.
    pub port: u16,
    /// Where the tool's own page is to be.
    pub page: u16,
}

/// Where a start program of service `n` notes when it began.
pub(super) fn stamp(folder: &Path, n: u64) -> String {
    format!("{}/{n}.stamp", folder.display())
}

fn start(ground: &Ground<'_>, n: u64) -> String {
    let (load, folder) = (ground.load.display(), ground.folder.display());
    format!("{load} start {} {folder}/{n}.pid", stamp(ground.folder, n))
}

/// The name and the password `admin`.
const HASH: &str = "$2y$04$abcdefghijklmnopqrstuuQe66hACgXZ.ImKMvPGdqru0gQrWJ8Ju";

/// Our file.
pub(super) fn ours(mix: &Mix, ground: &Ground<'_>, dir: &str) -> String {
    let (folder, page) = (ground.folder.display(), ground.page);
    let mut text = format!(
        "cycle: {CYCLE}s\nstate_dir: {dir}/state\ncontrol: {{ socket: {dir}/control.sock }}\n\
         log: {{ file: {dir}/log }}\nhttp:\n  listen: 127.0.0.1:{page}\n  users:\n    \
         - {{ name: admin, password_hash: \"{HASH}\", role: viewer }}\nservices:\n"
    );
    each(mix, |n, what| {
        let (kind, key, rule) = match what {
            What::Pidfile => ("process", format!("pidfile: {folder}/{n}.pid"), used(n)),
            What::Matched => ("process", format!("match: {{ args: \"member-{n}$\" }}"), used(n)),
            What::Forbidden => (
                "process",
                format!("match: {{ args: \"forbidden-{n}[0-9]*$\" }}"),
                "exists".to_owned(),
            ),
            What::File => {
                ("file", format!("path: {folder}/{n}.file"), "failed permission 644".to_owned())
            }
            What::Directory => {
                ("directory", format!("path: {folder}/{n}.dir"), "failed uid root".to_owned())
            }
            What::Host => {
                ("host", "address: 127.0.0.1".to_owned(), format!("failed port {}", ground.port))
            }
            What::Program => ("program", "path: /bin/true".to_owned(), "status != 0".to_owned()),
        };
        let _infallible = write!(text, "  - {kind}: s{n}\n    {key}\n");
        if matches!(what, What::Pidfile) && n < mix.startable {
            let _infallible = writeln!(text, "    start: {}", start(ground, n));
        }
        let _infallible = write!(text, "    rules:\n      - {{ if: \"{rule}\", then: alert }}\n");
    });
    text
}

/// Monit's.
pub(super) fn monit(mix: &Mix, ground: &Ground<'_>, dir: &str) -> String {
    let (folder, page) = (ground.folder.display(), ground.page);
    let mut text = format!(
        "set daemon {CYCLE}\nset logfile {dir}/log\nset idfile {dir}/id\nset statefile {dir}/state\n\
         set httpd port {page} and use address 127.0.0.1\n allow admin:admin\n"
    );
    each(mix, |n, what| {
        let (head, rule) = match what {
            What::Pidfile => (format!("process s{n} with pidfile {folder}/{n}.pid"), used(n)),
            What::Matched => (format!("process s{n} matching \"member-{n}$\""), used(n)),
            What::Forbidden => {
                (format!("process s{n} matching \"forbidden-{n}[0-9]*$\""), "exist".to_owned())
            }
            What::File => {
                (format!("file s{n} path {folder}/{n}.file"), "failed permission 644".to_owned())
            }
            What::Directory => {
                (format!("directory s{n} path {folder}/{n}.dir"), "failed uid root".to_owned())
            }
            What::Host => {
                (format!("host s{n} address 127.0.0.1"), format!("failed port {}", ground.port))
            }
            What::Program => (format!("program s{n} path /bin/true"), "status != 0".to_owned()),
        };
        let _infallible = writeln!(text, "check {head}");
        if matches!(what, What::Pidfile) && n < mix.startable {
            let _infallible = writeln!(text, " start program = \"{}\"", start(ground, n));
        }
        let _infallible = writeln!(text, " if {rule} then alert");
    });
    text
}

/// The rule of a process, of either tool.
fn used(n: u64) -> String {
    match n % 3 {
        0 => "cpu > 99% for 60 cycles".to_owned(),
        1 => "totalmem > 18000 MB for 5 cycles".to_owned(),
        _ => "children > 2500".to_owned(),
    }
}

#[derive(Debug, Clone, Copy)]
enum What {
    Pidfile,
    Matched,
    Forbidden,
    File,
    Directory,
    Host,
    Program,
}

/// Every service with its number, in order of kinds: the running processes come first.
fn each(mix: &Mix, mut visit: impl FnMut(u64, What)) {
    let mut n = 0;
    for (count, what) in [
        (mix.pidfiles, What::Pidfile),
        (mix.matched, What::Matched),
        (mix.forbidden, What::Forbidden),
        (mix.files, What::File),
        (mix.directories, What::Directory),
        (mix.hosts, What::Host),
        (mix.programs, What::Program),
    ] {
        for _ in 0..count {
            visit(n, what);
            n += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_name_every_service_once() {
        let mix = Mix::WHOLE;
        let folder = Path::new("/f");
        let ground = Ground { folder, load: Path::new("/load"), port: 1, page: 2 };
        assert_eq!(mix.services(), 10_000);
        assert_eq!(monit(&mix, &ground, "/d").matches("\ncheck ").count(), 10_000);
        assert_eq!(ours(&mix, &ground, "/d").matches(": s").count(), 10_000);
    }
}
