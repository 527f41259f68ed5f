//! Protocols in sentences.

use super::{Parser, SentenceError};
use crate::config::grammar::{Subject, token};
use crate::protocol::Protocol;

/// The protocol, and what is left of the sentence.
fn read(text: &str) -> Result<(Protocol, String), SentenceError> {
    let tokens = token::tokens(text)?;
    let doubts = Vec::new();
    let (subject, raw) = (Subject::Host, Vec::new());
    let timeout = std::time::Duration::ZERO;
    let mut parser = Parser { text, tokens, at: 0, subject, depth: 0, timeout, doubts, raw };
    let protocol = parser.protocol()?;
    if let Some(error) = parser.stray(parser.behind()) {
        return Err(error);
    }
    let rest = parser.peek().map_or("", |token| &text[token.span.start..]);
    Ok((protocol, rest.to_owned()))
}

/// Reads it, and reads it again as printed.
fn normal(text: &str) -> String {
    let (protocol, rest) = read(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let printed = protocol.to_string();
    assert_eq!(read(&printed).unwrap(), (protocol, String::new()), "{text}");
    format!("{printed} | {rest}")
}

#[test]
fn what_is_printed_is_read_back() {
    for example in crate::protocol::tests::examples() {
        let printed = example.protocol.to_string();
        assert_eq!(read(&printed), Ok((example.protocol, String::new())), "{printed}");
    }
    for definition in Protocol::all() {
        let read = read(definition.name);
        assert_eq!(read, Ok((Protocol::plain(definition), String::new())), "{}", definition.name);
    }
}

#[test]
fn options_are_in_one_form() {
    for (text, printed) in [
        ("HTTP", "http | "),
        ("ssh responsetime > 2 s", "ssh | responsetime > 2 s"),
        ("http for 3 cycles", "http | for 3 cycles"),
        (
            "https request /a?b=c with status = 401 and content = \"x y\" timeout 5 s",
            "https request \"/a?b=c\" status = 401 content = \"x y\" | timeout 5 s",
        ),
        (
            r#"http with http headers [Host: example.org, Accept: "a, b"] and request '/_status'"#,
            r#"http request "/_status" headers [Host: "example.org", Accept: "a, b"] | "#,
        ),
        (
            "http method HEAD status < 500 hostheader www.example.org",
            "http method HEAD hostheader \"www.example.org\" status < 500 | ",
        ),
        (
            "http username ann password file /etc/probe checksum 00000000000000000000000000000000",
            "http username \"ann\" password file \"/etc/probe\" checksum 00000000000000000000000000000000 | ",
        ),
        (
            "mysql username ann and password file /etc/p responsetime < 1 s",
            "mysql username \"ann\" password file \"/etc/p\" | responsetime < 1 s",
        ),
        ("mqtt", "mqtt | "),
        ("pgsql database shop username ann", "pgsql username \"ann\" database \"shop\" | "),
        ("radius secret file /etc/s", "radius secret file \"/etc/s\" | "),
        (
            "websocket host a.example origin http://a.example request chat version 13",
            "websocket request \"/chat\" host \"a.example\" origin \"http://a.example\" | ",
        ),
        (
            "apache-status loglimit > 10% or dnslimit > 50 or waitlimit < 20% or exists",
            "apache-status loglimit > 10% dnslimit > 50% waitlimit < 20% | or exists",
        ),
        (
            "apache-status path /s?auto with username ann with password file /etc/p",
            "apache-status request \"/s?auto\" username \"ann\" password file \"/etc/p\" | ",
        ),
        ("SMTP", "smtp | "),
        (
            "sip maxforward 6 target \"sip:bob@pbx.example\"",
            "sip target bob@pbx.example maxforward 6 | ",
        ),
        ("sip maxforward 70", "sip | "),
        ("sip with target a@b.example and maxforward 6", "sip target a@b.example maxforward 6 | "),
        (
            "smtp with username ann and password file /etc/p",
            "smtp username \"ann\" password file \"/etc/p\" | ",
        ),
        ("sip target [2001:db8::1]", "sip target [2001:db8::1] | "),
        (
            "smtps username bob password file '/etc/my secret'",
            "smtps username \"bob\" password file \"/etc/my secret\" | ",
        ),
        (r#"http content != '\d "a"'"#, r#"http content != '\d "a"' | "#),
    ] {
        assert_eq!(normal(text), printed, "{text}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (text, reason) in [
        ("htp", "unknown protocol `htp`"),
        ("", "the condition ends here, but a protocol such as `http` is missing"),
        ("http status = 1000", "expected a whole number up to 999, found `1000`"),
        ("http method post", "expected GET or HEAD, found `post`"),
        ("http content = \"(\"", "not a pattern"),
        ("http content > 3", "a content is compared by `=` or `!=`"),
        ("http checksum 12", "this is no checksum"),
        ("http password secret", "a password does not stand in the configuration"),
        ("http username ann", "`username` and `password file` belong together"),
        ("http method head content = x", "the answer to HEAD has no content"),
        ("http request \"/a b\"", "the path is not allowed in HTTP"),
        ("http headers [A B: c]", "the header `A B` is not allowed in HTTP"),
        ("http headers [A: c", "the condition ends here, but `,` or `]` is missing"),
        ("mysql password file /etc/p", "a `password` without a `username` before it"),
        ("mysql username ann password p", "a password does not stand in the configuration"),
        ("radius secret testing123", "a password does not stand in the configuration"),
        ("apache-status waitlimit > 101%", "expected a whole number up to 100"),
        ("apache-status username ann", "belong together"),
        ("websocket origin \"a\u{7f}\"", "this is not an origin"),
        ("smpt", "unknown protocol `smpt`"),
        ("sip target", "the condition ends here, but an address"),
        ("sip target \"a b\"", "expected an address"),
        ("sip target \"a\r\nb\"", "expected an address"),
        ("sip maxforward 256", "expected a whole number up to 255"),
        ("smtp username bob", "but `password file /path` is missing"),
        ("smtp username bob password secret", "a password does not stand in the configuration"),
        ("smtp username bob password file secret", "the path of a password's file begins with `/`"),
        ("smtp username \"bo\nb\" password file /s", "this is not a user"),
        (r#"http content = 'a\"\'b'"#, "this is not a pattern"),
        ("http request x\\", "this is not a path"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.message.contains(reason), "{text}: {}", error.message);
    }
}
