//! `mail:`: servers and sender.
//!
//! Not here: receivers (`recipients`), and sending.

use std::io::Read;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Checksum;
use crate::service::{Mail, MailFormat, MailServer, MailTls, Secret};

use super::Trust;
use super::diagnostic::Diagnostic;
use super::raw::{Node, Value};
use super::reader::{Entry, Reader, Table, item_place};
use super::source::Place;
use super::vocabulary::{FORMAT, MAIL, MAIL_SERVER, PASSWORD};
use crate::trust;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const PORT: u16 = 25;
const PORT_WRAPPED: u16 = 465;
/// No password is longer.
const MAX_SECRET: u64 = 4096;
/// Of a domain (RFC 5321 section 4.5.3.1.2).
const MAX_NAME: usize = 255;
/// It is kept with each alert that waits.
const MAX_MESSAGE: usize = 16 << 10;

impl Reader {
    /// The mapping `mail:`.
    pub(super) fn mail(&mut self, entry: Entry) -> Option<Mail> {
        let at = entry.key;
        let mut table = self.table(entry.value, at, &MAIL)?;
        let mut servers = Vec::new();
        match table.take("servers") {
            Some(entry) => {
                let at = entry.key;
                let nodes = self.list(entry);
                if nodes.is_empty() && !self.out.has_errors() {
                    self.error(at, "`servers` is empty: no alert could be sent");
                }
                for node in nodes {
                    servers.extend(self.mail_server(node, at));
                }
            }
            None => {
                self.error_help(at, "`mail` has no `servers`", "write `servers: [localhost]`");
            }
        }
        let MailFormat { from, reply_to, subject, message } = self.look(&mut table);
        let hostname = table.take("hostname").and_then(|entry| self.greeting(&entry));
        let timeout = table.take("timeout").and_then(|entry| self.time_limit(&entry));
        Some(Mail {
            servers,
            from: from.unwrap_or_else(|| self.with_host("ebpf-watchdog@$HOST")),
            reply_to,
            subject,
            message,
            hostname,
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        })
    }

    /// `format:` of one receiver.
    pub(super) fn mail_format(&mut self, entry: Entry) -> Option<Arc<MailFormat>> {
        let mut table = self.table(entry.value, entry.key, &FORMAT)?;
        Some(Arc::new(self.look(&mut table)))
    }

    /// How a mail looks: keys of `mail:` and of `format:`.
    fn look(&mut self, table: &mut Table) -> MailFormat {
        let mut address = |reader: &mut Self, name: &str| {
            let entry = table.take(name)?;
            let text = reader.line(&entry.value, entry.key)?;
            let text = reader.with_host(&text);
            reader.address(&text, entry.value.place)
        };
        let (from, reply_to) = (address(self, "from"), address(self, "reply_to"));
        let subject = table.take("subject").and_then(|entry| self.line(&entry.value, entry.key));
        let message = table.take("message").and_then(|entry| {
            let text = self.text(&entry.value, entry.key)?;
            if text.len() > MAX_MESSAGE {
                self.error(entry.key, format!("a `message` has at most {MAX_MESSAGE} bytes"));
            }
            Some(text)
        });
        MailFormat { from, reply_to, subject, message }
    }

    /// The name that servers are greeted with (RFC 5321 section 4.1.1.1).
    fn greeting(&mut self, entry: &Entry) -> Option<String> {
        let name = self.line(&entry.value, entry.key)?;
        let name = self.with_host(&name);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        if name.len() <= MAX_NAME && name.bytes().all(fits) {
            return Some(name);
        }
        let help = "write it as `host.example.org`";
        self.error_help(entry.value.place, format!("`{name}` is not the name of a host"), help);
        None
    }

