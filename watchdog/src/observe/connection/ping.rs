//! Echo requests (RFC 792 for IPv4, RFC 4443 for IPv6) over a raw socket, or where that is not allowed
//! over the kernel's own kind of datagrams for it.
//!
//! A reply counts if it comes from the address, with our identifier, the number of a request of ours
//! and its whole content, which nobody can guess.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{
    AddressFamily, Protocol, SocketFlags, SocketType, bind, connect, ipproto, socket_with,
};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::attempt::Took;
use super::{Progress, Stage, Trouble, open};
use crate::check::connection::Ping;
use crate::clock::{BootTime, boot_now};

/// Header of a request or a reply.
const HEADER: usize = 8;
/// Header and content of the longest request, and a header of IPv4 with options before it.
const LARGEST: usize = 60 + HEADER + 1492;

/// The first address that replies; each gets its share of the time.
pub(super) async fn any_address(
    ping: &Ping,
    host: &str,
    end: BootTime,
    progress: &Progress,
) -> Result<Took, Trouble> {
    progress.reached(Stage::Name);
    let mut addresses = open::resolve(host, 0, progress).await?;
    progress.reached(Stage::Echo);
    let fits = |address: IpAddr| {
        let family = ping.family.is_none_or(|family| family.has(address));
        family && ping.from.is_none_or(|from| from.is_ipv4() == address.is_ipv4())
    };
    addresses.retain(|address| fits(address.ip()));
    let mut worst = Trouble::Theirs("the name has no address of this kind".to_owned());
    for (done, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - done).unwrap_or(u32::MAX);
        match echo(*address, ping, end.since(boot_now()) / left).await {
            Ok(took) => return Ok(Some(took.as_secs_f64())),
            Err(trouble) => worst = trouble,
        }
    }
    Err(worst)
}

/// Asks up to `count` times within the time, until one request is answered.
async fn echo(to: SocketAddr, ping: &Ping, time: Duration) -> Result<Duration, Trouble> {
    let (socket, raw) = socket(to, ping.from).map_err(|error| Trouble::of(&error))?;
    // The runtime's own type for any connected socket of packets.
    let socket = UdpSocket::from_std(socket.into()).map_err(|error| Trouble::of(&error))?;
    let random = RandomState::new();
    let id = u16::try_from(random.hash_one("id") & 0xffff).unwrap_or_default();
    let size = usize::try_from(ping.size).unwrap_or(HEADER);
    let end = boot_now() + time;
    let mut requests: Vec<Request> = Vec::new();
    let mut trouble = None;
    for number in 0..u16::try_from(ping.count.max(1)).unwrap_or(1) {
        let mut content = Vec::with_capacity(size + HEADER);
        let mut hasher = random.build_hasher();
        while content.len() < size {
            hasher.write_u16(number);
            content.extend(hasher.finish().to_be_bytes());
        }
        content.truncate(size);
        let request = Request { number, content, sent: boot_now() };
        let packet = packet(to.ip(), id, &request);
        let sent = socket.send(&packet).await;
        requests.push(request);
        match sent {
            Ok(_) => {}
            // An error of the socket may be the answer to the request before.
            Err(error) => {
                trouble = Some(Trouble::of(&error));
            }
        }
        let left = u32::from(u16::try_from(ping.count).unwrap_or(1).saturating_sub(number).max(1));
        let patience = end.since(boot_now()) / left;
        let known = if raw { Some(id) } else { None };
        match timeout(patience, reply(&socket, to.ip(), known, &requests)).await {
            Ok(Ok(took)) => return Ok(took),
            Ok(Err(error)) => trouble = Some(Trouble::of(&error)),
            Err(_) => {}
        }
    }
    let silence = || match requests.len() {
        1 => Trouble::Theirs("no reply to a request".to_owned()),
        many => Trouble::Theirs(format!("no reply to {many} requests")),
    };
    Err(trouble.unwrap_or_else(silence))
}

/// A request that may still be answered.
struct Request {
    number: u16,
    content: Vec<u8>,
    sent: BootTime,
}

/// Reads until a reply to one of the requests comes.
async fn reply(
    socket: &UdpSocket,
    from: IpAddr,
    id: Option<u16>,
    requests: &[Request],
) -> io::Result<Duration> {
    loop {
        let mut space = [0; LARGEST];
        let read = socket.recv(&mut space).await?;
        let packet = space.get(..read).unwrap_or_default();
        let Some((own, number, content)) = parts(packet, from, id.is_some()) else { continue };
        let answered = requests
            .iter()
            .find(|request| request.number == number && request.content == content)
            .filter(|_| id.is_none_or(|id| id == own));
        if let Some(request) = answered {
            return Ok(boot_now().since(request.sent));
        }
    }
}

/// Identifier, number and content of an echo reply.
fn parts(packet: &[u8], from: IpAddr, raw: bool) -> Option<(u16, u16, &[u8])> {
    let (packet, kind) = match from {
        // Raw sockets of IPv4 give the header before it, whose length stands in its first byte.
        IpAddr::V4(_) if raw => {
            (packet.get(usize::from(packet.first()? & 15) * 4..)?, ECHO_REPLY_V4)
        }
        IpAddr::V4(_) => (packet, ECHO_REPLY_V4),
        IpAddr::V6(_) => (packet, ECHO_REPLY_V6),
    };
    let (header, content) = packet.split_at_checked(HEADER)?;
    let &[own, code, _, _, a, b, c, d] = header else { return None };
    let found = own == kind && code == 0;
    found.then_some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), content))
}

const ECHO_V4: u8 = 8;
const ECHO_REPLY_V4: u8 = 0;
const ECHO_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

fn packet(to: IpAddr, id: u16, request: &Request) -> Vec<u8> {
    let kind = if to.is_ipv4() { ECHO_V4 } else { ECHO_V6 };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(id.to_be_bytes());
    packet.extend(request.number.to_be_bytes());
    packet.extend(&request.content);
    if to.is_ipv4() {
        // Of IPv6 the kernel makes it: it is over addresses that only it knows.
        let sum = checksum(&packet).to_be_bytes();
        packet.splice(2..4, sum);
    }
    packet
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| {
        let high = pair.first().copied().unwrap_or_default();
        let low = pair.get(1).copied().unwrap_or_default();
        u32::from(u16::from_be_bytes([high, low]))
    };
    // At most some 800 words: it cannot overflow.
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// Connected, so that others' packets are not given to us; whether it is a raw one.
fn socket(to: SocketAddr, from: Option<IpAddr>) -> io::Result<(OwnedFd, bool)> {
    let (family, protocol): (AddressFamily, Protocol) = match to {
        SocketAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        SocketAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let open = |kind| socket_with(family, kind, flags, Some(protocol));
    let (socket, raw) = match open(SocketType::RAW) {
        Ok(socket) => (socket, true),
        Err(_) => (open(SocketType::DGRAM)?, false),
    };
    if let Some(from) = from {
        bind(&socket, &SocketAddr::new(from, 0))?;
    }
    connect(&socket, &to)?;
    Ok((socket, raw))
}
