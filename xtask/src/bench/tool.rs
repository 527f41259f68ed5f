//! The two tools under measurement: their files, their start and their end.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::account::Account;

/// Which tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Monit,
}

/// Programs and a folder of root's to run them in.
#[derive(Debug)]
pub(super) struct Bed {
    ours: Option<PathBuf>,
    monit: PathBuf,
    folder: tempfile::TempDir,
}

impl Bed {
    /// `load` is a program of ours, `others` those of the tests.
    pub(super) fn new(
        ours: Option<PathBuf>,
        monit: PathBuf,
        load: &Path,
        others: &[PathBuf],
    ) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ebpf-watchdog-bench-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in("/var/lib")?;
        fs::copy(load, folder.path().join("load"))?;
        for program in others {
            fs::copy(program, folder.path().join(program.file_name().unwrap_or_default()))?;
        }
        Ok(Self { ours, monit, folder })
    }

    /// A file in the folder.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The tool's program.
    pub(super) fn program(&self, kind: Kind) -> &Path {
        match kind {
            Kind::Ours => self.ours.as_deref().expect("ours"),
            Kind::Monit => &self.monit,
        }
    }

    /// The program with the loads.
    pub(super) fn load(&self) -> PathBuf {
        self.at("load")
    }

    /// What is measured, in turns: an even run begins with the one, an odd run with the other.
    pub(super) fn turns(&self, run: usize) -> Vec<Kind> {
        let mut kinds = vec![Kind::Monit];
        if self.ours.is_some() {
            kinds.insert(run % 2, Kind::Ours);
        }
        kinds
    }

    /// Starts one tool on one process service, with a cycle of one second.
    pub(super) fn start(&self, kind: Kind, service: &Service<'_>) -> Result<Tool<'_>> {
        let text = |dir: &str| match kind {
            Kind::Ours => service.rules(dir),
            Kind::Monit => service.control_file(dir),
        };
        self.start_on(kind, text, service.normal_class)
    }

    /// Starts one tool on the file that `text` makes for its folder.
    pub(super) fn start_on(
        &self,
        kind: Kind,
        text: impl Fn(&str) -> String,
        normal_class: bool,
    ) -> Result<Tool<'_>> {
        let folder = tempfile::tempdir_in(self.folder.path())?;
        let text = text(&folder.path().display().to_string());
        let program = self.program(kind);
        let file = folder.path().join("rules.yaml");
        fs::write(&file, text)?;
        fs::set_permissions(&file, Permissions::from_mode(0o700))?;
        let errors = fs::File::create(folder.path().join("said"))?;
        let mut command = Command::new(program);
        if normal_class && kind == Kind::Ours {
            // Without the right to it the daemon stays in the normal class, and the host gives none.
            command = Command::new("setpriv");
            command.args(["--bounding-set=-sys_nice", "--inh-caps=-sys_nice"]).arg(program);
        }
        command.arg("-c").arg(&file).arg(if kind == Kind::Ours { "run" } else { "-I" });
        let child =
            command.stdin(Stdio::null()).stdout(errors.try_clone()?).stderr(errors).spawn()?;
        let account = Rc::new(Account::new()?);
        account.enter(child.id())?;
        Ok(Tool { kind, program, file, child, account, folder })
    }
}

/// The service that both tools watch.
#[derive(Debug)]
pub(super) struct Service<'a> {
    /// File with its main process's pid.
    pub pidfile: &'a Path,
    /// Its start program, if it is to be started.
    pub start: Option<&'a str>,
    /// What our memory rules judge.
    pub memory: &'a str,
    /// Our rules, as the inside of a YAML mapping; empty: three that never fire.
    pub ours: &'a [String],
    /// Monit's rules, a line each, likewise.
    pub monit: &'a [String],
    /// More of our services, as lines of YAML.
    pub more: &'a str,
    /// Without the scheduler class FIFO.
    pub normal_class: bool,
}

impl<'a> Service<'a> {
    /// With the rules that never fire.
    pub(super) fn of(pidfile: &'a Path) -> Self {
        Self {
            pidfile,
            start: None,
            memory: "pss",
            ours: &[],
            monit: &[],
            more: "",
            normal_class: false,
        }
    }
}

