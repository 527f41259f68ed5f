//! The control socket's routes: the documents, the rights, and refusals.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::fake::{self, Daemon, apache, named, system};
use ebpf_watchdog::inbox::{CAPACITY, Inbox, Message};
use ebpf_watchdog::message::{Input, Status, Verb};
use ebpf_watchdog::status::events::EventList;
use ebpf_watchdog::status::peer::Rights;
use ebpf_watchdog::status::routes::{Caller, answer};
use ebpf_watchdog::status::view::{Document, Extras};
use ebpf_watchdog::status::{Core, path, serve};
use hyper::Request;
use tokio::sync::watch;

/// Sends these bytes and reads until the daemon closes: status and body.
fn raw(daemon: &Daemon, bytes: &[u8]) -> (u16, String) {
    let mut stream = UnixStream::connect(&daemon.socket).expect("the daemon answers");
    stream.write_all(bytes).expect("written");
    let mut got = Vec::new();
    // A daemon that refuses leaves the rest of the request unread: its close is a reset then.
    let _ = stream.read_to_end(&mut got);
    let text = String::from_utf8(got).expect("UTF-8");
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

fn ask(daemon: &Daemon, method: &str, path: &str) -> (u16, String) {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw(daemon, head.as_bytes())
}

#[test]
fn the_document_is_the_contracts() {
    let document = Document::of(&fake::snapshot(vec![apache()]), Extras::default());
    let text = serde_json::to_string(&document).expect("JSON");
    let version = env!("CARGO_PKG_VERSION");
    let wanted = [
        format!(r#"{{"version":"{version}","host":"web1","cycle_seconds":60,"cycles":12,"#),
        r#""uptime_seconds":720,"config_generation":1,"#.into(),
        r#""sensor":{"mode":"ebpf","kernel":"6.18.0","events":10321,"lost":0,"missing":[],"#.into(),
        r#""repairs":0,"events_per_second":null,"pass_seconds":null,"pass_seconds_max":null,"#
            .into(),
        r#""proved":null,"reattached":0,"untracked":0,"records":[],"programs":[]},"#.into(),
        r#""services":[{"name":"apache","kind":"process","status":"ok","#.into(),
        r#""monitored":true,"group":["server"],"pid":812,"uptime_seconds":700,"restarts":0,"#
            .into(),
        r#""metrics":{"cpu":0.021,"totalcpu":0.05,"totalcpu_seconds":41.2,"#.into(),
        r#""memory_bytes":9437184,"totalmem_bytes":178220032,"totalmem_pss_bytes":null,"#.into(),
        r#""children":11,"threads":1,"forks_per_second":null,"filedescriptors":null,"#.into(),
        r#""disk_read_bytes_per_second":null,"disk_write_bytes_per_second":null},"#.into(),
        r#""rules":[{"if":"totalmem > 1800 MB for 5 cycles","#.into(),
        r#""state":"ok","failing_cycles":0,"then":"restart","implicit":false,"#.into(),
        r#""title":"Resource limit matched","name":null,"actions":["restart"],"#.into(),
        r#""description":null}],"#.into(),
        r#""reason":null,"unmonitored_since":null,"waits_for":null,"last_death":null,"advice":null,"death":null,"acting":null,"next_attempt":null,"#.into(),
        r#""braked_until":null,"#.into(),
        r#""candidates":1,"mode":"active","onreboot":"start","observed":{}}],"#.into(),
        r#""memory_total_bytes":8589934592,"inbox":{"refused":0},"notify":null}"#.into(),
    ];
    assert_eq!(text, wanted.concat());
}

#[test]
fn a_system_has_its_own_metrics_and_all_is_read_back() {
    let mut acting = named("db", Status::Acting);
    acting.acting = Some(Verb::Restart);
    acting.next_attempt = Some(ebpf_watchdog::clock::boot_now());
    let document = Document::of(&fake::snapshot(vec![system(), acting]), Extras::default());
    let text = serde_json::to_value(&document).expect("JSON");
    let metrics = &text["services"][0]["metrics"];
    assert_eq!(metrics["memory_total_bytes"], 8_u64 << 30);
    assert_eq!(metrics["load"][1], 0.25);
    assert_eq!(metrics["cpu_user"], 0.1);
    assert!(metrics.get("totalmem_bytes").is_none());
    assert_eq!(text["services"][1]["acting"], "restart");
    let next = text["services"][1]["next_attempt"].as_str().expect("a time");
    assert!(next.len() == 20 && next.ends_with('Z'), "{next}");
    let back: Document = serde_json::from_value(text).expect("readable");
    assert_eq!(back.services[0].metrics.numbers, document.services[0].metrics.numbers);
    assert_eq!(back.services[1], document.services[1]);
}

#[test]
fn routes_answer_and_refuse() {
    let name = "a/b ?%\"ü";
    let daemon = Daemon::start(vec![apache(), named(name, Status::Ok)]);
    let coded = path::encode(name);
    let cases = [
        ("GET", "/healthz".to_owned(), 200),
        ("GET", "/api/v1/status".into(), 200),
        ("GET", "/api/v1/services".into(), 200),
        ("GET", "/api/v1/services/apache".into(), 200),
        ("GET", format!("/api/v1/services/{coded}"), 200),
        ("GET", "/api/v1/services/nobody".into(), 404),
        ("GET", "/api/v1/services/%zz".into(), 400),
        ("GET", "/api/v1/services/%ff".into(), 400),
        ("GET", "/api/v1/events".into(), 200),
        ("GET", "/api/v1/events?after=x".into(), 400),
        ("GET", "/api/v1/events?wait=-1".into(), 400),
        ("GET", "/".into(), 404),
        ("GET", "/api/v1/reload".into(), 405),
        ("POST", "/api/v1/status".into(), 405),
        ("DELETE", "/api/v1/services/apache".into(), 405),
        ("POST", format!("/api/v1/services/{coded}/actions/restart"), 200),
        ("POST", "/api/v1/services/apache/actions/start?wait=0".into(), 202),
        ("GET", "/api/v1/services/apache/actions/start".into(), 405),
        ("POST", "/api/v1/services/apache/actions/explode".into(), 404),
        ("POST", "/api/v1/services/nobody/actions/start".into(), 404),
        ("POST", "/api/v1/validate".into(), 200),
        ("POST", "/api/v1/reload".into(), 422),
    ];
    for (method, path, wanted) in cases {
        let (status, body) = ask(&daemon, method, &path);
        assert_eq!(status, wanted, "{method} {path}: {body}");
        if status >= 400 {
            let problem: serde_json::Value = serde_json::from_str(&body).expect("a problem");
            assert_eq!(problem["status"], status, "{body}");
            assert!(problem["title"].is_string() && problem["detail"].is_string());
        }
    }
}

#[test]
fn big_and_broken_requests_are_refused() {
    let daemon = Daemon::start(vec![apache()]);
    let mut long = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ".to_vec();
    long.extend(std::iter::repeat_n(b'x', 9000));
    long.extend(b"\r\n\r\n");
    let mut many = b"GET /healthz HTTP/1.1\r\n".to_vec();
    many.extend(b"A: b\r\n".repeat(70));
    many.extend(b"\r\n");
    let cases: [(&[u8], u16); 5] = [
        (&long, 431),
        (&many, 431),
        (b"POST /api/v1/validate HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413),
        (b"POST /api/v1/validate HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /healthz\0 HTTP/1.1\r\n\r\n", 400),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(raw(&daemon, bytes).0, wanted, "{}", String::from_utf8_lossy(&bytes[..40]));
    }
    assert_eq!(ask(&daemon, "GET", "/healthz").0, 200);
}

fn caller(rights: Rights) -> (Caller, Arc<Inbox>) {
    let inbox = Inbox::new().expect("an inbox");
    let core = Core { inbox: Arc::clone(&inbox), events: Arc::new(EventList::new()), notify: None };
    // The sender is gone: "stop" is never said, and waiting for it ends at once.
    let (_, stop) = watch::channel(false);
    (Caller { core: Arc::new(core), rights, stop }, inbox)
}

fn request(method: &str, path: &str) -> Request<()> {
    Request::builder().method(method).uri(path).body(()).expect("a request")
}

#[tokio::test]
async fn rights_are_asked_before_the_engine() {
    let posts = ["/api/v1/services/a/actions/stop", "/api/v1/reload", "/api/v1/quit"];
    for (rights, method, paths) in [
        (Rights::Nothing, "GET", &["/healthz", "/api/v1/status", "/api/v1/events", "/x"][..]),
        (Rights::Nothing, "POST", &posts),
        (Rights::Read, "POST", &posts),
        (Rights::Read, "DELETE", &posts),
    ] {
        for path in paths {
            let (caller, inbox) = caller(rights);
            let response = answer(&caller, request(method, path)).await;
            assert_eq!(response.status(), 403, "{rights:?} {method} {path}");
            assert!(inbox.take().is_empty(), "nothing reaches the engine");
        }
    }
    let (caller, _inbox) = caller(Rights::Read);
    assert_eq!(answer(&caller, request("GET", "/api/v1/events")).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stalls_is_503_after_five_seconds() {
    let (caller, inbox) = caller(Rights::Act);
    let begun = tokio::time::Instant::now();
    let response = answer(&caller, request("GET", "/api/v1/status")).await;
    assert_eq!(response.status(), 503);
    assert_eq!(begun.elapsed().as_secs(), 5);
    // One that throws the question away is 503 at once.
    drop(inbox.take());
    let dropping = async {
        tokio::task::yield_now().await;
        drop(inbox.take());
    };
    let (response, ()) = tokio::join!(answer(&caller, request("GET", "/healthz")), dropping);
    assert_eq!(response.status(), 503);
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_full_inbox_is_503_and_counted() {
    let (caller, inbox) = caller(Rights::Act);
    for _ in 0..CAPACITY {
        inbox.answer(Input::Cycle);
    }
    assert_eq!(answer(&caller, request("POST", "/api/v1/reload")).await.status(), 503);
    assert_eq!(inbox.refused(), 1);
    assert!(matches!(inbox.take().back(), Some(Message::Input(_))));
}

#[test]
fn the_socket_is_private_and_replaces_only_a_dead_one() {
    let daemon = Daemon::start(Vec::new());
    let file = std::fs::metadata(&daemon.socket).expect("the socket");
    let mode = if ebpf_watchdog::status::peer::readers().is_some() { 0o660 } else { 0o600 };
    assert_eq!(file.permissions().mode() & 0o777, mode);
    assert_eq!(file.uid(), rustix::process::geteuid().as_raw());
    let folder = daemon.socket.parent().expect("its folder").metadata().expect("its mode");
    assert_eq!(folder.permissions().mode() & 0o022, 0);
    let second = serve::bind(&daemon.socket).expect_err("it is taken");
    assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse);

    let scratch = tempfile::tempdir().expect("a folder");
    let stale = scratch.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale).expect("a socket"));
    serve::bind(&stale).expect("a dead one is replaced");
    let file = scratch.path().join("file");
    std::fs::write(&file, "keep").expect("a file");
    let refused = serve::bind(&file).expect_err("not a socket");
    assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    assert!(serve::bind(&link).is_err());
    assert_eq!(std::fs::read_to_string(&file).expect("still there"), "keep");
}

#[test]
fn a_stranger_is_refused_even_where_the_file_would_let_him() {
    if !rustix::process::geteuid().is_root() {
        println!("not root: cannot become a stranger");
        return;
    }
    let daemon = Daemon::start(vec![apache()]);
    let folder = daemon.socket.parent().and_then(|run| run.parent()).expect("two folders");
    let program = folder.join("ebpf-watchdog");
    std::fs::copy(env!("CARGO_BIN_EXE_ebpf-watchdog"), &program).expect("a copy");
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).expect("0755");
    let status = || {
        let mut command = std::process::Command::new(&program);
        command.arg("--socket").arg(&daemon.socket).args(["status", "--json"]);
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
        let output = command.output().expect("it runs");
        assert!(output.stdout.is_empty(), "{output:?}");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = status();
    assert_eq!(code, Some(4), "the file's mode: {text}");
    std::fs::set_permissions(&daemon.socket, PermissionsExt::from_mode(0o666)).expect("0666");
    let (code, text) = status();
    assert_eq!(code, Some(4), "the kernel's word: {text}");
    assert!(text.contains("only root and members of the group ebpf-watchdog may read"), "{text}");
}

#[test]
fn connections_of_root_are_bounded() {
    let daemon = Daemon::start(vec![apache()]);
    // Answered once, each holds its place until it has been idle for 5 s.
    let held: Vec<UnixStream> = (0..16)
        .map(|_| {
            let mut stream = UnixStream::connect(&daemon.socket).expect("a place");
            stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").expect("written");
            stream.read_exact(&mut [0; 15]).expect("an answer");
            stream
        })
        .collect();
    let mut above = UnixStream::connect(&daemon.socket).expect("the kernel's queue");
    let mut nothing = Vec::new();
    let _ = above.read_to_end(&mut nothing);
    assert!(nothing.is_empty(), "closed without a word");
    drop(held);
}
