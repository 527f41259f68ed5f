//! Sentences about connections: in any order and in Monit's words, printed in one form.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::check::CheckTest;
use crate::check::connection::{
    Connection, Family, Ping, Port, Talk, Test, Tls, TlsVersion, To, Unix,
};
use crate::config::grammar::{Subject, parse, print};
use crate::metric::Operator;
use crate::protocol::generic::{Script, Step};
use crate::protocol::{Carrier, Checksum, Conversation, Http, Protocol, Sip};

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
fn encryption_and_urls() {
    let sum = "b1946ac92492d2347c6235b4d2611184";
    for (text, printed) in [
        ("failed port 443 tls", "failed port 443 tls"),
        ("failed port 443 type tcpssl", "failed port 443 tls"),
        ("failed port 443 using ssl protocol http", "failed port 443 tls protocol http"),
        (
            "failed port 443 type tcpssl protocol http with options { verify: false }",
            "failed port 443 tls with options { verify: false } protocol http",
        ),
        (
            "failed port 443 protocol https using options { name: a.b } timeout 3 s",
            "failed port 443 tls with options { name: \"a.b\" } protocol https timeout 3s",
        ),
        (
            "failed port 443 ssl with options {verify: disable} for 2 cycles",
            "failed port 443 tls with options { verify: false } for 2 cycles",
        ),
        (
            "failed port 443 tls with options { verify: enable, ca_file: '/etc/x y.pem' name: a.b }",
            "failed port 443 tls with options { ca_file: \"/etc/x y.pem\", name: \"a.b\" }",
        ),
        (
            "failed port 443 tls with options {version: TLSv13, selfsigned: allow, clientpemfile: /etc/a.pem}",
            "failed port 443 tls with options { self_signed: allow, version: tlsv13, client_cert: \"/etc/a.pem\" }",
        ),
        (
            "failed port 443 ssl with options {version: auto; cacertificatepath: '/etc/ssl/own'; verify: enable}",
            "failed port 443 tls with options { ca_path: \"/etc/ssl/own\" }",
        ),
        (
            "failed port 443 protocol https and certificate valid > 30 days",
            "failed port 443 protocol https certificate valid > 30 days",
        ),
        (
            "failed port 993 protocol imaps with certificate valid for 1 day timeout 9 s",
            "failed port 993 protocol imaps timeout 9s certificate valid > 1 days",
        ),
        (
            &format!("failed port 443 protocol https and certificate checksum MD5 = \"{sum}\""),
            &format!("failed port 443 certificate checksum {sum} protocol https"),
        ),
        (
            "failed url http://127.0.0.1:8080/x?y=1 and content != \"bad\" timeout 9 seconds",
            "failed host \"127.0.0.1\" port 8080 protocol http request \"/x?y=1\" content != \"bad\" timeout 9s",
        ),
        (
            "succeeded url https://[::1]/",
            "succeeded host \"::1\" port 443 protocol https request \"/\"",
        ),
    ] {
        assert_eq!(normal(text), printed, "{text}");
    }
    for (text, words) in [
        ("failed port 80 certificate valid > 30 days", "without TLS has no certificate"),
        ("failed port 80 tls certificate valid < 30 days", "write `>`"),
        ("failed port 80 tls certificate checksum xyz", "this is no checksum"),
        ("failed port 80 type udp tls", "datagrams are not encrypted"),
        ("failed unixsocket /run/a tls", "a Unix socket is not encrypted"),
        ("failed port 80 tls with options { verify: maybe }", "`true` or `false`"),
        ("failed port 80 protocol http with options { verify: false }", "asks for none"),
        (
            "failed port 80 tls with options { verify: false } protocol http with options { name: a }",
            "a second `with options`",
        ),
        ("failed port 80 tls with options { ciphers: all }", "none here but strong ones"),
        ("failed port 80 tls with options { pemfile: /etc/x }", "is for a server"),
        ("failed port 80 tls with options { version: tlsv11 }", "it can be broken"),
        ("failed port 80 tls with options { version: ssl }", "`tlsv12`, `tlsv13` or `auto`"),
        ("failed port 80 tls with options { self_signed: maybe }", "`allow` or `reject`"),
        ("failed port 80 tls with options { client_key: /etc/x }", "without a `client_cert`"),
        ("failed port 80 tls with options { colour: red }", "`colour` of TLS is not supported"),
        ("failed port 80 tls with options { verify: true", "`}`"),
        ("failed port 80 tls with options { ca_file: x }", "begins with `/`"),
        ("failed url ftp://x/", "begins with `http://` or `https://`"),
        ("failed url http://u:p@x/", "a password does not stand in the configuration"),
        ("failed url x", "this is no URL"),
    ] {
        match parse(text, Subject::Host) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => assert!(error.message.contains(words), "{text}: {error:?}"),
        }
    }
}

