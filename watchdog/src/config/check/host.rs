//! What a host has besides name and rules: its address. What a name or an address is.

use std::net::IpAddr;

use crate::check::host::Host;
use crate::config::reader::{Reader, Table};
use crate::config::source::Place;

/// A name on the network has at most so many bytes (RFC 1035, section 2.3.4).
const LONGEST: usize = 253;

impl Reader {
    /// The keys of a host.
    pub(super) fn host_check(&mut self, table: &mut Table, kind: Place) -> Option<Host> {
        let Some(entry) = table.take("address") else {
            let help = "add `address:` with a name or an address";
            self.error_help(kind, "nothing says where the host is", help);
            return None;
        };
        let text = self.line(&entry.value, entry.key)?;
        let address = address(&self.with_host(&text));
        if address.is_none() {
            let help = "write `www.example.org`, `192.0.2.1` or `2001:db8::1`, without a port";
            self.error_help(entry.value.place, format!("`{text}` is no name and no address"), help);
        }
        address.map(|address| Host { address })
    }
}

/// The text as name or address, if it can be one. IPv6 addresses may stand in brackets.
pub(in crate::config) fn address(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(bare) = bare {
        return bare.parse::<std::net::Ipv6Addr>().ok().map(|_| bare.to_owned());
    }
    let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = !text.is_empty()
        && text.len() <= LONGEST
        && text.chars().all(sign)
        && !text.starts_with(['-', '.']);
    // An IPv6 address of the link has its interface behind a percent sign.
    let scoped = text.split_once('%').is_some_and(|(address, zone)| {
        address.parse::<std::net::Ipv6Addr>().is_ok() && !zone.is_empty() && zone.chars().all(sign)
    });
    (name || scoped || text.parse::<IpAddr>().is_ok()).then(|| text.to_owned())
}
