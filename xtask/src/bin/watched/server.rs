//! Servers on loopback, for what is said of connections. They last as long as they are let.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// At a port or a Unix socket: takes every connection and says nothing.
pub(super) fn silent(place: &str) -> std::io::Result<()> {
    if place.starts_with('/') {
        for stream in std::os::unix::net::UnixListener::bind(place)?.incoming() {
            drop(stream?);
        }
        return Ok(());
    }
    for stream in listen(place)?.incoming() {
        drop(stream?);
    }
    Ok(())
}

/// Answers with what stands in a file, whatever it was asked; without the file it takes connections
/// and leaves them alone.
pub(super) fn scripted(port: &str, file: &str) -> std::io::Result<()> {
    for stream in listen(port)?.incoming() {
        let (stream, file) = (stream?, file.to_owned());
        std::thread::spawn(move || {
            // Who asks may be gone already.
            let _gone = answer(stream, &file);
        });
    }
    Ok(())
}

fn answer(mut stream: TcpStream, file: &str) -> std::io::Result<()> {
    let Ok(words) = fs::read(file) else {
        std::thread::sleep(Duration::from_secs(30));
        return Ok(());
    };
    // In some protocols the server speaks first.
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let _asked = stream.read(&mut [0; 4096]);
    stream.write_all(&words)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let _rest = stream.read(&mut [0; 4096]);
    Ok(())
}

/// Whether somebody listens.
pub(super) fn reach(port: &str) -> std::io::Result<()> {
    TcpStream::connect(("127.0.0.1", number(port)?)).map(drop)
}

/// At a UDP port: takes everything and says nothing.
pub(super) fn datagrams(port: &str) -> std::io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", number(port)?))?;
    loop {
        socket.recv(&mut [0; 1500])?;
    }
}

/// Sends so many datagrams of a size over loopback to nobody, twenty a second.
pub(super) fn send(count: &str, size: &str) -> std::io::Result<()> {
    let number = |word: &str| word.parse::<usize>().map_err(std::io::Error::other);
    let (count, size) = (number(count)?, number(size)?);
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    for _ in 0..count {
        // That nobody listens is told to the next sender, of whom nobody wants to know.
        let _refused = socket.send_to(&vec![0; size], ("127.0.0.1", 9));
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn listen(port: &str) -> std::io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", number(port)?))
}

fn number(port: &str) -> std::io::Result<u16> {
    port.parse().map_err(std::io::Error::other)
}
