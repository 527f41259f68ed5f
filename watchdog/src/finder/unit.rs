//! Which of systemd's units a process is in, by its cgroup.
//!
//! Not here: what systemd does with the unit (`crate::systemd`).

use std::io::Read as _;

use crate::identity::ProcessKey;
use crate::process::alive;

/// A process is in a dozen hierarchies at most.
const LONGEST: u64 = 64 << 10;

/// The service unit of this very process. None where it has none, where it is in a unit of another
/// manager than the host's (a user's, a container's), or in ours: what we start is there for want of
/// another.
pub(crate) fn unit_of(process: ProcessKey) -> Option<String> {
    let unit = read(&process.pid.to_string())?;
    let own = read("self");
    (own.as_ref() != Some(&unit) && alive(process)).then_some(unit)
}

fn read(pid: &str) -> Option<String> {
    let mut text = String::new();
    let file = std::fs::File::open(format!("/proc/{pid}/cgroup")).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    parse(&text)
}

/// From lines such as `0::/system.slice/web.service`.
fn parse(text: &str) -> Option<String> {
    let path = |line: &'_ str| -> Option<String> {
        let (_, rest) = line.split_once(':')?;
        let (hierarchy, path) = rest.split_once(':')?;
        if !matches!(hierarchy, "" | "name=systemd") {
            return None;
        }
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let unit = parts.find(|part| !part.ends_with(".slice"))?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
        (unit.ends_with(".service") && !unit.starts_with('-') && unit.bytes().all(fits))
            .then(|| unit.to_owned())
    };
    text.lines().find_map(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_unit_is_told_and_no_other() {
        let unit = |text: &str| parse(text);
        let web = Some("web@1.service".to_owned());
        assert_eq!(unit("0::/system.slice/system-web.slice/web@1.service\n"), web);
        assert_eq!(unit("0::/system.slice/system-web.slice/web@1.service/inner/x.service\n"), web);
        assert_eq!(
            unit("4:cpu:/a.service\n1:name=systemd:/system.slice/web@1.service\n0::/\n"),
            web
        );
        for none in [
            "0::/user.slice/user-0.slice/session-1.scope\n",
            "0::/machine.slice/machine-x.scope/payload/system.slice/web.service\n",
            "0::/system.slice/docker-1.scope\n",
            "0::/\n",
            "0::/system.slice/a b.service\n",
            "0::/system.slice/-x.service\n",
            "4:cpu:/a.service\n",
            "nonsense",
            "",
        ] {
            assert_eq!(unit(none), None, "{none}");
        }
        // The manager of a user is one: what is in it is that user's.
        let user = "0::/user.slice/user-1.slice/user@1.service/app.slice/web.service\n";
        assert_eq!(unit(user).as_deref(), Some("user@1.service"));
    }
}
