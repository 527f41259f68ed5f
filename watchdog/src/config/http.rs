//! `http:`: address, networks and users of the web front.
//!
//! Not here: serving.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::service::{Http, Secret, WebUser};

use super::diagnostic::Diagnostic;
use super::raw::Node;
use super::reader::{Entry, Reader, item_place};
use super::source::Place;
use super::vocabulary::{HTTP, WEB_USER};

impl Reader {
    /// The mapping `http:`.
    pub(super) fn http(&mut self, entry: Entry) -> Option<Http> {
        let at = entry.key;
        let mut table = self.table(entry.value, at, &HTTP)?;
        let mut allow = Vec::new();
        if let Some(entry) = table.take("allow") {
            let at = entry.key;
            for node in self.list(entry) {
                allow.extend(self.network(&node, at));
            }
        }
        let mut users: Vec<(WebUser, Place)> = Vec::new();
        match table.take("users") {
            Some(entry) => {
                let at = entry.key;
                for node in self.strict_list(entry) {
                    let Some((user, place)) = self.web_user(node, at) else { continue };
                    if let Some((_, first)) =
                        users.iter().find(|(known, _)| known.name == user.name)
                    {
                        let first = *first;
                        self.out.push(
                            Diagnostic::error(place, format!("a second user `{}`", user.name))
                                .also(first, "the first is here"),
                        );
                    }
                    users.push((user, place));
                }
                if users.is_empty() && !self.out.has_errors() {
                    self.error(at, "`users` is empty: nobody could log in");
                }
            }
            None => self.error_help(
                at,
                "`http` has no `users`: nobody could log in",
                "make a password hash with `ebpf-watchdog hash-password`",
            ),
        }
        let Some(listen) = table.take("listen") else {
            self.error_help(at, "`http` has no `listen`", "write `listen: 127.0.0.1:2812`");
            return None;
        };
        let listen = self.listen(&listen)?;
        Some(Http { listen, allow, users: users.into_iter().map(|(user, _)| user).collect() })
    }

    fn listen(&mut self, entry: &Entry) -> Option<SocketAddr> {
        let text = self.line(&entry.value, entry.key)?;
        let Ok(address) = text.parse::<SocketAddr>() else {
            self.error_help(
                entry.value.place,
                format!("`{text}` is not an address with a port"),
                "write `127.0.0.1:2812` or `\"[::1]:2812\"`",
            );
            return None;
        };
        if !address.ip().to_canonical().is_loopback() {
            let port = address.port();
            self.error_help(
                entry.value.place,
                format!(
                    "`{}` is not a loopback address: this version speaks plain HTTP",
                    address.ip()
                ),
                format!(
                    "listen on 127.0.0.1:{port}, and from elsewhere run \
                     `ssh -L {port}:127.0.0.1:{port} root@{}`",
                    self.options.host
                ),
            );
            return None;
        }
        // The front has no right to a port of the first 1024, and nobody would find one of chance.
        if address.port() < LOWEST_PORT {
            self.error(
                entry.value.place,
                format!("the port must be {LOWEST_PORT} or above: the page has no rights"),
            );
            return None;
        }
        Some(address)
    }

    fn network(&mut self, node: &Node, at: Place) -> Option<IpNet> {
        let text = self.line(node, at)?;
        let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        if network.is_none() {
            self.error_help(
                node.place,
                format!("`{text}` is not an address or network"),
                "write it as `10.0.0.0/8` or `192.0.2.7`",
            );
        }
        network
    }

    fn web_user(&mut self, node: Node, at: Place) -> Option<(WebUser, Place)> {
        let at = item_place(&node, at);
        let mut table = self.open_table(node, at)?;
        if let Some(entry) = table.take("password") {
            self.error_help(entry.key, "a password does not stand in the configuration", HASH_HELP);
            return None;
        }
        let mut table = self.keep_known(table, &WEB_USER);
        let place = table.place;
        let role = table.take("role").and_then(|entry| {
            let role = self.choice(&entry, &[("operator", true), ("viewer", false)])?;
            if role {
                let text = "`operator` has no effect yet: over HTTP nothing can be changed";
                self.out.push(
                    Diagnostic::warning(entry.value.place, text)
                        .help("services are started and stopped by root on the command line"),
                );
            }
            Some(role)
        });
        let name = table.take("name").and_then(|entry| {
            let name = self.line(&entry.value, entry.key)?;
            if name.contains(':') {
                self.error(entry.value.place, "a login name has no `:`");
                return None;
            }
            Some((name, entry.value.place))
        });
        let Some(entry) = table.take("password_hash") else {
            self.error_help(place, "a user needs `name` and `password_hash`", HASH_HELP);
            return None;
        };
        let hash = self.line(&entry.value, entry.key)?;
        if !is_bcrypt(&hash) {
            self.error_help(
                entry.key,
                "`password_hash` is not a bcrypt hash (`$2y$12$…`)",
                HASH_HELP,
            );
            return None;
        }
        if work_factor(&hash) > MOST_WORK {
            self.error_help(
                entry.key,
                format!("a hash with a work factor above {MOST_WORK} takes too long at each login"),
                HASH_HELP,
            );
            return None;
        }
        self.hashes.push(entry.key);
        let Some((name, place)) = name else {
            self.error(place, "a user needs a `name`");
            return None;
        };
        let user = WebUser { name, password_hash: Secret(hash), operator: role.unwrap_or(false) };
        Some((user, place))
    }
}

/// Ports below are for programs with rights.
const LOWEST_PORT: u16 = 1024;
/// bcrypt takes some seconds with this, and twice as long with each one more.
const MOST_WORK: u32 = 16;

const HASH_HELP: &str = "run `ebpf-watchdog hash-password` and put its output into `password_hash`";

/// The `12` of `$2y$12$…`.
fn work_factor(hash: &str) -> u32 {
    hash.split('$').nth(2).and_then(|cost| cost.parse().ok()).unwrap_or(0)
}

/// `$2a$`, `$2b$` or `$2y$`, a cost from 4 to 31, 22 characters of salt and 31 of hash.
fn is_bcrypt(text: &str) -> bool {
    let Some(rest) = ["$2a$", "$2b$", "$2y$"].iter().find_map(|head| text.strip_prefix(head))
    else {
        return false;
    };
    let Some((cost, hash)) = rest.split_once('$') else { return false };
    cost.len() == 2
        && cost.parse().is_ok_and(|cost: u32| (4..=31).contains(&cost))
        && hash.len() == 53
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/')
}
