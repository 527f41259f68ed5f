//! The web front against a fake daemon: logins, gates, limits.

use std::net::TcpStream;

use crate::fake::{Daemon, apache, system};
use crate::served::{ANN, Served, WRONG, code, settings};
use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::web::Settings;
use ebpf_watchdog::web::answer::Front;

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
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(5000));
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
    // Ten, and one more each twelve seconds, however long this takes here.
    let begun = boot_now();
    let refused: Vec<u16> = (0..30).map(|_| served.get("/", WRONG).0).collect();
    let looked_at = refused.iter().filter(|status| **status == 401).count() as u64;
    let more = boot_now().since(begun).as_secs() / 12;
    assert!(looked_at <= 10 + 1 + more, "{refused:?}");
    // Now and then one more may be tried: on a slow machine it is this one, and not the next.
    let told = (0..3).map(|_| served.get("/", WRONG)).find(|(status, _)| *status == 429);
    assert!(told.expect("slowed down").1.contains("retry-after: "));
    assert_eq!(served.get("/", ANN).0, 200);
    assert_eq!(served.get("/healthz", "").0, 200);
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