    fn mail_server(&mut self, node: Node, at: Place) -> Option<MailServer> {
        let mut server = MailServer {
            host: String::new(),
            port: PORT,
            tls: MailTls::Opportunistic,
            user: None,
            password: None,
            insecure: false,
            ca_file: None,
            checksum: None,
        };
        if let Value::Scalar(_) = node.value {
            server.host = self.host_name(&node, at)?;
            return Some(server);
        }
        let at = item_place(&node, at);
        let mut table = self.table(node, at, &MAIL_SERVER)?;
        let place = table.place;
        if let Some(tls) = table.take("tls").and_then(|entry| {
            self.choice(
                &entry,
                &[
                    ("none", MailTls::None),
                    ("opportunistic", MailTls::Opportunistic),
                    ("required", MailTls::Required),
                    ("wrapped", MailTls::Wrapped),
                ],
            )
        }) {
            server.tls = tls;
            server.port = if tls == MailTls::Wrapped { PORT_WRAPPED } else { PORT };
        }
        if let Some(port) = table.take("port").and_then(|entry| self.number(&entry, 1, u16::MAX)) {
            server.port = port;
        }
        server.user = table.take("user").and_then(|entry| self.line(&entry.value, entry.key));
        let password = table.take("password");
        match (&server.user, &password) {
            (Some(_), None) => self.error_help(
                place,
                "a `user` without a `password`",
                "write `password: { file: /etc/ebpf-watchdog/mail.password }`",
            ),
            (None, Some(entry)) => self.error(entry.key, "a `password` without a `user`"),
            _ => {}
        }
        server.password = password.and_then(|entry| self.password(entry));
        if let Some(verify) = table.take("verify").and_then(|entry| self.boolean(&entry)) {
            server.insecure = !verify;
        }
        server.ca_file = table.take("ca_file").and_then(|entry| self.path(&entry));
        let checksum = table.take("checksum");
        if let Some(entry) = &checksum
            && matches!(server.tls, MailTls::None | MailTls::Opportunistic)
        {
            self.error_help(
                entry.key,
                "a `checksum` needs a connection that is always encrypted",
                "add `tls: required` (or `wrapped`)",
            );
        }
        server.checksum = checksum.and_then(|entry| self.checksum(&entry));
        let Some(host) = table.take("host") else {
            self.error(place, "a mail server needs a `host`");
            return None;
        };
        server.host = self.host_name(&host.value, host.key)?;
        Some(server)
    }

    /// Of a certificate, with or without the colons that `openssl` writes.
    fn checksum(&mut self, entry: &Entry) -> Option<Checksum> {
        let text = self.line(&entry.value, entry.key)?;
        let checksum = Checksum::parse(&text.replace(':', ""));
        if checksum.is_none() {
            let help = "SHA-256 has 64 hexadecimal digits, SHA-1 40 and MD5 32";
            self.error_help(entry.value.place, "this is no checksum", help);
        }
        checksum
    }

    /// A name or an address, and nothing with it.
    fn host_name(&mut self, node: &Node, at: Place) -> Option<String> {
        let name = self.line(node, at)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.bytes().all(fits) || name.parse::<Ipv6Addr>().is_ok() {
            return Some(name);
        }
        let port = name.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        let help = match port {
            Some((host, port)) => format!("write `{{ host: {host}, port: {port} }}`"),
            None => "write it as `mail.example.org`".to_owned(),
        };
        self.error_help(node.place, format!("`{name}` is not the name of a mail server"), help);
        None
    }

    /// `password: { file: … }`, read now: the file is root's and closed to others.
    fn password(&mut self, entry: Entry) -> Option<Secret> {
        if let Value::Scalar(_) = entry.value.value {
            self.error_help(
                entry.key,
                "a password does not stand in the configuration",
                "put it into a file of root's with mode 0600 and write `password: { file: PATH }`",
            );
            return None;
        }
        let at = entry.key;
        let file = self.table(entry.value, at, &PASSWORD)?.take("file");
        let Some(file) = file else {
            self.error(at, "`password` needs a `file`");
            return None;
        };
        let path = self.path(&file)?;
        let mut text = String::new();
        let read = trust::open_secret(&path).map_err(|error| error.to_string()).and_then(|file| {
            file.take(MAX_SECRET)
                .read_to_string(&mut text)
                .map_err(|error| format!("{}: {error}", path.display()))
        });
        if let Err(why) = read {
            // Who may not read the secret can still check the rest.
            let message = format!("the password cannot be taken from its file: {why}");
            self.out.push(match self.options.trust {
                Trust::Enforce => Diagnostic::error(file.value.place, message),
                Trust::Skip => Diagnostic::warning(file.value.place, message),
            });
        }
        Some(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// A mail address, with or without a name before it.
    pub(super) fn address(&mut self, text: &str, place: Place) -> Option<String> {
        if lettre::message::Mailbox::from_str(text).is_err() {
            self.error_help(
                place,
                format!("`{text}` is not a mail address"),
                "write it as `name@example.org`",
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// `$HOST` replaced: the only substitution there is.
    pub(super) fn with_host(&self, text: &str) -> String {
        text.replace("$HOST", &self.options.host)
    }
}
