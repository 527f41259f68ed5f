//! Sentences about connections: in any order and in Monit's words, printed in one form.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::check::CheckTest;
use crate::check::connection::{Connection, Family, Port, Talk, Test, To, Unix};
use crate::config::grammar::{Subject, parse, print};
use crate::metric::Operator;
use crate::protocol::generic::{Script, Step};
use crate::protocol::{Carrier, Protocol};

fn normal(text: &str) -> String {
    let printed = |subject| match parse(text, subject) {
        Ok(sentence) => print(&sentence.condition, sentence.qualifier),
        Err(error) => panic!("{text}: {error:?}"),
    };
    let (host, process) = (printed(Subject::Host), printed(Subject::Process));
    assert_eq!(host, process, "{text}");
    host
}

#[test]
fn sentences_of_connections() {
    for (text, printed) in [
        ("failed port 80", "failed port 80"),
        ("succeeded port 3306 type tcp", "succeeded port 3306"),
        (
            "failed host 192.168.1.1 port 53 type udp for 3 cycles",
            "failed host \"192.168.1.1\" port 53 type udp for 3 cycles",
        ),
        ("failed host [::1] port 22 with proto ssh", "failed host \"::1\" port 22 protocol ssh"),
        ("failed type udp port 9 ipv6", "failed port 9 ipv6 type udp"),
        (
            "failed port 22 protocol ssh with timeout 15 seconds and retry 2",
            "failed port 22 protocol ssh timeout 15s retry 2",
        ),
        ("failed port 22 timeout 5 seconds retry 1", "failed port 22"),
        ("failed port 22 protocol default", "failed port 22"),
        (
            "failed port 22 address 10.0.0.1 responsetime < 200 ms timeout 1500 ms",
            "failed port 22 address 10.0.0.1 timeout 1500ms responsetime < 200ms",
        ),
        (
            r#"failed port 25 and expect "^220.*" send "QUIT\r\n" expect '^221 "bye"' for 2 cycles"#,
            r#"failed port 25 expect "^220.*" send "QUIT\r\n" expect '^221 "bye"' for 2 cycles"#,
        ),
        ("failed unixsocket /run/a.sock", "failed unixsocket \"/run/a.sock\""),
        ("failed unix /run/a.sock type udp", "failed unixsocket \"/run/a.sock\" type udp"),
        (
            "failed port 80 and failed port 81 or not succeeded port 82",
            "failed port 80 and failed port 81 or not succeeded port 82",
        ),
        ("failed port 80 3 times within 5 cycles", "failed port 80 for 3 times within 5 cycles"),
    ] {
        assert_eq!(normal(text), printed, "{text}");
    }
}

#[test]
fn a_connection_and_a_level_make_one_condition() {
    let text = "failed port 80 protocol ssh and cpu > 80% for 2 cycles";
    let sentence = parse(text, Subject::Process).expect("a sentence");
    assert_eq!(print(&sentence.condition, sentence.qualifier), text);
}

#[test]
fn what_is_no_connection() {
    for (text, words) in [
        ("failed port", "a port is missing"),
        ("failed port 0", "a port from 1 to 65535"),
        ("failed port 65536", "a port from 1 to 65535"),
        ("failed port 1.5", "a port from 1 to 65535"),
        ("failed port http", "expected a port"),
        ("failed host x", "`port` and its number"),
        ("failed host a/b port 80", "no name and no address"),
        ("failed port 80 type sctp", "expected `tcp` or `udp`"),
        ("failed port 80 port 81", "a second `port`"),
        ("failed port 80 protocol ssh send x", "a second `send`"),
        ("failed port 80 protocol htp", "unknown protocol `htp`"),
        ("failed port 80 expect \"(\"", "this is no pattern"),
        ("failed port 80 timeout 2 hours", "longer than an hour"),
        ("failed port 80 timeout 5", "a unit of time"),
        ("failed port 80 retry 0", "a number of attempts from 1 to 100"),
        ("failed port 80 address here", "`here` is no address"),
        ("failed port 80 responsetime 5 seconds", "an operator"),
        ("failed unixsocket run/a", "an absolute path"),
        ("failed unixsocket /run/a port 80", "a Unix socket has no host and no port"),
        ("failed port 80 then", "does not belong here"),
    ] {
        match parse(text, Subject::Host) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => assert!(error.message.contains(words), "{text}: {error:?}"),
        }
    }
}

#[test]
fn a_limit_that_wants_slow_answers_is_doubted() {
    let sentence = parse("failed port 80 responsetime > 5 s", Subject::Host).expect("a sentence");
    assert!(sentence.doubts[0].message.contains("sooner"), "{:?}", sentence.doubts);
}

/// One of each form, for random conditions.
pub(super) fn connection_tests() -> Vec<CheckTest> {
    let port = |talk| Port {
        host: None,
        number: 80,
        from: None,
        family: None,
        carrier: Carrier::Stream,
        talk,
    };
    let steps = vec![Step::Expect("^2[0-9]+ \\. '".into()), Step::Send("a\"b\\0xFF\\r\\n".into())];
    let all = [
        To::Port(port(Talk::Nothing)),
        To::Port(port(Talk::Script(Script(steps)))),
        To::Port(Port {
            host: Some("fe80::1%eth0".into()),
            from: Some([10, 0, 0, 1].into()),
            family: Some(Family::V4),
            carrier: Carrier::Datagram,
            ..port(Talk::Protocol(Protocol::Ssh))
        }),
        To::Unix(Unix {
            path: PathBuf::from("/run/a b.sock"),
            carrier: Carrier::Datagram,
            talk: Talk::Protocol(Protocol::Sip { target: Some("a@b".into()), max_forward: 5 }),
        }),
    ];
    let test = |(place, to): (usize, To)| {
        let more = u32::try_from(place).expect("few");
        let connection = Connection {
            to,
            timeout: Connection::TIMEOUT + Duration::from_millis(100) * more,
            retry: 1 + more,
        };
        let response = (place % 2 == 1).then_some((Operator::Less, Duration::from_millis(1500)));
        CheckTest::Connection(Test {
            succeeded: place % 2 == 0,
            connection: Arc::new(connection),
            response,
        })
    };
    all.into_iter().enumerate().map(test).collect()
}
