//! A daemon without sensor and rules: the real control socket, and answers as a test wants them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use ebpf_watchdog::clock::BootTime;
use ebpf_watchdog::identity::ProcessKey;
use ebpf_watchdog::inbox::{Inbox, Message};
use ebpf_watchdog::message::{Metrics, RuleStatus, RuleView, ServiceView, Snapshot, Status, Top};
use ebpf_watchdog::source::Health;
use ebpf_watchdog::status::events::EventList;
use ebpf_watchdog::status::{Core, serve};
use tokio::sync::watch;

/// A running fake daemon; dropping it ends it.
pub(crate) struct Daemon {
    /// Its control socket.
    pub(crate) socket: PathBuf,
    /// Its events.
    pub(crate) core: Arc<Core>,
    stop: watch::Sender<bool>,
    engine_ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Daemon {
    /// Starts one that shows these services.
    pub(crate) fn start(services: Vec<ServiceView>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("run/control.sock");
        let inbox = Inbox::new().expect("an inbox");
        let events = Arc::new(EventList::new());
        let core = Arc::new(Core { inbox: Arc::clone(&inbox), events, notify: None });
        let (stop, stopped) = watch::channel(false);
        let engine_ends = Arc::new(AtomicBool::new(false));
        let engine = {
            let (stop, ends) = (stop.clone(), Arc::clone(&engine_ends));
            std::thread::spawn(move || engine(&inbox, &services, &stop, &ends))
        };
        let bound = serve::bind(&socket).expect("a bound socket");
        let io = {
            let core = Arc::clone(&core);
            std::thread::spawn(move || {
                runtime().block_on(bound.serve(core, stopped)).expect("an orderly end");
            })
        };
        let threads = vec![engine, io];
        Self { socket, core, stop, engine_ends, threads, _folder: folder }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.engine_ends.store(true, Ordering::Release);
        self.stop.send_replace(true);
        // Wakes the engine; what it is asked no longer matters.
        let (reply, _answer) = tokio::sync::oneshot::channel();
        let _ = self.core.inbox.request(Message::Snapshot(reply));
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A runtime as the daemon's.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn engine(inbox: &Inbox, services: &[ServiceView], stop: &watch::Sender<bool>, ends: &AtomicBool) {
    while !ends.load(Ordering::Acquire) {
        let mut wait =
            [rustix::event::PollFd::from_borrowed_fd(inbox.fd(), rustix::event::PollFlags::IN)];
        let _ = rustix::event::poll(&mut wait, None);
        for message in inbox.take() {
            match message {
                Message::Input(_) | Message::Loaded { .. } | Message::Spawning { .. } => {}
                Message::Top(reply) => {
                    let top = Top { at: BootTime::from_secs(5), processes: Vec::new(), omitted: 3 };
                    let _ = reply.send(top);
                }
                Message::Snapshot(reply) => {
                    let _ = reply.send(Arc::new(snapshot(services.to_vec())));
                }
                // The fake's engine refuses to act on services whose name begins with "no".
                Message::Command { verb, service, reply } => {
                    let _ = reply.send(if service.starts_with("no") {
                        Err(format!("cannot {}: refused\nby itself", verb.word()))
                    } else {
                        Ok(format!("{} action done", verb.word()))
                    });
                }
                Message::Reload(reply) => {
                    let _ = reply.send(Err("file.yaml:3:5: unknown key\n  \x1b[2Jhint".into()));
                }
                Message::Validate(reply) => {
                    let _ = reply.send(Ok("judged 2 services".into()));
                }
                Message::Quit(reply) => {
                    let _ = reply.send(Ok("ending".into()));
                    stop.send_replace(true);
                }
            }
        }
    }
}

/// The contract's example document, as the engine gives it.
pub(crate) fn snapshot(services: Vec<ServiceView>) -> Snapshot {
    Snapshot {
        at: BootTime::from_secs(1720),
        host: "web1".into(),
        started: BootTime::from_secs(1000),
        cycle_seconds: 60.0,
        cycles: 12,
        config_generation: 1,
        memory_total_bytes: Some(8 << 30),
        sensor: Health {
            mode: "ebpf",
            kernel: "6.18.0".into(),
            events: 10321,
            ..Health::default()
        },
        services,
    }
}

/// A process service as in the contract's example.
pub(crate) fn apache() -> ServiceView {
    ServiceView {
        name: "apache".into(),
        kind: "process",
        status: Status::Ok,
        reason: None,
        waits_for: None,
        monitored: true,
        unmonitored_since: None,
        mode: "active",
        onreboot: "start",
        groups: vec!["server".into()],
        main: Some(ProcessKey { pid: 812, start: 102_000 }),
        since: Some(BootTime::from_secs(1020)),
        candidates: 1,
        restarts: 0,
        acting: None,
        next_attempt: None,
        braked_until: None,
        last_death: None,
        advice: None,
        death: None,
        metrics: Metrics {
            cpu: Some(0.021),
            totalcpu: Some(0.05),
            totalcpu_seconds: Some(41.2),
            memory_bytes: Some(9_437_184),
            totalmem_bytes: Some(178_220_032),
            children: Some(11),
            threads: Some(1),
            ..Metrics::default()
        },
        observed: None,
        rules: vec![RuleView {
            text: "totalmem > 1800 MB for 5 cycles".into(),
            title: "Resource limit matched",
            name: None,
            state: RuleStatus::Ok,
            failing_cycles: 0,
            then: "restart".into(),
            actions: vec!["restart"],
            description: None,
            implicit: false,
        }],
    }
}

/// The host.
pub(crate) fn system() -> ServiceView {
    ServiceView {
        name: "web1".into(),
        kind: "system",
        main: None,
        since: Some(BootTime::from_secs(0)),
        groups: Vec::new(),
        metrics: Metrics {
            cpu: Some(0.12),
            cpu_shares: Some([0.1, 0.02, 0.005]),
            memory_bytes: Some(4 << 30),
            memory_total_bytes: Some(8 << 30),
            swap_bytes: Some(0),
            swap_total_bytes: Some(1 << 30),
            load: Some([0.5, 0.25, 0.125]),
            ..Metrics::default()
        },
        rules: Vec::new(),
        ..apache()
    }
}

/// `apache()` under another name and status.
pub(crate) fn named(name: &str, status: Status) -> ServiceView {
    ServiceView { name: name.into(), status, ..apache() }
}

/// The binary under test, told this socket, without our environment's colours.
pub(crate) fn command(socket: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ebpf-watchdog"));
    command.arg("--socket").arg(socket).env_remove("NO_COLOR");
    command
}
