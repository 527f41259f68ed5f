//! Opens one connection: resolves names, connects to an address or a path.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, socket_with,
};
use tokio::net::{TcpSocket, UdpSocket, UnixDatagram, UnixStream};
use tokio::time::sleep;

use super::aside::{FILES, NAMES, aside};
use super::datagram::{Datagrams, Socket};
use super::{Progress, Trouble};
use crate::check::connection::Port;
use crate::protocol::{Carrier, Stream};

/// A server whose queue is full is asked again after this.
const AGAIN: Duration = Duration::from_millis(20);
/// Addresses of a name that are tried; a name with more is an accident or an attack.
const ADDRESSES: usize = 16;

/// All addresses of a name, in the resolver's order.
pub(super) async fn resolve(
    host: &str,
    port: u16,
    progress: &Progress,
) -> Result<Vec<SocketAddr>, Trouble> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let lookup = move || (name.as_str(), port).to_socket_addrs();
    match aside(&NAMES, host, progress, lookup).await? {
        Ok(addresses) => Ok(addresses.take(ADDRESSES).collect()),
        Err(error) => {
            let text = error.to_string();
            // The standard library puts its own words before the resolver's.
            let text = text.rsplit(": ").next().unwrap_or(&text);
            // A ping has no port.
            let port = if port == 0 { String::new() } else { format!(":{port}") };
            Err(Trouble::Theirs(format!("Cannot resolve [{host}]{port} -- {text}")))
        }
    }
}

/// Connects to an address.
pub(super) async fn port(to: SocketAddr, port: &Port) -> Result<Box<dyn Stream>, Trouble> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => IpAddr::from([0; 4]),
        SocketAddr::V6(_) => IpAddr::from([0; 16]),
    };
    let from = SocketAddr::new(port.from.unwrap_or(any), 0);
    let bound = |bound: io::Result<()>| {
        bound.map_err(|error| match Trouble::of(&error) {
            Trouble::Theirs(why) => {
                Trouble::Theirs(format!("Cannot bind to outgoing address -- {why}"))
            }
            ours @ Trouble::Ours(_) => ours,
        })
    };
    match port.carrier {
        Carrier::Stream => {
            let socket = match to {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            };
            let socket = socket.map_err(|error| Trouble::of(&error))?;
            if port.from.is_some() {
                bound(socket.bind(from))?;
            }
            let stream = socket.connect(to).await.map_err(|error| Trouble::of(&error))?;
            Ok(Box::new(stream))
        }
        Carrier::Datagram => {
            let mut socket = None;
            bound(UdpSocket::bind(from).await.map(|own| socket = Some(own)))?;
            let socket = socket.ok_or_else(|| Trouble::Ours("no socket".to_owned()))?;
            socket.connect(to).await.map_err(|error| Trouble::of(&error))?;
            Ok(Box::new(Datagrams::new(Socket::Udp(socket))))
        }
    }
}

/// Connects to a path.
pub(super) async fn socket(
    path: &Path,
    carrier: Carrier,
    progress: &Progress,
) -> Result<Box<dyn Stream>, Trouble> {
    let what = path.to_string_lossy();
    loop {
        let path = path.to_owned();
        let opened = aside(&FILES, &what, progress, move || dial(&path, carrier)).await?;
        let own = match opened {
            Ok(own) => own,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleep(AGAIN).await;
                continue;
            }
            Err(error) => return Err(Trouble::of(&error)),
        };
        let stream: io::Result<Box<dyn Stream>> = match carrier {
            Carrier::Stream => {
                UnixStream::from_std(unix::UnixStream::from(own)).map(|one| Box::new(one) as _)
            }
            Carrier::Datagram => UnixDatagram::from_std(unix::UnixDatagram::from(own))
                .map(|one| Box::new(Datagrams::new(Socket::Unix(one))) as _),
        };
        return stream.map_err(|error| Trouble::of(&error));
    }
}

/// The path may lie on a file system that hangs.
fn dial(path: &PathBuf, carrier: Carrier) -> io::Result<OwnedFd> {
    let kind = match carrier {
        Carrier::Stream => SocketType::STREAM,
        Carrier::Datagram => SocketType::DGRAM,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, kind, flags, None)?;
    if carrier == Carrier::Datagram {
        // A name of its own (`unix(7)`, autobind), or nobody could answer.
        bind(&socket, &SocketAddrUnix::new_unnamed())?;
    }
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}
