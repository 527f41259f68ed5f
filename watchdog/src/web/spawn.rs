//! The core's side of the front: starts its process without rights, answers its questions, starts
//! it again when it dies.
//!
//! The front may be killed at any time; the core loses nothing by it. What the front writes to its
//! standard error goes to the log, escaped and not without bound.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Settings;
use super::throttle::Bucket;
use crate::escape;
use crate::message::Level;
use crate::status::peer::{Rights, account};
use crate::status::routes::Caller;
use crate::status::{ACCOUNT, Core, serve};

/// First and longest wait before a dead front is started again; doubled each time.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// After so long a life the next wait is the first again.
const HEALTHY: Duration = Duration::from_secs(60);

/// A line of the front's is cut here (bytes).
const LONGEST_LINE: u64 = 512;

/// User and group where the host has neither our account nor `nobody`.
const NOBODY: (u32, u32) = (65534, 65534);

/// Takes lines for the daemon's log. Texts are one line and escaped.
pub type LogSink = dyn Fn(Level, String) + Send + Sync;

/// What it takes to keep a front running.
pub struct Keeper {
    /// Our own binary: `/proc/self/exe`.
    pub program: PathBuf,
    /// What the front is told.
    pub settings: Settings,
    /// Whom it asks.
    pub core: Arc<Core>,
    /// Where its lines go.
    pub log: Arc<LogSink>,
}

impl Keeper {
    /// Keeps a front running until `stop` turns true. Runs on the daemon's tokio runtime; dropping
    /// the future kills the front. For other settings (a reload) end this one and make a new one.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut wait = WAITS.0;
        while !*stop.borrow() {
            let begun = Instant::now();
            let told = match self.one_life(&stop).await {
                Ok(Some(status)) => format!("the web front has ended ({status})"),
                Ok(None) => return,
                Err(error) => format!("the web front cannot be started: {error}"),
            };
            if begun.elapsed() >= HEALTHY {
                wait = WAITS.0;
            }
            let text = format!("{told}; started again in {} s", wait.as_secs());
            (self.log)(Level::Error, escape::one_line(&text).into_owned());
            tokio::select! {
                () = sleep(wait) => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            wait = (wait * 2).min(WAITS.1);
        }
    }

    /// From start to death; `None`: we were told to stop.
    async fn one_life(&self, stop: &watch::Receiver<bool>) -> io::Result<Option<ExitStatus>> {
        let (ours, theirs) = StdStream::pair()?;
        let mut child = self.start(theirs)?;
        let lines = child.stderr.take();
        let talking = async {
            let mut ours = ours;
            // Settings fit the socket's buffer unless there are thousands of users; a front that
            // reads nothing must not stop the daemon.
            ours.set_write_timeout(Some(Duration::from_secs(1)))?;
            self.settings.send(&mut ours)?;
            ours.set_nonblocking(true)?;
            let stream = UnixStream::from_std(ours)?;
            let core = Arc::clone(&self.core);
            let caller = Caller { core, rights: Rights::Read, stop: stop.clone() };
            // It ends with the front, or with us.
            let _ = serve::serve_stream(stream, caller, None).await;
            io::Result::Ok(())
        };
        let logging = async {
            if let Some(lines) = lines {
                self.carry_lines(lines).await;
            }
        };
        let stopped = {
            let mut stop = stop.clone();
            async move { drop(stop.wait_for(|stopped| *stopped).await) }
        };
        tokio::select! {
            () = stopped => {
                // The connection is closed by now: a front in order ends by itself.
                if timeout(Duration::from_secs(2), child.wait()).await.is_err() {
                    child.kill().await?;
                }
                return Ok(None);
            }
            (talked, ()) = async { tokio::join!(talking, logging) } => {
                talked?;
            }
        }
        // Both ends are closed, but the process may still be there.
        let status = match timeout(Duration::from_secs(2), child.wait()).await {
            Ok(status) => status?,
            Err(_elapsed) => {
                child.kill().await?;
                child.wait().await?
            }
        };
        Ok(Some(status))
    }

    fn start(&self, stdin: StdStream) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg("web")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(stdin)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C in the daemon's terminal is for the daemon.
            .process_group(0)
            .kill_on_drop(true);
        if rustix::process::geteuid().is_root() {
            // Setting the user of a root process also drops its supplementary groups (std).
            let (user, group) = account(ACCOUNT).or_else(|| account("nobody")).unwrap_or(NOBODY);
            command.uid(user).gid(group);
        }
        command.spawn()
    }

    /// Until the front closes its standard error. Twenty lines at once, then one every 3 s.
    async fn carry_lines(&self, from: impl AsyncRead + Unpin) {
        let mut from = BufReader::new(from);
        let mut bucket = Bucket::new(20, Duration::from_secs(3), Instant::now());
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut from).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) if bucket.take(Instant::now()).is_err() => {}
                Ok(_) => {
                    let text = escape::bytes(line.trim_ascii_end());
                    (self.log)(Level::Warning, format!("web front: {text}"));
                }
            }
        }
    }
}
