//! What protocols are called in sentences, where they are usually found, and their sentences.
//!
//! Not here: reading sentences (`config::grammar`).

use std::fmt;

use super::{ApacheStatus, Http, Pgsql, Protocol, Quoted, Websocket};

impl Protocol {
    /// All that a sentence can name, without options; in alphabetical order.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("apache-status", Self::ApacheStatus(ApacheStatus::PLAIN)),
        ("clamav", Self::Clamav),
        ("dns", Self::Dns),
        ("dwp", Self::Dwp),
        ("fail2ban", Self::Fail2ban),
        ("ftp", Self::Ftp),
        ("gps", Self::Gps),
        ("http", Self::Http(Http::PLAIN)),
        ("https", Self::Https(Http::PLAIN)),
        ("imap", Self::Imap),
        ("imaps", Self::Imaps),
        ("ldap2", Self::Ldap2),
        ("ldap3", Self::Ldap3),
        ("lmtp", Self::Lmtp),
        ("memcache", Self::Memcache),
        ("mongodb", Self::Mongodb),
        ("mqtt", Self::Mqtt(None)),
        ("mysql", Self::Mysql(None)),
        ("mysqls", Self::Mysqls(None)),
        ("nntp", Self::Nntp),
        ("ntp3", Self::Ntp3),
        ("pgsql", Self::Pgsql(Pgsql::PLAIN)),
        ("pop", Self::Pop),
        ("pops", Self::Pops),
        ("postfix-policy", Self::PostfixPolicy),
        ("radius", Self::Radius(None)),
        ("rdate", Self::Rdate),
        ("redis", Self::Redis),
        ("rsync", Self::Rsync),
        ("sieve", Self::Sieve),
        ("sip", Self::Sip { target: None, max_forward: 70 }),
        ("smtp", Self::Smtp { login: None }),
        ("smtps", Self::Smtps { login: None }),
        ("spamassassin", Self::Spamassassin),
        ("ssh", Self::Ssh),
        ("tns", Self::Tns),
        ("websocket", Self::Websocket(Websocket::PLAIN)),
    ];

    /// The protocol of a name, without options.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(own, _)| *own == name).map(|(_, protocol)| protocol.clone())
    }

    /// The name in a sentence.
    pub fn name(&self) -> &'static str {
        let kind = std::mem::discriminant(self);
        let own = |(_, one): &&(_, Self)| std::mem::discriminant(one) == kind;
        Self::NAMES.iter().find(own).map_or("", |(name, _)| name)
    }

    /// Whether the name alone says that it is talked inside TLS (`https`).
    pub fn wants_tls(&self) -> bool {
        matches!(
            self,
            Self::Https(_) | Self::Imaps | Self::Mysqls(_) | Self::Pops | Self::Smtps { .. }
        )
    }

    /// The port where a sentence names none, as in `failed url https://…`; 0 where there is no usual one.
    pub fn port(&self) -> u16 {
        match self {
            Self::Clamav => 3310,
            Self::Dwp | Self::Fail2ban | Self::PostfixPolicy => 0,
            Self::Ftp => 21,
            Self::ApacheStatus(_) | Self::Http(_) | Self::Websocket(_) => 80,
            Self::Https(_) => 443,
            Self::Imap => 143,
            Self::Imaps => 993,
            Self::Lmtp => 24,
            Self::Nntp => 119,
            Self::Pop => 110,
            Self::Pops => 995,
            Self::Rsync => 873,
            Self::Sieve => 4190,
            Self::Sip { .. } => 5060,
            Self::Smtp { .. } => 25,
            Self::Smtps { .. } => 465,
            Self::Spamassassin => 783,
            Self::Dns => 53,
            Self::Gps => 2947,
            Self::Memcache => 11211,
            Self::Mongodb => 27017,
            Self::Mqtt(_) => 1883,
            Self::Ntp3 => 123,
            Self::Pgsql(_) => 5432,
            Self::Radius(_) => 1812,
            Self::Rdate => 37,
            Self::Redis => 6379,
            Self::Tns => 1521,
            Self::Ldap2 | Self::Ldap3 => 389,
            Self::Mysql(_) | Self::Mysqls(_) => 3306,
            Self::Ssh => 22,
        }
    }
}

/// As a sentence names it, with all options: what the grammar reads back as the same.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::ApacheStatus(status) => status.fmt(f),
            Self::Http(http) | Self::Https(http) => http.fmt(f),
            Self::Mqtt(Some(login)) | Self::Mysql(Some(login)) | Self::Mysqls(Some(login)) => {
                login.fmt(f)
            }
            Self::Pgsql(pgsql) => pgsql.fmt(f),
            Self::Radius(Some(path)) => {
                write!(f, " secret file {}", Quoted(&path.to_string_lossy()))
            }
            Self::Websocket(websocket) => websocket.fmt(f),
            Self::Sip { target, max_forward } => {
                if let Some(target) = target {
                    write!(f, " target {target}")?;
                }
                if *max_forward == 70 { Ok(()) } else { write!(f, " maxforward {max_forward}") }
            }
            Self::Smtp { login: Some(login) } | Self::Smtps { login: Some(login) } => login.fmt(f),
            _ => Ok(()),
        }
    }
}
