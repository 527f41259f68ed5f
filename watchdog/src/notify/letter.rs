//! One alert on its way to one recipient, and the name it keeps over every retry.
//!
//! Not here: how it reads (`render`), where it waits (`queue`, `spool`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::{self, BootTime};
use crate::message::Alert;
use crate::service::MailFormat;

/// What must be known to write the mail at any later time, after a restart or a reboot too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Letter {
    /// The Message-ID, in angle brackets. Made once: a receiver can know a repeated mail by it.
    pub(super) id: String,
    /// When the event happened, on the wall clock, in milliseconds since 1970.
    pub(super) wall_ms: i64,
    /// Mail address.
    pub(super) to: String,
    /// As in [`Alert`], and so the rest.
    pub(super) service: String,
    pub(super) title: String,
    pub(super) action: String,
    pub(super) description: String,
    pub(super) detail: Vec<String>,
    /// How the mail looks, where not as all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Arc<MailFormat>>,
}

/// Bounds of one letter, so that ten thousand waiting ones stay small: bytes of a text, lines of
/// detail.
const TEXT: usize = 2000;
const DETAIL_LINES: usize = 100;

impl Letter {
    /// One letter for each recipient of the alert; `host` is for their ids.
    pub(super) fn of(alert: &Alert, host: &str) -> Vec<Self> {
        let wall = clock::wall_of(alert.at);
        alert
            .to
            .iter()
            .map(|to| Self {
                id: id(host, alert.at, wall.as_second(), alert.number, &to.mail),
                wall_ms: wall.as_millisecond(),
                to: to.mail.clone(),
                format: to.format.clone(),
                service: shortened(&alert.service, TEXT).to_owned(),
                title: shortened(&alert.title, TEXT).to_owned(),
                action: shortened(&alert.action, TEXT).to_owned(),
                description: shortened(&alert.description, TEXT).to_owned(),
                detail: alert
                    .detail
                    .iter()
                    .take(DETAIL_LINES)
                    .map(|line| shortened(line, TEXT).to_owned())
                    .collect(),
            })
            .collect()
    }

    /// Whether it tells another receiver of the same alert.
    pub(super) fn is_of_alert(&self, other: &Self) -> bool {
        (self.wall_ms, &self.service, &self.title, &self.description)
            == (other.wall_ms, &other.service, &other.title, &other.description)
    }
}

/// The Message-ID (RFC 5322 section 3.6.4). The boot clock and the number are unique within a
/// boot, even where the daemon was restarted and counts from one again; the wall time tells boots
/// apart, the checksum recipients.
fn id(host: &str, at: BootTime, wall_seconds: i64, number: u64, to: &str) -> String {
    let recipient = crc32fast::hash(to.as_bytes());
    format!("<{:x}.{number:x}.{wall_seconds:x}.{recipient:08x}@{}>", at.0, domain(host))
}

/// The Message-ID of one mail that stands for several letters: the same for the same letters.
pub(super) fn group_id(ids: &[&str], host: &str) -> String {
    let mut sum = crc32fast::Hasher::new();
    ids.iter().for_each(|id| sum.update(id.as_bytes()));
    let first = ids.first().map_or("", |id| id.trim_start_matches('<'));
    let first = first.split('@').next().unwrap_or_default();
    format!("<{first}.{}.{:08x}@{}>", ids.len(), sum.finalize(), domain(host))
}

/// The host's name where it can stand in a Message-ID or a greeting as it is.
pub(super) fn domain(host: &str) -> &str {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !host.is_empty() && host.len() <= 255 && host.bytes().all(fits) { host } else { "localhost" }
}

/// The text's beginning, at most so many bytes, cut between two characters.
pub(super) fn shortened(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::notify) fn letter(number: u64, to: &str) -> Letter {
        Letter {
            id: format!("<{number}@invhost>"),
            wall_ms: 1_795_326_048_000,
            to: to.to_owned(),
            service: "apache".to_owned(),
            title: "Resource limit matched".to_owned(),
            action: "restart".to_owned(),
            description: format!("letter {number}"),
            detail: Vec::new(),
            format: None,
        }
    }

    #[test]
    fn ids_differ_by_event_and_by_recipient_and_by_nothing_else() {
        let at = BootTime::from_secs(5);
        let one = id("host", at, 9, 1, "a@x");
        assert_eq!(one, id("host", at, 9, 1, "a@x"));
        assert_ne!(one, id("host", at, 9, 1, "b@x"));
        assert_ne!(one, id("host", at, 9, 2, "a@x"));
        assert_ne!(one, id("host", BootTime::from_secs(6), 9, 1, "a@x"));
        assert!(id("bad host\r\n", at, 9, 1, "a@x").ends_with("@localhost>"));
    }

    #[test]
    fn a_group_is_known_by_its_letters() {
        let group = group_id(&["<1@h>", "<2@h>"], "h");
        assert!(group.starts_with("<1.2."), "{group}");
        assert_ne!(group, group_id(&["<1@h>", "<3@h>"], "h"));
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shortened("añb", 2), "a");
        assert_eq!(shortened("añb", 99), "añb");
    }
}
