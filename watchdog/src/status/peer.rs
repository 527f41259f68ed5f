//! What the process at the other end of the control socket may do, by the kernel's word for it.
//!
//! The kernel keeps who connected (`SO_PEERCRED`, `SO_PEERGROUPS`): nothing that the peer sends
//! counts. The socket file's mode already keeps strangers out; this is the second door.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use super::ACCOUNT;

/// What a peer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// Nothing: every request is answered 403.
    Nothing,
    /// Look.
    Read,
    /// Look and act.
    Act,
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Effective user when it connected.
    pub uid: u32,
    /// Effective group and supplementary groups when it connected.
    pub groups: Vec<u32>,
}

impl Peer {
    /// The peer of a connected Unix stream socket.
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        let credentials = rustix::net::sockopt::socket_peercred(&socket)?;
        let mut groups = crate::sys::peer::supplementary_groups(socket.as_fd())?;
        groups.push(credentials.gid.as_raw());
        Ok(Self { uid: credentials.uid.as_raw(), groups })
    }

    /// Root and whoever runs the daemon (root, outside of tests) may act, members of `readers`
    /// may look.
    pub fn rights(&self, own_uid: u32, readers: Option<u32>) -> Rights {
        if self.uid == 0 || self.uid == own_uid {
            Rights::Act
        } else if readers.is_some_and(|group| self.groups.contains(&group)) {
            Rights::Read
        } else {
            Rights::Nothing
        }
    }
}

/// The number of the group whose members may read; none where the host has no such group.
///
/// Read from `/etc/group` itself: the package makes the group there, and name services that ask
/// the network have no place in the start of a watchdog.
pub fn readers() -> Option<u32> {
    let text = std::fs::read_to_string(Path::new("/etc/group")).ok()?;
    field(&text, ACCOUNT, 2)?.parse().ok()
}

/// User and group number of an account of `/etc/passwd`.
pub fn account(name: &str) -> Option<(u32, u32)> {
    let text = std::fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    Some((field(&text, name, 2)?.parse().ok()?, field(&text, name, 3)?.parse().ok()?))
}

/// A field of the line that begins with `name` (passwd(5), group(5)).
fn field<'t>(text: &'t str, name: &str, number: usize) -> Option<&'t str> {
    text.lines().map(|line| line.split(':')).find_map(|mut fields| {
        (fields.next() == Some(name)).then(|| fields.nth(number - 1)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn peer(uid: u32, groups: &[u32]) -> Peer {
        Peer { uid, groups: groups.to_vec() }
    }

    #[test]
    fn root_acts_members_read_others_nothing() {
        assert_eq!(peer(0, &[0]).rights(0, None), Rights::Act);
        assert_eq!(peer(1000, &[1000, 990]).rights(0, Some(990)), Rights::Read);
        assert_eq!(peer(1000, &[1000]).rights(0, Some(990)), Rights::Nothing);
        assert_eq!(peer(1000, &[0, 990]).rights(0, None), Rights::Nothing);
    }

    #[test]
    fn group_zero_is_not_root() {
        assert_eq!(peer(1000, &[0]).rights(0, Some(990)), Rights::Nothing);
    }

    #[test]
    fn the_kernel_names_this_process() {
        let (one, _other) = UnixStream::pair().expect("a socket pair");
        let peer = Peer::of(&one).expect("credentials");
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert!(peer.groups.contains(&rustix::process::getegid().as_raw()));
        for group in rustix::process::getgroups().expect("our groups") {
            assert!(peer.groups.contains(&group.as_raw()));
        }
    }

    #[test]
    fn lines_are_found_by_their_whole_name() {
        let text = "xebpf-watchdog:x:1:\nebpf-watchdog2:x:2:\nebpf-watchdog:x:990:ann,bob\n";
        assert_eq!(field(text, ACCOUNT, 2), Some("990"));
        assert_eq!(field("ebpf-watchdog\n", ACCOUNT, 2), None);
    }
}
