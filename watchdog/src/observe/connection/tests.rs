//! Connections to scripted peers on loopback: right, wrong, silent, closing, and nobody.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpSocket;

mod encrypted;

use super::*;
use crate::config::{self, HostChecks, LoadOptions, Trust};

/// A service of the kind `host` at 127.0.0.1 with these tests.
fn host(tests: &[String]) -> Arc<Service> {
    let rule =
        |test: &String| format!("  - {{ if: '{}', then: alert }}\n", test.replace('\'', "''"));
    let rules: String = tests.iter().map(rule).collect();
    load(&format!("services:\n- host: h\n  address: 127.0.0.1\n  rules:\n{rules}"))
}

fn load(text: &str) -> Arc<Service> {
    let options =
        LoadOptions { trust: Trust::Skip, host_checks: HostChecks::Warn, host: "here".into() };
    let loaded = config::load_str("test.yaml", text, options);
    let config = loaded.unwrap_or_else(|found| panic!("{found}\n{text}")).config;
    Arc::clone(&config.services[0])
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// The outcome of each test, in order. Those that say nothing else have a minute: five seconds may
/// not be enough for a busy machine.
fn outcomes(tests: &[String]) -> Vec<Conversation> {
    let patient = |test: &String| match test.contains("timeout") {
        true => test.clone(),
        false => format!("{test} timeout 60 s"),
    };
    let tests: Vec<String> = tests.iter().map(patient).collect();
    run(observe(&host(&tests), None))
}

fn failed(conversation: &Conversation) -> &str {
    match &conversation.outcome {
        Outcome::Failed(why) => why,
        other => panic!("{}: {other:?}", conversation.with),
    }
}

/// Says something to each that comes, and waits until it hangs up.
fn greet(mut stream: impl std::io::Read + std::io::Write + Send + 'static, says: &'static str) {
    std::thread::spawn(move || {
        let _ = stream.write_all(says.as_bytes());
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
}

/// Greets each connection.
fn server(says: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            greet(stream.expect("a stream"), says);
        }
    });
    port
}

/// A port that is taken, so that nobody else gets it, and on which nobody listens.
fn closed() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let port = socket.local_addr().expect("its number").port();
    (socket, port)
}

/// Answers each request, when it is there, with the same page.
fn pages(page: &'static str) -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a stream"));
            std::thread::spawn(move || {
                let mut line = String::from("GET");
                while !line.trim_end().is_empty() {
                    line.clear();
                    let _ = stream.read_line(&mut line);
                }
                let _ = stream.get_mut().write_all(page.as_bytes());
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    port
}

#[test]
fn peers_that_answer_and_peers_that_do_not() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("its number").port();
    let (right, wrong) = (server("SSH-2.0-x\r\n"), server("HTTP/1.1 400 no\r\n"));
    let (_taken, closed) = run(async { closed() });
    let made = outcomes(&[
        format!("failed port {right}"),
        format!("failed port {right} protocol ssh"),
        // Long enough for a connection on a busy machine.
        format!("failed port {wrong} protocol ssh timeout 2 s"),
        format!("failed port {silent_port} protocol ssh timeout 2 s"),
        format!("failed port {closed}"),
        format!("failed port {right} expect \"^SSH-2\""),
        format!("failed port {right} address 127.0.0.3"),
        format!("failed port {right} address 192.0.2.1"),
        format!("failed port {right} ipv6"),
        format!("succeeded port {right} retry 3"),
        format!("failed port {closed} retry 3"),
    ]);
    for place in [0, 1, 5, 6, 9] {
        assert_eq!(made[place].outcome, Outcome::Succeeded, "{:?}", made[place]);
        assert!(made[place].seconds.is_some_and(|seconds| seconds >= 0.0), "{:?}", made[place]);
    }
    assert_eq!(made[0].at, format!("[127.0.0.1]:{right} [TCP/IP]"));
    assert_eq!(failed(&made[2]), "no answer within 2 s");
    assert_eq!(failed(&made[3]), "no answer within 2 s");
    assert_eq!(failed(&made[4]), "Connection refused");
    let words = "Cannot bind to outgoing address -- Cannot assign requested address";
    assert_eq!(failed(&made[7]), words);
    assert_eq!(failed(&made[8]), "the name has no address of this kind");
    assert_eq!(made[9].attempts, [""; 0]);
    let words = |number| {
        format!(
            "failed protocol test [DEFAULT] at [127.0.0.1]:{closed} [TCP/IP] -- Connection refused \
             (attempt {number}/3)"
        )
    };
    assert_eq!(made[10].attempts, [words(1), words(2)]);
}

#[test]
fn the_files_limits_hold_for_what_is_heard_and_how_long_it_is_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent.local_addr().expect("its number").port();
    let (talks, page) = (server("HELLO"), pages("HTTP/1.0 200 OK\r\n\r\n0123456789"));
    let tests = [
        format!("failed port {talks} expect '^HELL$' timeout 60 s"),
        format!("failed port {talks} expect '^HELLO' timeout 60 s"),
        format!("failed port {page} protocol http content = '^012345678$' timeout 60 s"),
        format!("failed port {page} protocol http content = '9' timeout 60 s"),
        format!("failed port {page} protocol http checksum {} timeout 60 s", "0".repeat(32)),
        format!("failed port {silent} protocol ssh"),
    ];
    let rules: String =
        tests.iter().map(|test| format!("  - {{ if: \"{test}\", then: alert }}\n")).collect();
    let limits = "send_expect_buffer: 4 B, http_content_buffer: 9, network_timeout: 300ms";
    let service = load(&format!(
        "limits: {{ {limits} }}\nservices:\n- host: h\n  address: 127.0.0.1\n  rules:\n{rules}"
    ));
    let made = run(observe(&service, None));
    assert_eq!(made[0].outcome, Outcome::Succeeded, "{:?}", made[0]);
    assert!(failed(&made[1]).contains("received unexpected data [HELL]"), "{:?}", made[1]);
    assert_eq!(made[2].outcome, Outcome::Succeeded, "{:?}", made[2]);
    assert!(failed(&made[3]).contains("doesn't match"), "{:?}", made[3]);
    assert!(failed(&made[4]).contains("the body is over 9 B, too much for a checksum"));
    assert!(failed(&made[5]).ends_with("within 0.3 s"), "{}", failed(&made[5]));
}

