//! The web front as a process of its own: without rights, kept running, ended with the daemon.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::fake::{self, Daemon, apache};
use crate::served::{ANN, WRONG, code, raw, settings};
use ebpf_watchdog::web::spawn::Keeper;
use tokio::sync::watch;

/// The processes that this one has started and that run this program.
fn children_of_test(program: &Path) -> Vec<u32> {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let parent = std::fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| {
            status.lines().any(|line| line.trim_end() == format!("PPid:\t{own}"))
        });
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if parent && command == [program.as_os_str().as_encoded_bytes(), b"\0web\0"].concat() {
            found.push(pid);
        }
    }
    found
}

#[test]
fn the_process_has_no_rights_and_comes_back_when_killed() {
    let daemon = Daemon::start(vec![apache()]);
    // Where a user without rights can reach it.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("0755");
    let program = folder.path().join("ebpf-watchdog");
    std::fs::copy(env!("CARGO_BIN_EXE_ebpf-watchdog"), &program).expect("a copy");
    // Of those that the kernel gives to nobody by itself: it is free until the front has it.
    let own = std::process::id().wrapping_mul(97);
    let address = (0..12_000_u32)
        .map(|n| 20_000 + (own.wrapping_add(n) % 12_000))
        .map(|port| SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).expect("a port"))))
        .find(|address| std::net::TcpListener::bind(address).is_ok())
        .expect("a port");

    let lines = Arc::new(Mutex::new(Vec::new()));
    let (line_came, line_comes) = mpsc::channel();
    let keeper = Keeper {
        program: program.clone(),
        settings: settings(&address.to_string()),
        core: Arc::clone(&daemon.core),
        log: {
            let lines = Arc::clone(&lines);
            Arc::new(move |_, line| {
                lines.lock().expect("no panic").push(line);
                let _ = line_came.send(());
            })
        },
    };
    let (stop, stopped) = watch::channel(false);
    let thread = std::thread::spawn(move || fake::runtime().block_on(keeper.run(stopped)));
    let get = |login: &str| {
        let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{login}\r\n");
        await_listener(address);
        code(&raw(address, head.as_bytes()))
    };
    assert_eq!(get(ANN), 200);
    assert_eq!(get(WRONG), 401);
    line_comes.recv_timeout(Duration::from_secs(60)).expect("the refused login is in the log");
    assert_eq!(
        lines.lock().expect("no panic").as_slice(),
        ["web front: login of 'ann' from 127.0.0.1 refused"]
    );

    let pid = children_of_test(&program)[0];
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).expect(name);
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).expect("a value")
    };
    assert_eq!(field("NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&field(set), 16), Ok(0), "{set}");
    }
    if rustix::process::geteuid().is_root() {
        assert!(!field("Uid").split_whitespace().any(|uid| uid == "0"));
        assert!(!field("Gid").split_whitespace().any(|gid| gid == "0"));
        assert_eq!(field("Groups"), "");
        let environment = std::fs::read(format!("/proc/{pid}/environ")).expect("readable by root");
        assert!(environment.is_empty());
    }

    let raw_pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid"));
    rustix::process::kill_process(raw_pid.expect("a pid"), rustix::process::Signal::KILL)
        .expect("killed");
    line_comes.recv_timeout(Duration::from_secs(60)).expect("its death is in the log");
    assert!(lines.lock().expect("no panic")[1].contains("the web front has ended (signal: 9"));
    assert_eq!(get(ANN), 200, "it is back");
    assert_ne!(children_of_test(&program)[0], pid);

    stop.send_replace(true);
    thread.join().expect("no panic");
    assert!(children_of_test(&program).is_empty(), "it ends with the daemon");
    assert!(TcpStream::connect(address).is_err());
}

/// Until somebody listens there, 20 s at most.
fn await_listener(address: SocketAddr) {
    for _ in 0..400 {
        if TcpStream::connect(address).is_ok() {
            return;
        }
        // Another process's readiness has no other sign.
        std::thread::park_timeout(Duration::from_millis(50));
    }
    panic!("nobody listens on {address}");
}

#[test]
fn a_reload_without_http_ends_the_front() {
    let daemon = Daemon::start(vec![apache()]);
    let runtime = fake::runtime();
    let mut running = ebpf_watchdog::web::running::Running::new(
        runtime.handle().clone(),
        "web1".into(),
        Arc::clone(&daemon.core),
        Arc::new(|_, _| {}),
    );
    let http = |port: u16| ebpf_watchdog::service::Http {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        allow: Vec::new(),
        users: Vec::new(),
    };
    runtime.block_on(async {
        running.configure(None);
        // A front that cannot live (this test's binary knows no `web`): it is still ended in order.
        running.configure(Some(&http(1)));
        tokio::task::yield_now().await;
        running.configure(Some(&http(2)));
        running.configure(Some(&http(2)));
        let gone = tokio::time::timeout(Duration::from_secs(20), running.finish());
        gone.await.expect("it ends");
    });
}

#[test]
fn started_by_hand_it_says_so() {
    let output = fake::command(Path::new("/nonexistent"))
        .arg("web")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("started by `run`"));
}
