//! One program of ours from before the fork to after its end.
//!
//! The end is seen by a pidfd, and the process is reaped only when its family was looked after:
//! until then nobody else can get its pid, which is also the number of its session.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::ending::{Left, end};
use super::environment::environment;
use super::family::Family;
use super::output::{Output, Sink, Writer};
use super::{Deed, text};
use crate::event::ExitStatus;
use crate::identity::ProcessKey;
use crate::inbox::Inbox;
use crate::message::{ActionId, Progress, Step};
use crate::process::facts;
use crate::secrets::command;
use crate::sensor::Membership;
use crate::service::{Program, Service};
use crate::sys::account::account;
use crate::sys::pidfd::Pidfd;
use crate::sys::spawn::{Launch, launch, launch_noted};
use crate::trust::trusted_program;

/// Time between TERM and KILL for a program that has used up its time and has no `stop_timeout`.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// How long a program waits at most for the note of it.
const NOTED: Duration = Duration::from_secs(5);

/// A program that was started and where its output goes, or why not.
type Begun = Result<(Child, Output), String>;

/// Whose child a program's processes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Birth {
    /// Members of the service's group from their first moment.
    InGroup,
    /// On their own: programs that stop a service or follow a rule are no part of it.
    Apart,
}

/// A program that runs, or has ended and is not reaped yet.
#[derive(Debug)]
pub(super) struct Running {
    /// Its first process: leader of a session.
    pub(super) key: ProcessKey,
    line: String,
    timeout: Duration,
    child: Option<Child>,
    pidfd: Pidfd,
    output: Output,
}

impl Deed {
    /// Starts a program with the deed's environment.
    ///
    /// # Errors
    /// One line in Monit's words.
    pub(super) async fn run(
        &self,
        program: &Program,
        writer: Writer,
        birth: Birth,
    ) -> Result<Running, String> {
        let running = self.launch(program, Sink::Kept(writer), birth).await;
        running.map_err(|why| text::without_status(&why))
    }

    /// The same, with any sink for its output.
    ///
    /// # Errors
    /// One line, without the words about an exit status that there is none of.
    pub(super) async fn launch(
        &self,
        program: &Program,
        sink: Sink,
        birth: Birth,
    ) -> Result<Running, String> {
        let line = command(program);
        let failed = |why: &str| text::not_run(&line, why);
        let unwanted = Arc::new(AtomicBool::new(false));
        let begun = self.begin(program.clone(), sink, birth, Arc::clone(&unwanted));
        let begun = begun.map_err(|why| failed(&why))?;
        // Looking up users and opening programs can hang on the network: on a thread that may.
        let (child, output) = match tokio::time::timeout(program.timeout, begun).await {
            Ok(Ok(begun)) => begun.map_err(|why| failed(&why))?,
            Ok(Err(_)) => return Err(failed("starting it failed inside the daemon")),
            Err(_) => {
                // The thread may still wait; what it would start then, nobody would look after.
                unwanted.store(true, Ordering::Relaxed);
                return Err(text::timed_out(&line, program.timeout, "it could not be opened"));
            }
        };
        Running::new(child, output, line.clone(), program.timeout).map_err(|why| failed(&why))
    }

    fn begin(
        &self,
        program: Program,
        sink: Sink,
        birth: Birth,
        unwanted: Arc<AtomicBool>,
    ) -> Result<tokio::task::JoinHandle<Begun>, String> {
        let (tools, service) = (Arc::clone(&self.tools), Arc::clone(&self.service));
        let (id, context) = (self.id, self.context.clone());
        self.tools.calls.begin(&self.service.name, move || {
            let text = |error: std::io::Error| error.to_string();
            let account = account(program.user.as_deref(), program.group.as_deref());
            let account = account.map_err(text)?;
            let env = environment(&service, &program, &account, &context, &tools.host);
            let output = Output::open(tools.outputs.as_deref(), &service.name, sink);
            let output = output.map_err(text)?;
            let path = Path::new(program.argv.first().map_or("", String::as_str));
            if account.uid == 0 {
                trusted_program(path).map_err(|why| format!("not run as root: {why}"))?;
            }
            if unwanted.load(Ordering::Relaxed) {
                return Err("too late".to_owned());
            }
            let order = Launch {
                argv: &program.argv,
                env: &env,
                cwd: program.cwd.as_deref().unwrap_or(Path::new("/")),
                account: &account,
                output: output.file().map_err(text)?,
                errors: output.errors().map_err(text)?,
                baseline: &tools.baseline,
            };
            let child = match birth {
                Birth::Apart => launch(&order),
                Birth::InGroup => {
                    let noted = |pid| note(&tools.inbox, id, &service, pid, &unwanted);
                    let spawn = || launch_noted(&order, &noted);
                    born_in_group(&*tools.membership, &service, &spawn)
                }
            };
            Ok((child.map_err(|error| format!("cannot run it: {error}"))?, output))
        })
    }
}

