//! A real Apache on loopback whose workers leak: each request to `/leak` makes the worker that
//! answers it 4 MB larger for good, as a faulty module does.
//!
//! Started and stopped by a small program of its own, as a distribution's init script would.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::need;
use crate::scratch::Scratch;
use crate::until::until;
use crate::web;

/// What one request leaves behind.
pub const LEAK: u64 = 4 << 20;

/// Apache's files, whether or not it runs. Dropped, Apache is stopped.
#[derive(Debug)]
pub struct Apache {
    control: PathBuf,
    pidfile: PathBuf,
    port: u16,
}

impl Apache {
    /// Writes the files; starts nothing. None: no Apache here, the test is skipped.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn new(scratch: &Scratch) -> Option<Self> {
        let program = need::program("apache2")?;
        let port = free_port();
        let dir = scratch.path().display();
        scratch.write(
            "leak.lua",
            &format!(
                "hoard = hoard or {{}}\nfunction handle(r)\n  \
                 hoard[#hoard + 1] = string.rep('x', {LEAK})\n  r.content_type = 'text/plain'\n  \
                 r:puts(#hoard, '\\n')\n  return apache2.OK\nend\n"
            ),
            0o644,
        );
        let modules = ["mpm_prefork", "authz_core", "lua"]
            .map(|name| {
                format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
            })
            .concat();
        std::fs::create_dir(scratch.at("pages")).expect("a folder for pages");
        scratch.write("pages/health", "all is well\n", 0o644);
        let conf = scratch.write(
            "httpd.conf",
            &format!(
                "ServerRoot {dir}\nServerName localhost\nListen 127.0.0.1:{port}\n\
                 PidFile {dir}/httpd.pid\nErrorLog {dir}/error.log\nDefaultRuntimeDir {dir}\n\
                 {modules}User www-data\nGroup www-data\n\
                 StartServers 3\nMinSpareServers 3\nMaxSpareServers 3\nMaxRequestWorkers 3\n\
                 DocumentRoot {dir}/pages\n\
                 LuaScope server\nLuaMapHandler /leak {dir}/leak.lua handle\n"
            ),
            0o644,
        );
        let line = format!("exec {} -f {} -k \"$1\"\n", program.display(), conf.display());
        let control = scratch.script("httpd", &line);
        Some(Self { control, pidfile: scratch.at("httpd.pid"), port })
    }

    /// The program that starts (`start`) and stops (`stop`) it.
    pub fn control(&self) -> &Path {
        &self.control
    }

    /// Its port of 127.0.0.1. It serves the folder `pages`, in which `health` says that all is well.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// File with the main process's pid.
    pub fn pidfile(&self) -> &Path {
        &self.pidfile
    }

    /// The main process.
    pub fn pid(&self) -> Option<u64> {
        std::fs::read_to_string(&self.pidfile).ok()?.trim().parse().ok()
    }

    /// One request to the leak; false: nobody answered.
    pub fn leak(&self) -> bool {
        web::get(self.port, "/leak", None).is_some_and(|answer| answer.status == 200)
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        if self.pid().is_none() {
            return;
        }
        let stopped = Command::new(&self.control).arg("stop").stderr(Stdio::null()).status();
        let gone = until(Duration::from_secs(60), || self.pid().is_none().then_some(()));
        if gone.is_none() {
            eprintln!("Apache of {} was not stopped: {stopped:?}", self.control.display());
        }
    }
}

/// A port of loopback that is free now, for TCP and UDP. Of those that the kernel gives to nobody by
/// itself, and given once only: until the server listens, no connection of another test gets it.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u16 = 20_000;
    const COUNT: u32 = 12_000;
    // Tests of other processes begin elsewhere.
    let own = std::process::id().wrapping_mul(97);
    let port = (0..COUNT).find_map(|_| {
        let place = own.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = FIRST + u16::try_from(place).expect("below the count");
        let at = ("127.0.0.1", port);
        (TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()).then_some(port)
    });
    port.expect("a free port")
}
