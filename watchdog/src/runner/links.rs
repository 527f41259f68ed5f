//! Links that change, told by the kernel over rtnetlink (rtnetlink(7)).
//!
//! A hint only: what is lost here is seen by the look in each cycle. Not here: looking
//! (`observe::network`).

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use crate::check::network::Interface;
use crate::inbox::Inbox;
use crate::message::Input;
use crate::sys::readable::Readable;

/// Links, and addresses of both versions (`RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`).
const GROUPS: u32 = 0x1 | 0x10 | 0x100;
/// The least time between two readings: links that flap cost us no more than this.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes read at once: more than the kernel sends in one message of these groups.
const BUFFER: usize = 32 * 1024;
/// Readings before a pause.
const READINGS: usize = 64;
/// `struct nlmsghdr`, and `struct ifinfomsg` behind it.
const HEADER: usize = 16;
const LINK_INFO: usize = 16;
/// `RTM_NEWLINK`, `RTM_DELLINK`, and the attribute `IFLA_IFNAME`.
const LINK_MESSAGES: [u16; 2] = [16, 17];
const NAME: u16 = 3;

/// Which interfaces stand for which services.
#[derive(Clone)]
pub(super) struct Links {
    /// None where the kernel gives none: the cycle's looks are left then.
    socket: Option<Arc<OwnedFd>>,
    services: Arc<Mutex<HashMap<String, Interface>>>,
}

/// Whom a message is about.
#[derive(Debug, PartialEq, Eq)]
enum About {
    /// The link of this name.
    Link(String),
    /// An address; or something was lost.
    Any,
}

impl Default for Links {
    fn default() -> Self {
        Self { socket: open().ok().map(Arc::new), services: Arc::default() }
    }
}

fn open() -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    Ok(socket)
}

impl Links {
    /// From now on this service is told of this interface.
    pub(super) fn await_at(&self, service: &str, interface: &Interface) {
        let mut services = self.lock();
        if services.get(service) != Some(interface) {
            services.insert(service.to_owned(), interface.clone());
        }
    }

    /// Tells only services that `known` says are there (a new configuration).
    pub(super) fn keep(&self, known: impl Fn(&str) -> bool) {
        self.lock().retain(|service, _| known(service));
    }

    /// Tells what stirs, for ever.
    pub(super) async fn listen(self, inbox: Arc<Inbox>) {
        let Some(socket) = self.socket.clone() else { return };
        let Ok(socket) = Readable::new(socket) else { return };
        while let Ok(services) = socket.when(|socket| self.stirred(socket)).await {
            for service in services {
                inbox.answer(Input::Stirred(service));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The services whose interfaces have changed since the last reading.
    fn stirred(&self, socket: &OwnedFd) -> io::Result<BTreeSet<String>> {
        let mut services = BTreeSet::new();
        let mut buffer = vec![0; BUFFER];
        for _ in 0..READINGS {
            let about = match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => messages(buffer.get(..length).unwrap_or_default()),
                // Some were lost.
                Err(Errno::ENOBUFS) => vec![About::Any],
                Err(Errno::EAGAIN) if services.is_empty() => return Err(Errno::EAGAIN.into()),
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(error) => return Err(error.into()),
            };
            for about in about {
                self.concerned(&about, &mut services);
            }
        }
        Ok(services)
    }

    fn concerned(&self, about: &About, services: &mut BTreeSet<String>) {
        for (service, interface) in &*self.lock() {
            let concerned = match (about, interface) {
                (About::Link(name), Interface::Name(own)) => name == own,
                // The link of an address is not known here.
                (About::Any, _) | (About::Link(_), Interface::Address(_)) => true,
            };
            if concerned {
                services.insert(service.clone());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Interface>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom the messages of one reading are about.
fn messages(mut bytes: &[u8]) -> Vec<About> {
    let mut about = Vec::new();
    while let (Some(length), Some(kind)) = (word(bytes, 0), half(bytes, 4)) {
        let length = length as usize;
        let Some(message) = bytes.get(..length).filter(|_| length >= HEADER) else { break };
        about.push(match LINK_MESSAGES.contains(&kind) {
            true => name(message.get(HEADER + LINK_INFO..).unwrap_or_default())
                .map_or(About::Any, About::Link),
            false => About::Any,
        });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    about
}

/// The interface's name among a message's attributes.
fn name(mut attributes: &[u8]) -> Option<String> {
    while let (Some(length), Some(kind)) = (half(attributes, 0), half(attributes, 2)) {
        let length = usize::from(length);
        let value = attributes.get(4..length)?;
        if kind == NAME {
            let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
            return Some(String::from_utf8_lossy(value.get(..end)?).into_owned());
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).expect("short");
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
        let body = [vec![0; LINK_INFO], attributes.concat()].concat();
        let length = u32::try_from(HEADER + body.len()).expect("short");
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn the_kernels_messages_are_read() {
        let link = message(16, &[attribute(1, b"abcdef"), attribute(3, b"veth0\0")]);
        let address = message(20, &[attribute(3, b"veth0\0")]);
        let nameless = message(17, &[attribute(1, b"x")]);
        let all = [link.clone(), address, nameless].concat();
        let expect = [About::Link("veth0".into()), About::Any, About::Any];
        assert_eq!(messages(&all), expect);
        assert_eq!(messages(link.get(..20).expect("longer")), []);
    }

    #[test]
    fn each_service_hears_of_its_own_link() {
        let links = Links { socket: None, services: Arc::default() };
        links.await_at("a", &Interface::Name("veth0".into()));
        links.await_at("b", &Interface::Name("veth1".into()));
        links.await_at("c", &Interface::Address("192.0.2.1".parse().expect("an address")));
        let of = |about: About| {
            let mut services = BTreeSet::new();
            links.concerned(&about, &mut services);
            services.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(About::Link("veth0".into())), ["a", "c"]);
        assert_eq!(of(About::Any), ["a", "b", "c"]);
        links.keep(|service| service == "b");
        assert_eq!(of(About::Any), ["b"]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = messages(&bytes);
            let mut framed = u32::try_from(bytes.len() + HEADER).unwrap().to_ne_bytes().to_vec();
            framed.extend([16, 0]);
            framed.resize(HEADER, 0);
            framed.extend(&bytes);
            prop_assert_eq!(messages(&framed).len(), 1);
        }
    }
}
