//! HTTP.

use super::{Example, Step, hears, says, talk, verdict};
use crate::metric::Operator;
use crate::protocol::{Checksum, Http, Pattern};

fn answer(text: &str) -> Vec<Step> {
    vec![hears("\r\n\r\n"), says(text)]
}

pub(super) fn examples() -> Vec<Example> {
    let content = Http { content: vec![(true, Pattern::new("w.rld").unwrap())], ..Http::PLAIN };
    [
        (Http::PLAIN, "HTTP/1.1 204 No Content\r\n\r\n"),
        (content.clone(), "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"),
        (
            content,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
        ),
    ]
    .into_iter()
    .map(|(http, text)| Example::new(http.protocol(false), answer(text)))
    .collect()
}

#[test]
fn judges_status_content_and_checksum() {
    let content = |wanted| Http {
        content: vec![(wanted, Pattern::new("^hello w.rld$").unwrap())],
        ..Http::PLAIN
    };
    let sum = |text| Http { checksum: Checksum::parse(text), ..Http::PLAIN };
    let status = |operator, status| Http { status: Some((operator, status)), ..Http::PLAIN };
    let head = Http { head: true, ..Http::PLAIN };
    let hello = "HTTP/1.0 200 OK\r\n\r\nhello world";
    for (http, text, wanted) in [
        (Http::PLAIN, "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "ok"),
        (Http::PLAIN, "HTTP/1.1 404 Not Found\r\n\r\n", "HTTP error: Server returned status 404"),
        (Http::PLAIN, "HTTP/1.1 503 No\r\n\r\n", "HTTP error: Server returned status 503"),
        (status(Operator::Equal, 401), "HTTP/1.1 401 Who\r\n\r\n", "ok"),
        (status(Operator::Equal, 401), hello, "HTTP error: Server returned status 200"),
        (status(Operator::GreaterOrEqual, 500), "HTTP/1.1 500 Oh\r\n\r\n", "ok"),
        (head, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "ok"),
        (content(true), hello, "ok"),
        (content(false), hello, "HTTP error: Regular expression matches: \"^hello w.rld$\""),
        (
            content(true),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbye",
            "HTTP error: Regular expression doesn't match: \"^hello w.rld$\"",
        ),
        (content(true), "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nbye", "the server hung up"),
        (sum("5eb63bbbe01eeed093cb22bb8f5acdc3"), hello, "ok"),
        (sum("2AAE6C35C94FCFB415DBE95F408B9CE91EE846ED"), hello, "ok"),
        (sum("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"), hello, "ok"),
        (
            sum("00000000000000000000000000000000"),
            hello,
            "HTTP error: Document checksum mismatch, got 5eb63bbbe01eeed093cb22bb8f5acdc3",
        ),
        (Http::PLAIN, "", "the server hung up"),
        (Http::PLAIN, "HTTP/1.1 20", "the server hung up"),
    ] {
        assert_eq!(verdict(&http.protocol(false), &answer(text)), wanted, "{text}");
    }
    let ssh = verdict(&Http::PLAIN.protocol(false), &answer("SSH-2.0-OpenSSH_9.2\r\n"));
    assert!(ssh.starts_with("HTTP error: Cannot parse HTTP status"), "{ssh}");
}

#[test]
fn a_body_is_read_up_to_a_megabyte() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let long = format!("{head}{}needle", "x".repeat(1 << 20));
    let needle = Http { content: vec![(true, Pattern::new("needle").unwrap())], ..Http::PLAIN };
    let told = verdict(&needle.clone().protocol(false), &answer(&long));
    assert_eq!(told, "HTTP error: Regular expression doesn't match: \"needle\"");
    let within = format!("{head}{}needle", "x".repeat((1 << 20) - 6));
    assert_eq!(verdict(&needle.protocol(false), &answer(&within)), "ok");
    let sum = Http { checksum: Checksum::parse(&"0".repeat(32)), ..Http::PLAIN };
    let told = verdict(&sum.protocol(false), &answer(&long));
    assert_eq!(told, "HTTP error: the body is over 1 MB, too much for a checksum");
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let told = verdict(&Http::PLAIN.protocol(false), &answer(&endless));
    assert!(told.starts_with("HTTP error: Cannot parse HTTP status"), "{told}");
}

#[test]
fn asks_as_configured() {
    let http = Http {
        request: "/a?b=c".to_owned(),
        username: Some("ann".to_owned()),
        headers: vec![("X-Probe".to_owned(), "1".to_owned())],
        ..Http::PLAIN
    };
    let mut example = Example::new(http.protocol(false), answer("HTTP/1.1 200 OK\r\n\r\n"));
    example.peer.port = 8080;
    let (judged, heard) = talk(&example.protocol, &example.peer, &example.steps);
    assert_eq!(judged, Ok(()));
    let heard = String::from_utf8(heard).unwrap().to_ascii_lowercase();
    for line in [
        "get /a?b=c http/1.1\r\n",
        "\r\nhost: server.example:8080\r\n",
        "\r\nauthorization: basic yw5uonnly3jlda==\r\n",
        "\r\nx-probe: 1\r\n",
        "\r\nconnection: close\r\n",
    ] {
        assert!(heard.contains(line), "{line} in {heard}");
    }
}
