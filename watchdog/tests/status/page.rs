//! The page against a fake daemon: hostile texts, text browsers, a stalled core, thousands of services.

use std::process::Command;
use std::time::Duration;

use crate::fake::{Daemon, apache, named, system};
use crate::served::{ANN, Served, settings};
use ebpf_watchdog::message::{RuleStatus, ServiceView, Status};
use ebpf_watchdog::web::answer::Front;
use tokio::net::UnixStream;

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
        advice: None,
        rules: vec![ebpf_watchdog::message::RuleView {
            text: (*text).to_owned(),
            title: "Resource limit matched",
            name: None,
            state: RuleStatus::Failing,
            failing_cycles: 3,
            then: "restart".into(),
            actions: vec!["restart", "exec"],
            description: Some((*text).to_owned()),
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
                advice: None,
                rules: vec![ebpf_watchdog::message::RuleView {
                    text: "x".into(),
                    title: "Resource limit matched",
                    name: None,
                    state: RuleStatus::Failing,
                    failing_cycles: 3,
                    then: "restart".into(),
                    actions: vec!["restart", "exec"],
                    description: Some("x".into()),
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
        advice: None,
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
fn thousands_of_services_come_in_pages_and_what_fails_first() {
    let mut services: Vec<ServiceView> =
        (0..230).map(|n| named(&format!("service{n:03}."), Status::Ok)).collect();
    services[229].status = Status::Failing;
    services[228].status = Status::Unmonitored;
    services.push(system());
    let daemon = Daemon::start(services);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    let page = |target: &str| {
        let (code, text) = served.get(target, ANN);
        assert_eq!(code, 200, "{target}");
        // With its groups behind it.
        let position = |name: &str| {
            let row = format!(r#"scope="row">{name}"#);
            ["<", " <"].iter().find_map(|end| text.find(&format!("{row}{end}")))
        };
        let shown: Vec<bool> = [
            "web1",
            "service229.",
            "service000.",
            "service097.",
            "service098.",
            "service197.",
            "service198.",
            "service228.",
        ]
        .map(|name| position(name).is_some())
        .to_vec();
        let failing_first = position("service229.") < position("service000.");
        let links = (
            text.contains(r#"<a rel="prev" href="/?page="#),
            text.contains(r#"<a rel="next" href="/?page="#),
        );
        assert!(text.contains("<strong class=\"bad\">1 failing.</strong> 229 up, 0 initialising, 1 unmonitored: 231 services."));
        (shown, failing_first, links)
    };
    let [yes, no] = [true, false];
    for target in ["/", "/?page=1", "/?page=0"] {
        let first = page(target);
        assert_eq!(first.0, [yes, yes, yes, yes, no, no, no, no], "{target}");
        assert!(first.1, "what fails stands before the rest");
        assert_eq!(first.2, (no, yes), "{target}");
    }
    let second = page("/?page=2");
    assert_eq!((second.0, second.2), (vec![no, no, no, no, yes, yes, no, no], (yes, yes)));
    for target in ["/?page=3", "/?page=4", "/?page=99999999999"] {
        let last = page(target);
        assert_eq!(last.0, [no, no, no, no, no, no, yes, yes], "{target}");
        assert_eq!(last.2, (yes, no), "{target}");
    }
    for target in ["/?page=", "/?page=x", "/?page=-1", "/?page=99999999999999999999999"] {
        assert_eq!(served.get(target, ANN).0, 404, "{target}");
    }
    // The document that other programs read is whole.
    let (_, text) = served.get("/api/v1/status", ANN);
    assert_eq!(text.matches(r#""kind":"#).count(), 231);
    assert!(!text.contains(r#""totals""#));
}

#[test]
fn few_services_have_no_pages() {
    let daemon = Daemon::start(vec![system(), apache()]);
    let served = Served::start(&daemon.core, &settings("127.0.0.1:0"));
    assert!(!served.get("/", ANN).1.contains("page="));
}
