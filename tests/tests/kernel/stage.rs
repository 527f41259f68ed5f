//! A sensor of the test's own, loads that it watches, and the kernel's own account of them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ebpf_watchdog::event::{Event, Group, Sample};
use ebpf_watchdog::identity::{ProcessKey, ServiceId};
use ebpf_watchdog::source::Source;
use ebpf_watchdog::source::kernel::{KernelSource, Options};
use watchdog_tests::process::stat;
use watchdog_tests::until::until;

/// Timings and counts are the machine's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The service that most tests watch.
pub(crate) const SERVICE: ServiceId = ServiceId(0);

/// A sensor.
pub(crate) struct Stage {
    pub(crate) source: KernelSource,
    pub(crate) events: Vec<Event>,
    _alone: MutexGuard<'static, ()>,
}

/// What one pass gave.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    pub(crate) samples: Vec<Sample>,
    pub(crate) groups: Vec<Group>,
    pub(crate) complete: bool,
}

impl Stage {
    pub(crate) fn new(options: &Options) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let source = KernelSource::open(options).expect("the kernel programs load (needs root)");
        Self { source, events: Vec::new(), _alone: alone }
    }

    /// A load that is a member from birth.
    pub(crate) fn born(&self, service: ServiceId, arguments: &[&str]) -> Load {
        let mut load = None;
        self.source
            .membership()
            .spawning(service, &mut || load = Some(Load::start(arguments)))
            .expect("room for the service");
        load.expect("spawning runs what it is given")
    }

    /// One pass; other events go to `events`.
    pub(crate) fn pass(&mut self) -> Pass {
        let mut all = Vec::new();
        self.source.pass(&mut all);
        let mut pass = Pass::default();
        for event in all {
            match event {
                Event::Sample(sample) => pass.samples.push(sample),
                Event::Group(group) => pass.groups.push(group),
                Event::PassEnd { complete, .. } => pass.complete = complete,
                other => self.events.push(other),
            }
        }
        pass
    }

    /// CPU time of a member once it uses no more of it, which a started load soon does: it waits for
    /// its input. That its time does not grow would not say so: it may only wait for a processor.
    pub(crate) fn at_rest(&mut self, pid: u32) -> u64 {
        let rest = until(Duration::from_secs(60), || {
            let before = reads_input(pid).then(|| self.pass().of(pid).map(|one| one.cpu_ns))??;
            std::thread::sleep(Duration::from_millis(50));
            let used = self.pass().of(pid)?.cpu_ns;
            (used == before && reads_input(pid)).then_some(used)
        });
        rest.unwrap_or_else(|| panic!("{pid} does not come to rest"))
    }

    /// Drains until an event fits, for at most a minute.
    pub(crate) fn await_event<T>(&mut self, fits: impl Fn(&Event) -> Option<T>) -> Option<T> {
        let wait = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
        until(Duration::from_secs(60), || {
            if let Some(found) = self.events.iter().find_map(&fits) {
                return Some(found);
            }
            // Woken, not looked for: what nobody announces is not found.
            let fd = self.source.fd();
            let mut polled = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::IN)];
            if rustix::event::poll(&mut polled, Some(&wait)).is_ok_and(|ready| ready > 0) {
                self.source.drain(&mut self.events);
            }
            self.events.iter().find_map(&fits)
        })
    }

    /// Passes until no process of the service is left, for at least a minute.
    pub(crate) fn until_empty(&mut self, service: ServiceId) -> Group {
        for _ in 0..1200 {
            let pass = self.pass();
            let empty = pass.samples.iter().all(|sample| sample.service != service);
            if empty {
                return self.pass().group(service);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{service:?} still has processes");
    }
}

impl Pass {
    pub(crate) fn group(&self, service: ServiceId) -> Group {
        *self.groups.iter().find(|group| group.service == service).expect("a group per service")
    }

    pub(crate) fn of(&self, pid: u32) -> Option<&Sample> {
        self.samples.iter().find(|sample| sample.process.pid == pid)
    }

    /// The group's run time, the living and the dead, in nanoseconds.
    pub(crate) fn total(&self, service: ServiceId) -> u64 {
        let living = self.samples.iter().filter(|sample| sample.service == service);
        living.map(|sample| sample.cpu_ns).sum::<u64>() + self.group(service).dead_cpu_ns
    }
}

/// A process of `src/bin/load.rs`. Ends when dropped.
pub(crate) struct Load {
    pub(crate) child: Child,
    lines: BufReader<ChildStdout>,
}

impl Load {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_load"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the load starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn key(&self) -> ProcessKey {
        key(self.pid())
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("piped");
        writeln!(input, "{text}").expect("the load reads");
    }

    /// The next line it prints.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("the load writes");
        line.trim().to_owned()
    }

    /// Ends its input and waits for its end.
    pub(crate) fn end(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process is blocked in read(2) of its standard input.
fn reads_input(pid: u32) -> bool {
    // System call 0 of x86-64, and its first argument.
    let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    call.starts_with("0 0x0 ")
}

/// Who has this pid now.
pub(crate) fn key(pid: u32) -> ProcessKey {
    ProcessKey { pid, start: stat(pid).expect("the process is there").start }
}

/// A control group that keeps account of CPU time: v1's cpuacct or v2's cpu.stat.
pub(crate) struct Account {
    folder: PathBuf,
    v2: bool,
}

impl Account {
    pub(crate) fn new(name: &str) -> Self {
        let v1 = PathBuf::from("/sys/fs/cgroup/cpuacct");
        let v2 = !v1.exists();
        let parent = if v2 { PathBuf::from("/sys/fs/cgroup") } else { v1 };
        let folder = parent.join(format!("ebpf-watchdog-test-{}-{name}", std::process::id()));
        std::fs::create_dir(&folder).expect("a control group (needs root)");
        Self { folder, v2 }
    }

    pub(crate) fn add(&self, pid: u32) {
        std::fs::write(self.folder.join("cgroup.procs"), pid.to_string()).expect("joins");
    }

    /// Nanoseconds used in it so far.
    pub(crate) fn used(&self) -> u64 {
        let file = if self.v2 { "cpu.stat" } else { "cpuacct.usage" };
        let text = std::fs::read_to_string(self.folder.join(file)).expect("the account");
        if self.v2 {
            let line = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
            return line.and_then(|text| text.parse::<u64>().ok()).expect("usage_usec") * 1000;
        }
        text.trim().parse().expect("a number")
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // Busy for a moment after the last process has gone.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
