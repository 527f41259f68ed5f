//! The web front against a fake daemon: gates, pages, hostile texts, and its process.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::fake::{self, Daemon, apache, named, system};
use ebpf_watchdog::message::{RuleStatus, ServiceView, Status};
use ebpf_watchdog::status::Core;
use ebpf_watchdog::status::peer::Rights;
use ebpf_watchdog::status::routes::Caller;
use ebpf_watchdog::status::serve::serve_stream;
use ebpf_watchdog::web::answer::Front;
use ebpf_watchdog::web::spawn::Keeper;
use ebpf_watchdog::web::{Login, Settings, front};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

/// ann:secret
const ANN: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
/// ann:wrong
const WRONG: &str = "Authorization: Basic YW5uOndyb25n\r\n";

fn settings(listen: &str) -> Settings {
    Settings {
        listen: listen.parse().expect("an address"),
        allow: Vec::new(),
        users: vec![Login {
            name: "ann".into(),
            hash: ebpf_watchdog::cli::hash_password::hash("secret", 4).expect("a hash"),
            operator: false,
        }],
        hosts: vec!["web1".into()],
    }
}

/// A front inside the test's process, on a port of its own.
struct Served {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start(core: &Arc<Core>, settings: &Settings) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (told, address) = mpsc::channel();
        let front = Front::new(settings).expect("good settings");
        let core = Arc::clone(core);
        let thread = std::thread::spawn(move || {
            fake::runtime().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                told.send(listener.local_addr().expect("its address")).expect("waited for");
                let (ours, theirs) = UnixStream::pair().expect("a pair");
                let caller = Caller { core, rights: Rights::Read, stop: stopped.clone() };
                let mut stopped = stopped;
                tokio::select! {
                    _ = front::serve(theirs, listener, front) => {}
                    _ = serve_stream(ours, caller, None) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
        });
        let address = address.recv().expect("the front listens");
        Self { address, stop, thread: Some(thread) }
    }

    fn raw(&self, bytes: &[u8]) -> String {
        raw(self.address, bytes)
    }

    fn get(&self, path: &str, more: &str) -> (u16, String) {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
        let text = self.raw(head.as_bytes());
        (code(&text), text)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("the front listens");
    let _ = stream.write_all(bytes);
    let mut got = Vec::new();
    // A refusal may leave a part of the request unread: its close is a reset then.
    let _ = stream.read_to_end(&mut got);
    String::from_utf8(got).expect("UTF-8")
}

fn code(text: &str) -> u16 {
    text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[test]
fn every_page_wants_a_login_and_only_health_does_not() {
    let daemon = Daemon::start(vec![system(), apache()]);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    for path in ["/", "/style.css", "/api/v1/status", "/api/v1/services", "/nothing"] {
        for login in ["", "Authorization: Bearer x\r\n", "Authorization: Basic !!\r\n"] {
            let (status, text) = served.get(path, login);
            assert_eq!(status, 401, "{path}");
            assert!(text.contains("www-authenticate: Basic realm="));
            assert!(!text.contains("apache") && !text.contains(env!("CARGO_PKG_VERSION")));
        }
    }
    let (status, text) = served.get("/healthz", "");
    assert_eq!((status, text.ends_with("\r\n\r\nok\n")), (200, true));
    assert_eq!(served.get("/", WRONG).0, 401);
    for (path, status) in
        [("/", 200), ("/style.css", 200), ("/api/v1/status", 200), ("/api/v1/reload", 404)]
    {
        let (found, text) = served.get(path, ANN);
        assert_eq!(found, status, "{path}");
        let head = text.split("\r\n\r\n").next().expect("a head");
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{path}: {header}");
        }
        assert!(!head.to_lowercase().contains("\r\nserver:"));
    }
}

#[test]
fn the_api_gives_the_cores_document() {
    let daemon = Daemon::start(vec![apache()]);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    let (_, text) = served.get("/api/v1/status", ANN);
    let body = text.split_once("\r\n\r\n").expect("a body").1;
    let document: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(document["services"][0]["pid"], 812);
}

#[test]
fn wrong_requests_are_refused_by_name() {
    let daemon = Daemon::start(vec![apache()]);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(3000));
    let big = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(9000));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(100));
    let cases = [
        ("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
        ("GET /healthz HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: localhost.evil.test\r\n\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: localhost@evil.test\r\n\r\n", 421),
        ("GET http://evil.test/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
        ("DELETE /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
        ),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
             Content-Length: 3\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (long.as_str(), 414),
        (big.as_str(), 431),
        (many.as_str(), 431),
    ];
    for (request, wanted) in cases {
        let shown = &request[..request.len().min(80)];
        assert_eq!(code(&served.raw(request.as_bytes())), wanted, "{shown:?}");
    }
    for host in ["localhost:2812", "127.0.0.1", "[::1]:2812", "WEB1", "web1.:1"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(code(&served.raw(request.as_bytes())), 401, "{host}");
    }
}

#[test]
fn an_address_outside_of_allow_is_refused_even_with_a_login() {
    let daemon = Daemon::start(vec![apache()]);
    let narrow = Settings { allow: vec!["10.0.0.0/8".into()], ..settings("127.0.0.1:0") };
    let served = Served::start(&daemon.core, &narrow);
    assert_eq!(served.get("/", ANN).0, 403);
    assert_eq!(served.get("/healthz", "").0, 403);
    assert!(Front::new(&settings("0.0.0.0:2812")).is_err(), "loopback only");
    assert!(Front::new(&settings("[::]:2812")).is_err(), "loopback only");
    assert!(Front::new(&settings("[::1]:2812")).is_ok());
}

#[test]
fn guessing_is_slowed_down_and_who_is_logged_in_stays_in() {
    let daemon = Daemon::start(vec![apache()]);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    assert_eq!(served.get("/", ANN).0, 200);
    let refused: Vec<u16> = (0..30).map(|_| served.get("/", WRONG).0).collect();
    assert!(refused.iter().filter(|status| **status == 401).count() <= 11, "{refused:?}");
    let (status, text) = served.get("/", WRONG);
    assert_eq!(status, 429);
    assert!(text.contains("retry-after: "));
    assert_eq!(served.get("/", ANN).0, 200);
    assert_eq!(served.get("/healthz", "").0, 200);
}

/// Texts that a service's user, a process or an administrator could give us.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title><script>x</script>",
    "{{ 7 * 7 }}<!--",
    "a\r\nSet-Cookie: x=1\r\n\r\n<b>",
    "\u{1b}[2J\u{202e}gpj",
    "&lt;script&gt;&#60;b&#62;",
];