impl Service<'_> {
    fn rules(&self, dir: &str) -> String {
        let (pidfile, memory) = (self.pidfile.display(), self.memory);
        let start = self.start.map(|line| format!("    start: {line}\n")).unwrap_or_default();
        let mut text = format!(
            "cycle: 1s\nmemory: {memory}\nstate_dir: {dir}/state\n\
             control: {{ socket: {dir}/control.sock }}\n\
             log: {{ file: {dir}/log }}\nservices:\n  - process: svc\n    pidfile: {pidfile}\n\
             {start}    rules:\n"
        );
        let never = [
            "if: \"cpu > 99% for 60 cycles\", then: alert",
            "if: \"totalmem > 18000 MB for 5 cycles\", then: alert",
            "if: \"children > 2500\", then: alert",
            "if: \"1000 restarts within 2 cycles\", then: alert",
        ];
        for rule in or(self.ours, &never) {
            text += &format!("      - {{ {rule} }}\n");
        }
        text + self.more
    }

    fn control_file(&self, dir: &str) -> String {
        let pidfile = self.pidfile.display();
        let start =
            self.start.map(|line| format!(" start program = \"{line}\"\n")).unwrap_or_default();
        let mut text = format!(
            "set daemon 1\nset logfile {dir}/log\nset idfile {dir}/id\nset statefile {dir}/state\n\
             set httpd unixsocket {dir}/sock\n allow localhost\n\
             check process svc with pidfile {pidfile}\n{start}"
        );
        let never = [
            "if cpu > 99% for 60 cycles then alert",
            "if totalmem > 18000 MB for 5 cycles then alert",
            "if children > 2500 then alert",
        ];
        for rule in or(self.monit, &never) {
            text += &format!(" {rule}\n");
        }
        text
    }
}

/// The rules given, or those that stand in for none.
fn or<'a>(given: &'a [String], otherwise: &[&'a str]) -> Vec<&'a str> {
    if given.is_empty() { otherwise.to_vec() } else { given.iter().map(String::as_str).collect() }
}

/// A running tool. Ended when dropped; what it watches is not.
#[derive(Debug)]
pub(super) struct Tool<'a> {
    pub kind: Kind,
    program: &'a Path,
    file: PathBuf,
    child: Child,
    account: Rc<Account>,
    folder: tempfile::TempDir,
}

impl Tool<'_> {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its account, to be kept until what the tool has started is gone.
    pub(super) fn account(&self) -> Rc<Account> {
        Rc::clone(&self.account)
    }

    /// CPU seconds of the tool and of all it ran.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        self.account.seconds()
    }

    /// Resident memory in bytes.
    pub(super) fn rss_bytes(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let kb = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"));
        Ok(kb.unwrap_or_default().trim().parse::<f64>()? * 1024.0)
    }

    /// Lets it settle, and makes sure that it lives and sees the service.
    pub(super) fn settle(&mut self) -> Result<()> {
        std::thread::sleep(Duration::from_secs(4));
        let said = || fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
        // On a host full of processes Monit's first cycles take that long.
        for _ in 0..40 {
            ensure!(self.child.try_wait()?.is_none(), "{:?} ended: {}", self.kind, said());
            if self.totalcpu()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        bail!("{:?} does not see the service: {}", self.kind, said())
    }

    /// A command of the tool's command line.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.arg("-c").arg(&self.file).stdin(Stdio::null());
        command
    }

    /// CPU of the whole group as the tool shows it, as a share of all CPUs; unknown: none.
    pub(super) fn totalcpu(&self) -> Result<Option<f64>> {
        match self.kind {
            Kind::Ours => Ok(self.service_json()?["metrics"]["totalcpu"].as_f64()),
            Kind::Monit => {
                let said = Command::new(self.program)
                    .arg("-c")
                    .arg(&self.file)
                    .args(["-B", "status", "svc"])
                    .output()?;
                let text = String::from_utf8_lossy(&said.stdout);
                let percent = text.lines().find_map(|line| line.trim().strip_prefix("cpu total"));
                Ok(percent
                    .and_then(|p| p.trim().trim_end_matches('%').parse::<f64>().ok())
                    .map(|p| p / 100.0))
            }
        }
    }

    /// Our status of the service.
    pub(super) fn service_json(&self) -> Result<Value> {
        Ok(self.status()?["services"][0].clone())
    }

    /// Our whole status.
    pub(super) fn status(&self) -> Result<Value> {
        let said = Command::new(self.program)
            .arg("-c")
            .arg(&self.file)
            .args(["status", "--json"])
            .output()?;
        let complaint = || String::from_utf8_lossy(&said.stderr).into_owned();
        serde_json::from_slice(&said.stdout).with_context(complaint)
    }
}

impl Drop for Tool<'_> {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::TERM);
        for _ in 0..500 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{:?} did not end on TERM", self.kind);
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            eprintln!("{:?} did not end on KILL", self.kind);
        }
    }
}
