//! Servers of Debian for the tests to talk to: fetched with what this machine lacks of their
//! libraries, and unpacked below `target/`. Nothing is installed, no service starts.
//!
//! Not here: how a test runs one (`watchdog_tests::debian`).

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::setup;
use crate::step::{step, target};

/// Debian packages, and the protocols that they show. About 90 MB with their libraries.
const SERVERS: &[(&str, &str)] = &[
    ("apache2-bin", "apache-status"),
    ("chrony", "ntp3"),
    ("clamav-daemon", "clamav"),
    ("dnsmasq-base", "dns"),
    ("dovecot-imapd", "imap"),
    ("dovecot-lmtpd", "lmtp"),
    ("dovecot-managesieved", "sieve"),
    ("dovecot-pop3d", "pop"),
    ("exim4-daemon-light", "smtp"),
    ("fail2ban", "fail2ban"),
    ("freeradius", "radius"),
    ("gpsd", "gps"),
    ("kamailio", "sip"),
    ("mariadb-server-core", "mysql"),
    ("memcached", "memcache"),
    ("mosquitto", "mqtt, websocket"),
    ("nginx-light", "http"),
    ("openssh-server", "ssh"),
    ("postgresql-15", "pgsql"),
    ("postgrey", "postfix-policy"),
    ("redis-server", "redis"),
    ("rsync", "rsync"),
    ("slapd", "ldap2, ldap3"),
    ("spamd", "spamassassin"),
    ("vsftpd", "ftp"),
    ("xinetd", "rdate"),
];

/// Unpacks them into `target/tools/servers/root`, unless that was done for the same list on the same system.
pub(crate) fn unpack() -> Result<()> {
    let folder = target().join("tools/servers");
    let names: Vec<&str> = SERVERS.iter().map(|(name, _)| *name).collect();
    // What else is installed decides which libraries were fetched.
    let installed = fs::metadata("/var/lib/dpkg/status")?;
    let list = format!("{} {} {:?}", names.join(" "), installed.len(), installed.modified()?);
    let stamp = folder.join("done");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == list) {
        return Ok(());
    }
    let (archives, root) = (folder.join("archives"), folder.join("root"));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(archives.join("partial"))?;
    fs::create_dir_all(&root)?;
    setup::update()?;
    let mut fetch = Command::new("apt-get");
    fetch
        .args(["install", "--download-only", "--yes", "--no-install-recommends", "-qq"])
        .args(["-o", "APT::Sandbox::User=root", "-o"])
        .arg(format!("Dir::Cache::Archives={}", archives.display()))
        .args(&names)
        .env("DEBIAN_FRONTEND", "noninteractive");
    step("fetch servers for the tests", &mut fetch)?;
    for entry in fs::read_dir(&archives)? {
        let package = entry?.path();
        if package.extension().is_some_and(|end| end == "deb") {
            step("unpack", Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root))?;
        }
    }
    // The system has one tree below /usr, and the packages are laid over that.
    for name in ["lib", "bin", "sbin"] {
        let (from, to) = (root.join(name), root.join("usr").join(name));
        if from.is_dir() {
            fs::create_dir_all(&to)?;
            step("join", Command::new("cp").arg("-a").arg(from.join(".")).arg(&to))?;
            fs::remove_dir_all(&from)?;
        }
    }
    fs::remove_dir_all(&archives)?;
    Ok(fs::write(&stamp, list)?)
}