#[test]
fn sentences_of_pings() {
    for (text, printed) in [
        ("failed ping", "failed ping"),
        ("failed icmp type echo with timeout 15 seconds", "failed ping timeout 15s"),
        ("failed icmp type echo count 5 with timeout 5 seconds", "failed ping count 5"),
        (
            "succeeded ping6 count 5 size 128 with timeout 10 seconds",
            "succeeded ping6 count 5 size 128 timeout 10s",
        ),
        (
            "failed ping4 responsetime < 100 ms address 10.0.0.1 3 times within 5 cycles",
            "failed ping4 address 10.0.0.1 responsetime < 100ms for 3 times within 5 cycles",
        ),
    ] {
        let sentence = parse(text, Subject::Host).expect(text);
        assert_eq!(print(&sentence.condition, sentence.qualifier), printed, "{text}");
    }
    for text in
        ["failed ping count 21", "failed ping size 7", "failed ping size 1493", "failed icmp"]
    {
        assert!(parse(text, Subject::Host).is_err(), "{text}");
    }
    assert!(parse("failed ping", Subject::Process).is_err());
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

/// Pings are of hosts alone.
pub(super) fn ping_tests() -> Vec<CheckTest> {
    let test = |ping: Ping, succeeded| {
        let to = To::Ping(ping);
        let connection = Arc::new(Connection { to, timeout: Connection::TIMEOUT, retry: 1 });
        CheckTest::Connection(Test { succeeded, connection, response: None, valid_days: None })
    };
    let from = Some([10, 0, 0, 1].into());
    let all = Ping { family: Some(Family::V6), count: 20, size: 8, from };
    vec![test(Ping::default(), true), test(all, false)]
}

/// One of each form, for random conditions.
pub(super) fn connection_tests() -> Vec<CheckTest> {
    let port = |talk| Port {
        host: None,
        number: 80,
        from: None,
        family: None,
        carrier: Carrier::Stream,
        tls: None,
        talk,
    };
    let sip = Conversation::Sip(Sip { target: Some("a@b".into()), max_forward: 5 });
    let sip = Protocol::named("sip").unwrap().with(sip);
    let steps = vec![Step::Expect("^2[0-9]+ \\. '".into()), Step::Send("a\"b\\0xFF\\r\\n".into())];
    let all = [
        To::Port(port(Talk::Nothing)),
        To::Port(port(Talk::Script(Script(steps)))),
        To::Port(Port {
            host: Some("fe80::1%eth0".into()),
            from: Some([10, 0, 0, 1].into()),
            family: Some(Family::V4),
            carrier: Carrier::Datagram,
            ..port(Talk::Protocol(Protocol::named("ssh").unwrap()))
        }),
        To::Port(Port {
            tls: Some(Tls {
                verify: false,
                ca_file: Some("/etc/a b.pem".into()),
                name: Some("www.example.org".into()),
                checksum: Checksum::parse("b1946ac92492d2347c6235b4d2611184"),
                self_signed: true,
                version: Some(TlsVersion::V13),
                ca_path: Some("/etc/ssl/certs".into()),
                client_cert: Some("/etc/own.pem".into()),
                client_key: Some("/etc/own.key".into()),
            }),
            ..port(Talk::Protocol(Http { request: "/x?y=1".into(), ..Http::PLAIN }.protocol(true)))
        }),
        To::Port(Port { tls: Some(Tls::default()), ..port(Talk::Nothing) }),
        To::Unix(Unix {
            path: PathBuf::from("/run/a b.sock"),
            carrier: Carrier::Datagram,
            talk: Talk::Protocol(sip),
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
            valid_days: (place == 4).then_some(30),
        })
    };
    all.into_iter().enumerate().map(test).collect()
}
