//! What a network interface has besides name and rules: which one it is.

use crate::check::network::{Interface, Network};
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{Reader, Table};
use crate::config::source::Place;

/// The kernel's `IFNAMSIZ`, less the zero behind it.
const LONGEST: usize = 15;

impl Reader {
    /// The keys of a network interface.
    pub(super) fn network_check(&mut self, table: &mut Table, kind: Place) -> Option<Network> {
        let (name, address) = (table.take("interface"), table.take("address"));
        let interface = match (name, address) {
            (Some(entry), None) => {
                let name = self.line(&entry.value, entry.key)?;
                let odd = |c: char| c.is_whitespace() || c == '/' || c == ':';
                if name.is_empty()
                    || name.len() > LONGEST
                    || name.starts_with('.')
                    || name.contains(odd)
                {
                    self.error(entry.value.place, format!("`{name}` is no name of an interface"));
                    return None;
                }
                if !std::path::Path::new("/sys/class/net").join(&name).exists() {
                    let text = format!("this host has no interface `{name}` now");
                    let help = "as long as there is none, `link down` holds";
                    self.out.push(Diagnostic::warning(entry.value.place, text).help(help));
                }
                Interface::Name(name)
            }
            (None, Some(entry)) => {
                let text = self.line(&entry.value, entry.key)?;
                let Ok(address) = text.parse() else {
                    let help =
                        "an interface is told by one of its addresses, or by `interface: NAME`";
                    let what = format!("`{text}` is no address");
                    self.error_help(entry.value.place, what, help);
                    return None;
                };
                Interface::Address(address)
            }
            (Some(_), Some(entry)) => {
                self.error(
                    entry.key,
                    "`interface` and `address` both: one of them says which it is",
                );
                return None;
            }
            (None, None) => {
                let help = "add `interface: eth0`, or `address:` with an address of its";
                self.error_help(kind, "nothing says which interface is meant", help);
                return None;
            }
        };
        Some(Network { interface })
    }
}