#[test]
fn names_are_resolved_and_each_address_is_tried() {
    let (right, long) = (server("SSH-2.0-x\r\n"), "x".repeat(64));
    let made = outcomes(&[
        // ::1 refuses, where the name has it.
        format!("failed host localhost port {right} protocol ssh"),
        // No label is so long: it is refused here, without asking a server.
        format!("failed host {long} port 80"),
    ]);
    assert_eq!(made[0].outcome, Outcome::Succeeded, "{:?}", made[0]);
    assert_eq!(made[0].at, format!("[localhost]:{right} [TCP/IP]"));
    assert!(failed(&made[1]).starts_with("Cannot resolve [xxx"), "{:?}", made[1]);
}

#[test]
fn equal_connections_are_made_once() {
    let right = server("SSH-2.0-x\r\n");
    let service = host(&[
        format!("failed port {right} responsetime < 5 s"),
        format!("failed port {right} type tcp responsetime < 1 s"),
        format!("succeeded port {right}"),
        format!("failed port {right} timeout 1 s"),
    ]);
    let made = run(observe(&service, None));
    let with: Vec<&str> = made.iter().map(|one| one.with.as_str()).collect();
    assert_eq!(with, [format!("port {right}"), format!("port {right} timeout 1s")]);
}

#[test]
fn udp_without_a_protocol_is_silence_or_a_refusal() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("its number").port();
    let echo = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let echo_port = echo.local_addr().expect("its number").port();
    std::thread::spawn(move || {
        let mut space = [0; 100];
        while let Ok((_, from)) = echo.recv_from(&mut space) {
            // An empty datagram is no end; the answer comes in two reads of one datagram.
            echo.send_to(&[], from).expect("sent");
            echo.send_to(b"pong\n", from).expect("sent");
        }
    });
    // One that talks to somebody else is closed to us.
    let other = UdpSocket::bind("127.0.0.1:0").expect("a port");
    other.connect("127.0.0.9:9").expect("a peer");
    let closed = other.local_addr().expect("its number").port();
    let made = outcomes(&[
        format!("failed port {silent_port} type udp timeout 400 ms"),
        format!("failed port {echo_port} type udp send \"ping\" expect \"^pong\\n$\""),
        format!("failed port {closed} type udp"),
        format!("failed port {silent_port} type udp send \"x\" expect \"y\" timeout 300 ms"),
    ]);
    assert_eq!(made[0].outcome, Outcome::Succeeded);
    let mut space = [0; 100];
    assert_eq!(silent.recv(&mut space).expect("our byte"), 1);
    assert_eq!(made[1].outcome, Outcome::Succeeded, "{:?}", made[1]);
    assert_eq!(made[1].at, format!("[127.0.0.1]:{echo_port} [UDP/IP]"));
    assert_eq!(failed(&made[2]), "Connection refused");
    assert_eq!(failed(&made[3]), "no answer within 0.3 s");
}