#[test]
fn hostile_texts_stay_texts() {
    let services = HOSTILE.iter().map(|text| ServiceView {
        reason: Some((*text).to_owned()),
        last_death: Some(format!("killed {text}")),
        rules: vec![ebpf_watchdog::message::RuleView {
            text: (*text).to_owned(),
            state: RuleStatus::Failing,
            failing_cycles: 3,
            then: "restart".into(),
            implicit: false,
        }],
        ..named(text, Status::Failing)
    });
    let daemon = Daemon::start(services.collect());
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    let (status, text) = served.get("/", ANN);
    assert_eq!(status, 200);
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    assert!(!head.to_lowercase().contains("set-cookie"));
    assert!(!body.contains("<script") && !body.contains("<img") && !body.contains("<svg"));
    assert!(!body.contains("<b>") && !body.contains("<!--"));
    assert!(!body.contains('\u{1b}') && !body.contains('\u{202e}') && !body.contains('\r'));
    assert!(body.contains("&#38;lt;script&#38;gt;"), "text that looks escaped is escaped again");
    // Outside of the elements that we write there is no further one.
    let elements = body.matches('<').count();
    let daemon = Daemon::start(
        (0..8)
            .map(|n| ServiceView {
                reason: Some("x".into()),
                last_death: Some("x".into()),
                rules: vec![ebpf_watchdog::message::RuleView {
                    text: "x".into(),
                    state: RuleStatus::Failing,
                    failing_cycles: 3,
                    then: "restart".into(),
                    implicit: false,
                }],
                ..named(&n.to_string(), Status::Failing)
            })
            .collect(),
    );
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    assert_eq!(
        served.get("/", ANN).1.split_once("\r\n\r\n").expect("a body").1.matches('<').count(),
        elements
    );
}

#[test]
fn the_page_reads_well_in_a_text_browser() {
    let failing = ServiceView {
        reason: Some("total mem amount of 1981.4 MB matches resource limit".into()),
        last_death: Some("killed by signal 9".into()),
        ..named("db", Status::Failing)
    };
    let daemon = Daemon::start(vec![system(), apache(), failing]);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    let (_, text) = served.get("/", ANN);
    let body = text.split_once("\r\n\r\n").expect("a body").1;
    assert!(!body.contains("<script") && !body.contains("style="));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    std::fs::write(&file, body).expect("written");
    let Ok(dump) = Command::new("links").arg("-dump").arg(&file).output() else {
        println!("links is not installed: not looked at");
        return;
    };
    let dump = String::from_utf8_lossy(&dump.stdout);
    let row = dump.lines().find(|line| line.contains("apache")).expect("a row");
    for part in ["OK", "812", "11m 40s", "5.0%", "170.0 MB", "0"] {
        assert!(row.contains(part), "{part} in {row:?}\n{dump}");
    }
    for part in
        ["web1", "1 failing.", "Failing", "killed by signal 9", "total mem amount of 1981.4 MB"]
    {
        assert!(dump.contains(part), "{part} in\n{dump}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_core_that_stalls_is_said_to_be_stalled() {
    // The other end is open and says nothing.
    let (_silent, theirs) = UnixStream::pair().expect("a pair");
    let (link, conversation) = ebpf_watchdog::web::link::open(theirs).await.expect("a connection");
    let front = Front::new(&settings("127.0.0.1:0")).expect("good settings").with(link);
    let carried = tokio::spawn(conversation);
    let ask = |path: &str| {
        hyper::Request::get(path)
            .header("host", "localhost")
            .header("authorization", "Basic YW5uOnNlY3JldA==")
            .body(())
            .expect("a request")
    };
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    for (path, text) in
        [("/healthz", "core stalled\n"), ("/", "<strong class=\"bad\">core stalled")]
    {
        let begun = tokio::time::Instant::now();
        let (answer, _) = ebpf_watchdog::web::answer::answer(&front, source, &ask(path)).await;
        assert_eq!(answer.status(), 503, "{path}");
        assert!(begun.elapsed() <= Duration::from_secs(4), "{:?}", begun.elapsed());
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.expect("a body");
        assert!(String::from_utf8_lossy(&body.to_bytes()).contains(text), "{path}");
    }
    carried.abort();
}

#[test]
fn silent_connections_do_not_lock_a_user_out() {
    let daemon = Daemon::start(vec![apache()]);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    let silent: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(served.address).expect("the front listens")).collect();
    assert_eq!(served.get("/", ANN).0, 200);
    drop(silent);
}

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
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("its address");
    drop(port);

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