/// Where the sensor cannot take the group on, the service is started all the same: it will be found.
fn born_in_group(
    membership: &dyn Membership,
    service: &Service,
    spawn: &dyn Fn() -> std::io::Result<Child>,
) -> std::io::Result<Child> {
    let mut child = None;
    let _ = membership.spawning(service.id, &mut || {
        if child.is_none() {
            child = Some(spawn());
        }
    });
    child.unwrap_or_else(spawn)
}

/// Has it noted that this process is about to run the service's program. False where it must not.
fn note(inbox: &Inbox, id: ActionId, service: &Service, pid: u32, unwanted: &AtomicBool) -> bool {
    let Ok(Some(facts)) = facts(pid) else { return false };
    let step = Step::Spawned(facts.key);
    let noted = inbox.spawning(Progress { id, service: service.id, step });
    // Longer than a state directory on a slow disk takes; a service is not kept down for a note.
    let _ = noted.recv_timeout(NOTED);
    !unwanted.load(Ordering::Relaxed)
}

impl Running {
    fn new(
        mut child: Child,
        output: Output,
        line: String,
        timeout: Duration,
    ) -> Result<Self, String> {
        let pid = child.id();
        let watched = Pidfd::open(pid).map_err(|error| error.to_string()).and_then(|pidfd| {
            // Not reaped, so it is listed even where it has ended already.
            let facts = facts(pid).map_err(|error| error.to_string())?.ok_or("is gone")?;
            Ok((pidfd, facts.key))
        });
        match watched {
            Ok((pidfd, key)) => Ok(Self { key, line, timeout, child: Some(child), pidfd, output }),
            Err(why) => {
                // No descriptors left, or the like. It cannot be followed, so it must not run on.
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("cannot follow it: {why}"))
            }
        }
    }

    /// Waits for its end. May be dropped and asked again; does not reap.
    pub(super) async fn ended(&self) -> ExitStatus {
        loop {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
                Ok(Some(status)) => {
                    let number = |n: i32| u8::try_from(n & 0xff).unwrap_or(u8::MAX);
                    return match status.terminating_signal() {
                        Some(signal) => {
                            ExitStatus::Signal { number: number(signal), core: status.dumped() }
                        }
                        None => ExitStatus::Code(number(status.exit_status().unwrap_or(0))),
                    };
                }
                Ok(None) => {}
                // ECHILD: somebody else reaped it; how it ended is lost.
                Err(_) => return ExitStatus::Code(0),
            }
            self.pidfd.stirred().await;
        }
    }

    /// Waits for its end within its timeout; beyond it ends the program with its family.
    ///
    /// # Errors
    /// One line in Monit's words, for any end but status 0.
    pub(super) async fn succeeded(self, deed: &Deed) -> Result<(), String> {
        match tokio::time::timeout(self.timeout, self.ended()).await {
            Ok(ExitStatus::Code(0)) => Ok(()),
            Ok(status) => Err(self.bad_end(status)),
            Err(_) => {
                let text = self.overdue();
                self.end_family(deed, GRACE).await;
                Err(text)
            }
        }
    }

    /// The text of an end that is none of success.
    pub(super) fn bad_end(&self, status: ExitStatus) -> String {
        text::ended(&self.line, status, &self.output.first_lines())
    }

    /// The text of a program that still runs when its time is up.
    pub(super) fn overdue(&self) -> String {
        let said = self.output.first_lines();
        text::without_status(&text::timed_out(&self.line, self.timeout, &said))
    }

    /// A failure in the program's own words, where it ended well but in vain.
    pub(super) fn in_vain(&self, why: &str) -> String {
        let said = self.output.first_lines();
        let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
        format!("(exit status 0) -- '{}': {why}{said}", self.line)
    }

    /// Ends the program and all that came from it.
    pub(super) async fn end_family(self, deed: &Deed, grace: Duration) -> Left {
        let mut family = Family::of(self.key);
        end(&mut || family.living(), grace, &deed.tools.protect()).await
    }

    /// Lets it run on for as long as it likes (it is the service); reaps it when it has ended.
    pub(super) fn let_run(self) {
        tokio::spawn(async move {
            self.ended().await;
        });
    }
}

impl Drop for Running {
    /// Reaps what has ended. What has not stays ours to reap until the daemon ends; that happens
    /// only where ending it failed, or where the daemon is ending.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                while matches!(child.try_wait(), Ok(None)) {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
    }
}
