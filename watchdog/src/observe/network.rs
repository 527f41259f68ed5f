//! Network interfaces, by sysfs (Documentation/ABI/testing/sysfs-class-net).
//!
//! What sysfs asks a driver may hang with it: asked on a blocking thread, of which a service has one
//! at a time. Not here: who tells that a link has changed (`runner::links`).

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Scene;
use crate::check::CheckTest;
use crate::check::network::traffic::{Counts, rated, remembered};
use crate::check::network::{Capacity, Facts, Interface, Network, Test};
use crate::clock::boot_id;
use crate::clock::boot_now;
use nix::errno::Errno;

/// Where the interfaces are.
const CLASS: &str = "/sys/class/net";
/// How long a driver may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// sysfs shows the network namespace of whoever mounted it; the daemon may have been started in another.
const FOREIGN: &str = "/sys/class/net does not show the interface that has this name here: it is a second \
                       name, or /sys is of another network namespace (`ip netns exec` mounts the right one)";

/// Looks at it.
pub(super) async fn observe(scene: &Arc<Scene>, what: &Network) -> Facts {
    let before = match scene.before.as_ref().map(|before| &before.facts) {
        Some(crate::check::Facts::Network(facts)) => (**facts).clone(),
        _ => Facts::default(),
    };
    let interface = what.interface.clone();
    let call =
        scene.tools.calls.begin_one(&scene.service.name, "network", move || look(&interface));
    let looked = match call {
        Some(call) => tokio::time::timeout(ANSWER, call).await,
        None => return silent(before, "an earlier look at it still hangs".to_owned()),
    };
    match looked {
        Ok(Ok(looked)) => joined(looked, &before, window(scene)),
        Ok(Err(_)) => silent(before, "it could not be looked at".to_owned()),
        Err(_) => silent(before, format!("no answer within {} s", ANSWER.as_secs())),
    }
}

/// Nothing can be told of it now.
fn silent(before: Facts, trouble: String) -> Facts {
    Facts { up: None, rates: None, trouble: Some(trouble), ..before }
}

/// With what was known before, as far as it is the same interface.
fn joined(looked: Facts, before: &Facts, window: Option<Duration>) -> Facts {
    let same = looked.name == before.name;
    let capacity = looked.capacity.or(before.capacity.filter(|_| same));
    let Some(now) = looked.counts else { return Facts { capacity, ..looked } };
    let past = match window {
        Some(window) => remembered(if same { &before.past } else { &[] }, &now, window),
        None => Vec::new(),
    };
    let base = before.counts.as_ref().filter(|_| same).map(|base| (base, before.rates));
    let (counts, rates) = rated(base, now);
    Facts { capacity, counts: Some(counts), rates, past, ..looked }
}

/// How far back rules ask; none: not at all.
fn window(scene: &Scene) -> Option<Duration> {
    let mut longest = None;
    scene.service.for_each_check_test(|test| {
        if let CheckTest::Network(Test::Total(_, _, _, within)) = test {
            longest = longest.max(Some(*within));
        }
    });
    longest
}

/// May hang.
fn look(interface: &Interface) -> Facts {
    let name = match interface {
        Interface::Name(name) => name.clone(),
        Interface::Address(address) => match name_of(*address) {
            Ok(Some(name)) => name,
            Ok(None) => {
                let trouble = Some(format!("no interface has the address {address}"));
                return Facts { up: Some(false), trouble, ..Facts::default() };
            }
            Err(error) => {
                return Facts { trouble: Some(error.to_string()), ..Facts::default() };
            }
        },
    };
    let folder = Path::new(CLASS).join(&name);
    let ours = nix::net::if_::if_nametoindex(name.as_str());
    let shown = read(&folder, "ifindex").and_then(|index| index.parse().ok());
    // Which number it has here may also be impossible to ask: then nothing speaks against it.
    let ours = match ours {
        Ok(index) => Some(index),
        Err(Errno::ENODEV | Errno::ENXIO) => None,
        Err(_) => shown,
    };
    if ours != shown {
        return Facts { name: Some(name), trouble: Some(FOREIGN.to_owned()), ..Facts::default() };
    }
    match std::fs::exists(&folder) {
        Ok(true) => {}
        Ok(false) => {
            let trouble = Some("there is no such interface".to_owned());
            return Facts { name: Some(name), up: Some(false), trouble, ..Facts::default() };
        }
        Err(error) => return Facts { trouble: Some(error.to_string()), ..Facts::default() },
    }
    let up = is_up(&folder);
    let trouble = (up == Some(false)).then(|| read(&folder, "operstate")).flatten();
    Facts {
        name: Some(name),
        up,
        trouble: trouble.filter(|state| state != "down"),
        capacity: capacity(&folder),
        counts: counts(&folder),
        ..Facts::default()
    }
}