#[test]
fn unix_sockets() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let stream = UnixListener::bind(at("stream")).expect("a socket");
    std::thread::spawn(move || {
        for one in stream.incoming() {
            greet(one.expect("a stream"), "SSH-2.0-x\r\n");
        }
    });
    let datagrams = UnixDatagram::bind(at("datagrams")).expect("a socket");
    std::thread::spawn(move || {
        let mut space = [0; 100];
        while let Ok((_, from)) = datagrams.recv_from(&mut space) {
            let _ = datagrams.send_to_addr(b"pong", &from);
        }
    });
    let made = outcomes(&[
        format!("failed unixsocket {} protocol ssh", at("stream")),
        format!("failed unixsocket {} type udp send ping expect pong", at("datagrams")),
        format!("failed unixsocket {}", at("nowhere")),
        format!("failed unixsocket {} type udp", at("stream")),
    ]);
    assert_eq!(made[0].outcome, Outcome::Succeeded, "{:?}", made[0]);
    assert_eq!(made[0].at, at("stream"));
    assert_eq!(made[1].outcome, Outcome::Succeeded, "{:?}", made[1]);
    assert_eq!(failed(&made[2]), "No such file or directory");
    assert_eq!(failed(&made[3]), "Protocol wrong type for socket");
}

#[test]
fn a_process_is_asked_when_it_is_older_than_its_start_may_take() {
    let right = server("");
    let service = load(&format!(
        "services:\n- process: p\n  pidfile: /run/p.pid\n  start: {{ program: /bin/true, timeout: 60s }}\n  \
         rules:\n  - {{ if: 'failed host 127.0.0.1 port {right}', then: alert }}\n"
    ));
    let ticks = boot_now().0 / NANOSECONDS_PER_TICK;
    let born = |ago: u64| Some(ProcessKey { pid: 1, start: ticks.saturating_sub(ago * 100) });
    assert_eq!(run(observe(&service, born(5))), []);
    // A host that was booted less than two minutes ago has no such process.
    if boot_now().0 > Duration::from_secs(120).as_nanos() as u64 {
        assert_eq!(run(observe(&service, born(100))).len(), 1);
    }
    let process = service.process().expect("a process");
    let main = ProcessKey { pid: 1, start: 1000 };
    assert!(is_starting(process, main, BootTime::from_secs(70)));
    assert!(!is_starting(process, main, BootTime::from_secs(71)));
}

#[test]
fn pings_of_loopback() {
    let made = outcomes(&[
        "failed ping".to_owned(),
        "failed ping4 count 1 size 1492".to_owned(),
        "failed ping6".to_owned(),
        "failed ping address 127.0.0.5 size 9".to_owned(),
    ]);
    let refused = ["Operation not permitted", "Permission denied"];
    if !rustix::process::geteuid().is_root()
        && matches!(&made[0].outcome, Outcome::Failed(why) if refused.contains(&why.as_str()))
    {
        eprintln!("SKIPPED: this user may not ping");
        return;
    }
    for place in [0, 1, 3] {
        assert_eq!(made[place].outcome, Outcome::Succeeded, "{:?}", made[place]);
        assert!(made[place].seconds.is_some_and(|seconds| seconds > 0.0), "{:?}", made[place]);
    }
    assert_eq!(failed(&made[2]), "the name has no address of this kind");
    // Where loopback has IPv6.
    if TcpListener::bind("[::1]:0").is_ok() {
        let rules = "  rules:\n  - { if: failed ping6 size 1000, then: alert }\n";
        let service = load(&format!("services:\n- host: h\n  address: ::1\n{rules}"));
        let made = run(observe(&service, None));
        assert_eq!(made[0].outcome, Outcome::Succeeded, "{:?}", made[0]);
    }
}
