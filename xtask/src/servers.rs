//! Servers of Debian for the tests to talk to: fetched with what this machine lacks of their
//! libraries, and unpacked below `target/`. Nothing is installed, no service starts.
//!
//! Not here: how a test runs one (`watchdog_tests::debian`).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

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
    ("sn", "nntp"),
    ("spamd", "spamassassin"),
    ("vsftpd", "ftp"),
    ("xinetd", "rdate"),
];

/// Unpacks them into a folder named by all packages that it takes, in their versions, and notes that in
/// `target/tools/servers/done`; unless that was done.
pub(crate) fn unpack() -> Result<()> {
    let folder = target().join("tools/servers");
    let archives = folder.join("archives");
    let there = || -> Result<Option<String>> {
        let root = wanted(&archives)?;
        let done = fs::read_to_string(folder.join("done")).is_ok_and(|done| done == root);
        Ok((done && folder.join(&root).is_dir()).then_some(root))
    };
    // By the lists of packages as they are: they are fetched anew only if something has to be fetched.
    if there().is_ok_and(|root| root.is_some()) {
        return Ok(());
    }
    setup::update()?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let name = wanted(&archives)?;
    step("fetch servers for the tests", apt(&archives).args(["--download-only", "-qq"]))?;
    let root = folder.join("unpacking");
    fs::create_dir_all(&root)?;
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
    // Half a tree never has the name, and a name is noted only of a whole one.
    fs::rename(&root, folder.join(&name))?;
    Ok(fs::write(folder.join("done"), name)?)
}

/// The folder's name: all that would have to be fetched (what this machine lacks), with versions, sizes and
/// sums as far as the lists have them.
fn wanted(archives: &Path) -> Result<String> {
    fs::create_dir_all(archives.join("partial"))?;
    let output = apt(archives).args(["--print-uris", "-qq"]).output().context("apt-get")?;
    ensure!(output.status.success(), "apt-get: {}", String::from_utf8_lossy(&output.stderr));
    // `'address' name_version.deb size sum`: one server or another gives the same.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut files: Vec<&str> =
        text.lines().filter_map(|line| Some(line.rsplit_once("' ")?.1.trim())).collect();
    files.sort_unstable();
    let sum = Sha256::digest(files.join("\n"));
    let sum: String = sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("root-{sum}"))
}

/// `apt-get install` of the servers, as if nothing had been fetched before.
fn apt(archives: &Path) -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--no-install-recommends"])
        .args(["-o", "APT::Sandbox::User=root", "-o"])
        .arg(format!("Dir::Cache::Archives={}", archives.display()))
        .args(SERVERS.iter().map(|(name, _)| *name))
        .env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