/// The interface that has the address.
fn name_of(address: IpAddr) -> io::Result<Option<String>> {
    let all = nix::ifaddrs::getifaddrs()?;
    let is = |found: nix::sys::socket::SockaddrStorage| match address {
        IpAddr::V4(address) => found.as_sockaddr_in().is_some_and(|own| own.ip() == address),
        IpAddr::V6(address) => found.as_sockaddr_in6().is_some_and(|own| own.ip() == address),
    };
    let mut all = all.filter(|one| one.address.is_some_and(is));
    Ok(all.next().map(|one| one.interface_name))
}

/// Loopback and the like have no state of their own: there the carrier decides.
fn is_up(folder: &Path) -> Option<bool> {
    match read(folder, "operstate")?.as_str() {
        "up" => Some(true),
        // Set down it has no carrier to be read.
        "unknown" => Some(read(folder, "carrier").is_some_and(|carrier| carrier == "1")),
        _ => Some(false),
    }
}

fn capacity(folder: &Path) -> Option<Capacity> {
    // -1 where it is not known.
    let speed = read(folder, "speed")?.parse().ok()?;
    let full = read(folder, "duplex").is_none_or(|duplex| duplex != "half");
    Some(Capacity { speed, full })
}

fn counts(folder: &Path) -> Option<Counts> {
    let folder: PathBuf = folder.join("statistics");
    let number = |name: &str| read(&folder, name)?.parse::<u64>().ok();
    Some(Counts {
        boot: boot_id().ok()?,
        at: boot_now().0,
        down: [number("rx_bytes")?, number("rx_packets")?],
        up: [number("tx_bytes")?, number("tx_packets")?],
    })
}

fn read(folder: &Path, name: &str) -> Option<String> {
    Some(std::fs::read_to_string(folder.join(name)).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_by_name_and_address() {
        let by_name = look(&Interface::Name("lo".into()));
        let by_address = look(&Interface::Address("127.0.0.1".parse().expect("an address")));
        assert_eq!(by_address.name.as_deref(), Some("lo"));
        assert!(by_name.counts.is_some());
        assert_eq!(by_name.capacity, None, "it has none");
        let none = look(&Interface::Name("watchdog-none0".into()));
        assert_eq!((none.up, none.counts), (Some(false), None));
        let none = look(&Interface::Address("192.0.2.1".parse().expect("an address")));
        assert_eq!(none.trouble.as_deref(), Some("no interface has the address 192.0.2.1"));
    }

    #[test]
    fn another_interface_is_not_counted_on() {
        let looked = |name: &str| Facts {
            name: Some(name.into()),
            up: Some(true),
            counts: Some(Counts { at: 1, ..Counts::default() }),
            ..Facts::default()
        };
        let capacity = Some(Capacity { speed: 10, full: true });
        let before = Facts { capacity, ..looked("a") };
        assert_eq!(joined(looked("a"), &before, None).capacity, capacity);
        let other = joined(looked("b"), &before, Some(ANSWER));
        assert_eq!((other.capacity, other.rates, other.past.len()), (None, None, 1));
        let silent = silent(before, "why".into());
        assert_eq!((silent.up, silent.capacity), (None, capacity));
    }
}
