//! A real SMTP server for tests: aiosmtpd in a Python environment of its own below `target/`.
//!
//! Not here: what it does with a mail (`tests/smtp/server.py`).

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::mounted::run;
use crate::until::until;

/// The one version that the tests were written with.
const PACKAGE: &str = "aiosmtpd==1.4.6";

/// The Python of the environment that holds aiosmtpd; made once, by pip.
///
/// # Panics
/// If it cannot be made: Python 3 with `venv` and pip's index are needed once.
pub fn ensure_aiosmtpd() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let venv = target.join("smtp-venv");
    let (python, done) = (venv.join("bin/python"), venv.join("done"));
    // Test programs run side by side: one makes it, the others wait. Closing the file unlocks.
    let lock = fs::File::create(target.join("smtp-venv.lock")).expect("a lock file in target/");
    lock.lock().expect("the lock of the Python environment");
    if fs::read_to_string(&done).is_ok_and(|package| package == PACKAGE) {
        return python;
    }
    let _ = fs::remove_dir_all(&venv);
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]));
    fs::write(&done, PACKAGE).expect("a mark in the Python environment");
    python
}

/// How the server behaves. A mail is written down before it misbehaves after DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Well; with a certificate it offers STARTTLS.
    Plain,
    /// TLS from the first byte.
    Wrapped,
    /// Demands a login (user [`USER`], password [`PASSWORD`]).
    Auth,
    /// Answers 451 to the recipient.
    Temporary,
    /// Answers 550 to the recipient.
    Permanent,
    /// Takes the connection and says nothing.
    HangInGreeting,
    /// Takes the mail and never confirms it.
    HangAfterData,
    /// Takes the mail and cuts the connection instead of confirming it.
    DropBefore250,
    /// Offers STARTTLS and sends later answers in the clear right behind its own.
    Injecting,
    /// Sends a greeting of megabytes.
    Endless,
}

/// Login of [`Mode::Auth`].
pub const USER: &str = "watchdog";
/// Password of [`Mode::Auth`].
pub const PASSWORD: &str = "a secret";

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Wrapped => "wrapped",
            Self::Auth => "auth",
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
            Self::HangInGreeting => "hang-in-greeting",
            Self::HangAfterData => "hang-after-data",
            Self::DropBefore250 => "drop-before-250",
            Self::Injecting => "injecting",
            Self::Endless => "endless",
        }
    }
}

/// A certificate made by itself, for `localhost` and 127.0.0.1.
#[derive(Debug, Clone)]
pub struct SelfMade {
    /// PEM, also the authority to trust.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

impl SelfMade {
    /// Makes one in the folder.
    ///
    /// # Panics
    /// If `openssl` cannot.
    pub fn new(folder: &Path) -> Self {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let settings = folder.join("openssl.cnf");
        // Not an authority: TLS libraries refuse one as a server's own certificate.
        let text = "[req]\ndistinguished_name = name\nx509_extensions = more\nprompt = no\n\
                    [name]\nCN = localhost\n[more]\nbasicConstraints = critical, CA:FALSE\n\
                    subjectAltName = DNS:localhost, IP:127.0.0.1\n";
        fs::write(&settings, text).expect("settings of openssl");
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config"])
            .arg(settings)
            .arg("-out")
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key));
        Self { certificate, key }
    }

    /// SHA-256 of the certificate, in hexadecimal digits.
    ///
    /// # Panics
    /// If `openssl` cannot tell.
    pub fn fingerprint(&self) -> String {
        let mut command = Command::new("openssl");
        command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&self.certificate);
        let output = command.output().expect("openssl runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let (_, digits) = text.trim().split_once('=').expect("a fingerprint");
        digits.replace(':', "")
    }
}

/// A running server; ends when dropped.
#[derive(Debug)]
pub struct SmtpServer {
    child: Child,
    mails: PathBuf,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
}

/// One mail as the server got it.
#[derive(Debug, Clone)]
pub struct Received {
    /// MAIL FROM.
    pub from: String,
    /// RCPT TO.
    pub to: Vec<String>,
    /// Headers and body, dots undone, one character per byte.
    pub data: String,
    /// Was the connection encrypted?
    pub tls: bool,
    /// Who logged in.
    pub user: Option<String>,
    /// By what name the server was greeted.
    pub hello: Option<String>,
}

impl Received {
    /// The header's value, folded lines joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let prefix = format!("{}:", name.to_lowercase());
        head.split("\r\n")
            .find(|line| line.to_lowercase().starts_with(&prefix))
            .map(|line| line[prefix.len()..].trim().to_owned())
    }

    /// All header names, in order.
    pub fn header_names(&self) -> Vec<String> {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default();
        head.split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':').map(|(name, _)| name.to_owned()))
            .collect()
    }

    /// What follows the empty line.
    pub fn body(&self) -> &str {
        self.data.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

impl SmtpServer {
    /// Starts one on a free port. `folder` takes its list of mails.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(folder: &Path, mode: Mode) -> Self {
        Self::start_with(folder, mode, None, None, 0)
    }

    /// Starts one that misbehaves so many `times` at most, with a certificate, on a given port
    /// (0: a free one).
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_with(
        folder: &Path,
        mode: Mode,
        times: Option<u32>,
        tls: Option<&SelfMade>,
        port: u16,
    ) -> Self {
        let mails = folder.join(format!("mails-{}-{port}.jsonl", mode.word()));
        let mut command = Command::new(ensure_aiosmtpd());
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("smtp/server.py"))
            .args(["--mode", mode.word(), "--port", &port.to_string(), "--mails"])
            .arg(&mails)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It complains there about what it is made to do.
            .stderr(Stdio::null());
        if let Some(times) = times {
            command.args(["--times", &times.to_string()]);
        }
        if let Some(tls) = tls {
            command.arg("--cert").arg(&tls.certificate).arg("--key").arg(&tls.key);
        }
        let mut child = command.spawn().expect("the SMTP server starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its standard output");
        BufReader::new(out).read_line(&mut line).expect("its port");
        let port = line.trim().parse().expect("its port");
        Self { child, mails, port }
    }

    /// All mails so far, in order.
    ///
    /// # Panics
    /// If its list cannot be understood.
    pub fn mails(&self) -> Vec<Received> {
        let text = fs::read_to_string(&self.mails).unwrap_or_default();
        text.lines()
            .map(|line| {
                let mail: serde_json::Value = serde_json::from_str(line).expect("a mail");
                let string = |key: &str| mail[key].as_str().unwrap_or_default().to_owned();
                Received {
                    from: string("from"),
                    to: mail["to"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(|to| to.as_str().unwrap_or_default().to_owned())
                        .collect(),
                    data: string("data"),
                    tls: mail["tls"] == true,
                    user: mail["user"].as_str().map(str::to_owned),
                    hello: mail["hello"].as_str().map(str::to_owned),
                }
            })
            .collect()
    }

    /// Waits until so many mails are there, at most so long, and returns all.
    ///
    /// # Panics
    /// If they do not come.
    pub fn wait_for(&self, count: usize, limit: Duration) -> Vec<Received> {
        let found = until(limit, || Some(self.mails()).filter(|mails| mails.len() >= count));
        found.unwrap_or_else(|| panic!("{} of {count} mails came", self.mails().len()))
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
