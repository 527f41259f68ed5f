//! Slow clients, on paused time: each is cut off at its limit, none holds anything for ever.

use std::time::Duration;

use ebpf_watchdog::status::connection::{HEAD_WAIT, WRITE_WAIT, converse};
use ebpf_watchdog::status::problem;
use hyper::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// A served connection; the daemon never stops, answers are `size` bytes long.
fn served(size: usize) -> (DuplexStream, tokio::task::JoinHandle<hyper::Result<()>>) {
    let (ours, theirs) = tokio::io::duplex(1024);
    let connection = tokio::spawn(async move {
        let (_keep, stop) = watch::channel(false);
        converse(theirs, Some(HEAD_WAIT), stop, |_| async move {
            problem::answer(StatusCode::OK, "text/plain", vec![b'x'; size])
        })
        .await
    });
    (ours, connection)
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_is_cut_off() {
    let (mut client, connection) = served(1);
    let begun = Instant::now();
    let trickle = async {
        for byte in b"GET / HTTP/1.1\r\nX: ".iter().cycle() {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        ended = connection => assert!(ended.expect("no panic").is_err()),
    }
    assert!(begun.elapsed() <= HEAD_WAIT + Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_cut_off() {
    let (mut client, connection) = served(1);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("written");
    let mut answer = [0; 15];
    client.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let begun = Instant::now();
    let _ = connection.await.expect("no panic");
    assert_eq!(begun.elapsed(), HEAD_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let (mut client, connection) = served(1 << 20);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("written");
    let begun = Instant::now();
    assert!(connection.await.expect("no panic").is_err());
    assert_eq!(begun.elapsed(), WRITE_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_a_little_now_and_then_is_served() {
    let (mut client, connection) = served(8 * 1024);
    client.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await.expect("written");
    let mut got = 0;
    let mut part = [0; 512];
    loop {
        sleep(WRITE_WAIT / 2).await;
        match client.read(&mut part).await.expect("readable") {
            0 => break,
            count => got += count,
        }
    }
    assert!(got > 8 * 1024);
    connection.await.expect("no panic").expect("an orderly end");
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_ends_closes_idle_connections_at_once() {
    let (_client, theirs) = tokio::io::duplex(1024);
    let (stop, stopped) = watch::channel(false);
    let connection = tokio::spawn(converse(theirs, None, stopped, |_| async {
        problem::answer(StatusCode::OK, "text/plain", "x")
    }));
    tokio::task::yield_now().await;
    stop.send_replace(true);
    connection.await.expect("no panic").expect("an orderly end");
}
