//! MQTT, LDAP, WebSocket, DWP, gpsd, and Apache's page of states.

use super::{Example, Step, hears, replies, says, verdict};
use crate::metric::Operator;
use crate::protocol::scripted::named;
use crate::protocol::{ApacheStatus, Conversation, Http, Login, Websocket, WorkerLimit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn mqtt(login: bool, answer: &[u8]) -> Example {
    let ann = Login { username: "ann".to_owned(), password: Some("/etc/p".into()) };
    let (heard, login) = if login {
        ("\0\x03ann\0\x06secret", Some(ann))
    } else {
        ("\x10\x21\0\x04MQTT\x04\x02\0\x3c\0\x15watchdog-", None)
    };
    Example::new(
        named("mqtt").with_login(login),
        vec![hears(heard), says(answer), hears([0xe0, 0])],
    )
}

fn ldap(protocol: &str, code: u8, text: &str) -> Vec<Step> {
    let more = text.len() as u8;
    let head = [0x30, 12 + more, 2, 1, 1, 0x61, 7 + more, 10, 1, code, 4, 0, 4, more];
    let version = if protocol == "ldap2" { 2 } else { 3 };
    let bind = [0x60, 7, 2, 1, version, 4, 0, 0x80, 0];
    vec![hears(bind), says([&head, text.as_bytes()].concat())]
}

/// The same, with its lengths in four bytes as Active Directory has them.
fn long_ldap() -> Vec<Step> {
    let long = |tag: u8, body: &[u8]| [&[tag, 0x84, 0, 0, 0, body.len() as u8], body].concat();
    let answer = long(0x61, &[10, 1, 0, 4, 0, 4, 0]);
    vec![hears([0x80, 0]), says(long(0x30, &[&[2, 1, 1], answer.as_slice()].concat()))]
}

fn accept(heard: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(heard);
    let key = text.split("Sec-WebSocket-Key: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let sum = crate::protocol::digest::sha1(&[key.as_bytes(), guid.as_bytes()]);
    let sum = STANDARD.encode(sum);
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n";
    format!("{head}sec-websocket-accept: {sum}\r\n\r\n").into_bytes()
}

fn websocket(answer: Step) -> Example {
    let origin = Some("http://a.example".to_owned());
    let options = Websocket { request: "/chat".to_owned(), origin, ..Websocket::PLAIN };
    let asked = "GET /chat HTTP/1.1\r\nHost: server.example\r\n";
    let steps = vec![hears(asked), hears("\r\n\r\n"), answer, hears([0x88, 0x80])];
    Example::new(named("websocket").with(Conversation::Websocket(options)), steps)
}

/// 2 of 8 workers log, 4 wait, and there are open slots.
const BOARD: &str = "HTTP/1.1 200 OK\r\n\r\nTotal Accesses: 3\nScoreboard: __LLWK__....\n";

fn apache(word: &'static str, operator: Operator, percent: u16, page: &str) -> Example {
    let limits = vec![WorkerLimit { word, operator, percent }];
    let steps = vec![hears("GET /server-status?auto HTTP/1.1\r\n"), says(page)];
    let status = Conversation::ApacheStatus(ApacheStatus { http: Http::PLAIN, limits });
    Example::new(named("apache-status").with(status), steps)
}

const GPSD: &str = "{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3}\r\n";

#[test]
fn connections_and_binds_are_accepted_or_not() {
    for (example, wanted) in [
        (mqtt(false, &[0x20, 2, 0, 0]), "ok"),
        (mqtt(true, &[0x20, 2, 0, 0]), "ok"),
        (mqtt(true, &[0x20, 2, 0, 4]), "MQTT: connection refused: user or password (4)"),
        (mqtt(false, b"SSH-"), "MQTT: the answer is no CONNACK"),
        (websocket(replies(accept)), "ok"),
        (
            websocket(says("HTTP/1.1 101 X\r\nSec-WebSocket-Accept: AAAA\r\n\r\n")),
            "WEBSOCKET: the answer is not to our key",
        ),
        (
            websocket(says("HTTP/1.1 400 Bad Request\r\n")),
            "WEBSOCKET: no change of protocol: HTTP/1.1 400 Bad Request",
        ),
        (apache("waitlimit", Operator::Less, 20, BOARD), "ok"),
        (apache("loglimit", Operator::Greater, 25, BOARD), "ok"),
        (
            apache("loglimit", Operator::Greater, 24, BOARD),
            "APACHE-STATUS: 25.0% of the workers [loglimit > 24%]",
        ),
        (
            apache("waitlimit", Operator::Greater, 1, "HTTP/1.1 200 OK\r\n\r\nit works"),
            "APACHE-STATUS: no scoreboard (is the path that of `?auto`?)",
        ),
        (
            apache("waitlimit", Operator::Greater, 1, "HTTP/1.1 403 No\r\n\r\n"),
            "HTTP error: Server returned status 403",
        ),
    ] {
        assert_eq!(example.verdict(), wanted, "{example:?}");
    }
    for (protocol, steps, wanted) in [
        (named("ldap3"), ldap("ldap3", 0, ""), "ok"),
        (named("ldap2"), ldap("ldap2", 0, ""), "ok"),
        (named("ldap3"), long_ldap(), "ok"),
        (
            named("ldap2"),
            ldap("ldap2", 2, "historical"),
            "LDAP: bind refused, result 2: historical",
        ),
        (named("ldap3"), vec![says("HTTP/1.1 400\r\n")], "LDAP: this is no LDAP"),
        (named("gps"), vec![says(GPSD)], "ok"),
        (named("gps"), vec![says("220 hi\r\n")], "GPS: this is no gpsd: 220 hi"),
        (named("dwp"), vec![hears("\r\n\r\n"), says("DWP/1.1 200 OK\r\n")], "ok"),
        (named("dwp"), vec![says("DWP/1.1 500 Oh\r\n")], "DWP: Server returned status 500"),
        (named("dwp"), vec![says("hello\r\n")], "DWP: no status in hello"),
    ] {
        assert_eq!(verdict(&protocol, &steps), wanted, "{protocol:?} {steps:?}");
    }
}

pub(super) fn examples() -> Vec<Example> {
    vec![
        mqtt(true, &[0x20, 2, 0, 0]),
        websocket(replies(accept)),
        apache("waitlimit", Operator::Less, 20, BOARD),
        Example::new(named("ldap2"), ldap("ldap2", 0, "")),
        Example::new(named("ldap3"), long_ldap()),
        Example::new(named("gps"), vec![says(GPSD)]),
        Example::new(named("dwp"), vec![hears("\r\n\r\n"), says("DWP/1.1 200 OK\r\n")]),
    ]
}
